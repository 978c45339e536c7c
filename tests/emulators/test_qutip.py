from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qutip.solver.integrator import IntegratorScipyAdams

import rydberg_qmem as rq
from rydberg_qmem.emulators.qutip import Qutip
from rydberg_qmem.errors import CapabilityError

TOLERANCE = 2e-5
"""Dark time and a small tolerance leave 1e-5 of the spline's error at the edges of square pulses, measured."""


def record(body: list[Any], emulator: Any, atoms: Any, **more: Any) -> Any:
    program = rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=body, **more)
    return rq.run(program, shots=None, emulator=emulator)


def worst(body: list[Any], atoms: Any, backend: Any = "qutip", **more: Any) -> float:
    """Return the largest difference between the exact emulator's record and that of Pulser's backend."""
    ours, theirs = (record(body, name, atoms, **more) for name in ("exact", backend))
    return max(float(np.abs(ours[name].values - theirs[name].values).max()) for name in ours.data_vars)


PAIR = {"a": (0, 0), "b": (7, 0)}
NEAR = {"a": (0, 0), "b": (4, 0)}
HALF_TURN = {"duration_ns": 50, "area": "pi / 2"}
RHO = {"probe": {"atoms": "all", "density_matrix": True, "key": "rho"}}
EVERYTHING = {"measure": {"atoms": "all", "key": "last"}}


def test_measuring_resetting_and_feeding_forward_agree_with_pulsers_backend() -> None:
    body = [
        {"rotate": {"atom": "a", "angle": 1.0}},
        {"cnot": {"control": "a", "target": "b"}},
        {"measure": {"atoms": "b", "key": "m"}},
        {"reset": {"atoms": "b"}},
        {"rotate": {"atom": "a", "axis": "x", "angle": "0.4 + m"}},
        EVERYTHING,
    ]

    assert worst(body, PAIR) < TOLERANCE


def test_segments_that_end_on_a_pulse_agree_with_pulsers_backend() -> None:
    square = {"constant": {"duration_ns": 100, "value": 6.0}}
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": square, "detuning": 1.0}}
    loop = {"repeat": {"times": 5, "body": [pulse, {"set": {"x": "x + 1"}}]}}

    assert worst([loop, EVERYTHING], PAIR, memory={"x": {"initial": 0}}) < TOLERANCE


def test_without_dark_time_pulsers_backend_is_off() -> None:
    half = {"pulse": {"channel": "rydberg_local", "atoms": "b", "amplitude": {"constant": HALF_TURN}}}
    body = [{"rotate": {"atom": "a", "angle": 1.0}}, {"cnot": {"control": "a", "target": "b"}}, half, EVERYTHING]

    assert worst(body, NEAR) < TOLERANCE
    assert worst(body, NEAR, Qutip(dark_ns=0)) > 5 * TOLERANCE


def test_with_qutips_own_tolerance_pulsers_backend_is_fifty_times_less_exact() -> None:
    body = rq.load("active_reset").model_dump()["body"]
    values = {"parameters": {"angle": 2, "rounds": 2}}

    assert worst(body, {"s": (0, 0)}, Qutip(dark_ns=24), **values) < TOLERANCE / 100
    assert worst(body, {"s": (0, 0)}, Qutip(dark_ns=24, relative_tolerance=1e-6), **values) > TOLERANCE / 2


def test_qutip_keeps_its_own_defaults_elsewhere() -> None:
    before = dict(IntegratorScipyAdams.integrator_options)

    assert worst([{"rotate": {"atom": "a", "angle": 1.0}}, EVERYTHING], PAIR) < TOLERANCE
    assert IntegratorScipyAdams.integrator_options == before


def test_phase_references_agree_with_pulsers_backend() -> None:
    square = {"constant": {"duration_ns": 60, "value": 12.0}}
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": square, "post_phase_shift": 0.7}}
    shift = {"phase_shift": {"atoms": "all", "angle": 0.9, "basis": "ground-rydberg"}}

    assert worst([pulse, {"set": {"x": 1}}, shift, pulse, EVERYTHING], PAIR) < TOLERANCE


def test_decohering_atoms_of_three_levels_agree_with_pulsers_master_equation() -> None:
    noise = {"relaxation_rate": 1.4, "dephasing_rate": 1.5, "hyperfine_dephasing_rate": 1.3}
    body = [{"rotate": {"atom": "a", "angle": 1.0}}, {"cnot": {"control": "a", "target": "b"}},
            {"measure": {"atoms": "b", "key": "m"}}, {"rotate": {"atom": "a", "angle": "0.5 + m"}}, RHO]  # fmt: skip
    program = rq.Program(name="p", device="MockDevice", register={"atoms": PAIR}, body=body)

    ours, theirs = (rq.run(program, shots=None, emulator=name, noise=noise) for name in ("exact", "qutip"))
    wrong = rq.run(program, shots=None, noise={**noise, "hyperfine_dephasing_rate": 1.43})

    assert float(np.abs(ours.rho - theirs.rho).max()) < TOLERANCE
    assert float(np.abs(wrong.rho - theirs.rho).max()) > TOLERANCE  # a rate ten per cent off


def test_the_xy_basis_agrees_with_pulsers_backend() -> None:
    square = {"constant": {"duration_ns": 80, "value": 9.0}}
    pulse = {"pulse": {"channel": "mw_global", "amplitude": square, "detuning": 2.0}}
    body = [pulse, {"measure": {"atoms": "a", "key": "m"}}, pulse, EVERYTHING]

    assert worst(body, {"a": (0, 0), "b": (18, 3)}) < TOLERANCE


@pytest.mark.slow
def test_a_short_memristor_agrees_with_pulsers_backend() -> None:
    sizes: Any = {"parameters": {"period": 4, "window": 2}, "rounds": 4}

    ours, theirs = (rq.run("two_port_memristor", shots=None, emulator=e, **sizes) for e in ("exact", "qutip"))

    np.testing.assert_allclose(ours.R, theirs.R, atol=TOLERANCE)
    np.testing.assert_allclose(ours.clicks, theirs.clicks, atol=TOLERANCE)


def test_a_mask_in_the_xy_mode_is_refused_since_its_end_would_be_off() -> None:
    with pytest.raises(CapabilityError, match=r"body\[0\].slm_mask: emulator 'qutip' cannot follow an SLM mask"):
        rq.run("tilted_exchange", shots=None, emulator="qutip")
