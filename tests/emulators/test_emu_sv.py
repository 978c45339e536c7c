"""emu-sv against the exact emulator: blocks, edges of pulses, measurement, waiting, density matrices."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

pytestmark = pytest.mark.skipif(
    find_spec("emu_sv") is None, reason="emu-sv is not installed: pip install 'rydberg_qmem[emu]'"
)
TOLERANCE = 1e-9
TRIANGLE = {"a": (0, 0), "b": (7, 0), "c": (3, 6)}
RHO = {"probe": {"atoms": "all", "density_matrix": True, "key": "rho"}}


def record(emulator: Any, body: list[Any], atoms: Any = TRIANGLE, shots: int | None = None, **more: Any) -> Any:
    options = {name: more.pop(name) for name in ("state", "noise") if name in more}
    program = rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=body, **more)
    return rq.run(program, shots=shots, seed=5, emulator=emulator, **options)


def worst(body: list[Any], atoms: Any = TRIANGLE, **more: Any) -> float:
    ours, theirs = (record(name, body, atoms, **more) for name in ("exact", "emu_sv"))
    return max(float(np.abs(ours[name].values - theirs[name].values).max()) for name in ours.data_vars)


def pulse(shape: Any, **more: Any) -> Any:
    return {"pulse": {"channel": "rydberg_global", "amplitude": shape, **more}}


def square(duration_ns: int, value: float) -> Any:
    return {"constant": {"duration_ns": duration_ns, "value": value}}


def test_many_blocks_that_end_on_a_pulse_agree_with_the_exact_emulator() -> None:
    loop = {"repeat": {"times": 20, "body": [pulse(square(50, 2 * np.pi)), {"set": {"x": "x + 1"}}]}}

    assert worst([loop, RHO], {"a": (0, 0), "b": (7, 0)}, memory={"x": {"initial": 0}}) < TOLERANCE


def test_edges_inside_a_segment_agree_with_the_exact_emulator() -> None:
    steps = [pulse(square(40, 9.0)), pulse(square(20, 3.0), phase=1.0, detuning=-4.0), {"delay": {"duration_ns": 30}}]

    assert worst([*steps, *steps, RHO]) < TOLERANCE


def test_shapes_phases_measurement_reset_and_feedforward_agree_with_the_exact_emulator() -> None:
    shaped = pulse({"blackman": {"duration_ns": 24, "area": "1 + m"}}, detuning="m", phase=0.4, post_phase_shift=0.7)
    swept = pulse(square(20, 5.0), detuning={"ramp": {"duration_ns": 20, "start": -8, "stop": 8}})
    body = [pulse(square(80, 6.0)), {"measure": {"atoms": "b", "key": "m"}}, {"reset": {"atoms": "a"}}, shaped, swept]

    assert worst([*body, RHO]) < TOLERANCE


def test_detuning_maps_agree_with_the_exact_emulator() -> None:
    light = {"detuning_map": {"channel": "dmm_0", "detuning": square(60, -9.0), "weights": {"a": 0.75, "c": 0.25}}}

    assert worst([pulse(square(60, 6.0)), light, pulse(square(60, 6.0)), RHO]) < TOLERANCE


def test_shots_that_wait_for_others_agree_with_the_exact_emulator() -> None:
    chosen = {"when": {"if": "m == 1", "then": [pulse(square(90, 5.0))]}}
    body = [pulse(square(80, 6.0)), {"measure": {"atoms": "b", "key": "m"}}, chosen, pulse(square(50, 4.0)), RHO]

    assert worst(body) < TOLERANCE


def test_density_matrices_agree_with_the_exact_emulator() -> None:
    body = [pulse(square(80, 6.0)), {"reset": {"atoms": "a"}}, pulse(square(50, 4.0), detuning=1.0), RHO]

    assert worst(body, {"a": (0, 0), "b": (7, 0)}, state="density_matrix") < TOLERANCE


DECAY: dict[str, Any] = {
    "relaxation_rate": 0.5,
    "dephasing_rate": 0.8,
    "depolarizing_rate": 0.3,
    "eff_noise_rates": (0.2,),
    "eff_noise_opers": (((0, 1j), (0.3, 0)),),
}


def decohering() -> list[Any]:
    chosen = {"when": {"if": "m == 1", "then": [pulse(square(40, 5.0), phase=0.5)]}}
    first = pulse(square(80, 6.0), detuning=2.0, phase=0.3, post_phase_shift=0.4)
    return [
        first,
        {"measure": {"atoms": "b", "key": "m"}},
        {"reset": {"atoms": "a"}},
        chosen,
        pulse(square(40, 4.0)),
        RHO,
    ]


def test_decohering_atoms_agree_with_the_exact_emulator_and_a_rate_one_per_cent_off_does_not() -> None:
    pair = {"a": (0, 0), "b": (7, 0)}

    assert worst(decohering(), pair, noise=DECAY) < TOLERANCE
    ours = record("exact", decohering(), pair, noise={**DECAY, "dephasing_rate": 0.808})
    theirs = record("emu_sv", decohering(), pair, noise=DECAY)
    assert float(np.abs(ours.rho - theirs.rho).max()) > 1e4 * TOLERANCE


@pytest.mark.parametrize(
    ("noise", "message"),
    [({"hyperfine_dephasing_rate": 0.1}, "cannot follow noise.hyperfine_dephasing_rate"),
     ({"temperature": 10.0}, "cannot follow noise.temperature")],
)  # fmt: skip
def test_noise_that_it_cannot_follow_is_refused_by_name(noise: dict[str, float], message: str) -> None:
    with pytest.raises(rq.InputError, match=message):
        record("emu_sv", decohering(), shots=10, noise=noise)


def test_vectors_do_not_decohere_here() -> None:
    with pytest.raises(rq.InputError, match="emulator 'emu_sv' has no quantum jumps"):
        record("emu_sv", decohering(), shots=10, noise=DECAY, state="vector")


def test_one_atom_is_enough() -> None:
    assert worst([pulse(square(70, 11.0)), RHO], {"a": (0, 0)}) < TOLERANCE


def test_averaging_samples_keeps_areas_and_changes_little() -> None:
    from rydberg_qmem.emulators.emu_sv import EmuSv

    body = [pulse({"blackman": {"duration_ns": 40, "area": 2.0}}, detuning=3.0), pulse(square(30, 4.0)), RHO]
    fine, coarse = (record(EmuSv(averaged_ns=ns), body) for ns in (1, 4))

    assert 1e-9 < np.abs(fine.rho - coarse.rho).max() < 1e-2


def test_shots_have_the_outcomes_of_the_exact_emulator() -> None:
    body = [pulse(square(80, 6.0)), {"measure": {"atoms": "all", "key": "m"}}]

    ours, theirs = (record(name, body, shots=200) for name in ("exact", "emu_sv"))

    np.testing.assert_array_equal(ours.m, theirs.m)


def test_three_levels_are_refused_by_name() -> None:
    with pytest.raises(rq.InputError, match=r"emulator 'emu_sv' cannot run the levels \{r, g, h\}"):
        rq.run("two_port_memristor", shots=1, emulator="emu_sv")


def test_nothing_is_printed_and_no_global_state_changes(capfd: pytest.CaptureFixture[str]) -> None:
    import torch

    seed, threads, numpy_seed = torch.random.get_rng_state(), torch.get_num_threads(), repr(np.random.get_state())  # noqa: NPY002  # the global state is what must not change
    record("emu_sv", [pulse(square(20, 6.0)), {"measure": {"atoms": "all", "key": "m"}}], shots=3)

    assert capfd.readouterr() == ("", "")
    assert torch.equal(seed, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    assert repr(np.random.get_state()) == numpy_seed  # noqa: NPY002  # the global state is what must not change
