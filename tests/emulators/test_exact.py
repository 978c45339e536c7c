from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import pulser
import pytest
from numpy.typing import NDArray
from pulser.backend import StateResult
from pulser.sampler import sample
from pulser_simulation import QutipBackendV2, QutipConfig
from scipy.linalg import expm

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import Exact, _segment
from rydberg_qmem.emulators.exact import _joint as joint
from rydberg_qmem.emulators.exact._subspace import Samples, Subspace, Transition
from tests.reference import largest_difference

C6 = pulser.MockDevice.interaction_coeff
C3 = pulser.MockDevice.interaction_coeff_xy
Matrix = NDArray[Any]


def program(atoms: Mapping[str, tuple[float, ...]], body: list[Any], **more: Any) -> rq.Program:
    return rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=body, **more)


def square(duration_ns: int, rabi: float, detuning: float = 0, **more: Any) -> dict[str, Any]:
    wave = {"constant": {"duration_ns": duration_ns, "value": rabi}}
    return {"pulse": {"channel": "rydberg_global", "amplitude": wave, "detuning": detuning, **more}}


def shaped(channel: str, duration_ns: int, area: float, detuning: float = 0, **more: Any) -> dict[str, Any]:
    wave = {"blackman": {"duration_ns": duration_ns, "area": area}}
    return {"pulse": {"channel": channel, "amplitude": wave, "detuning": detuning, **more}}


def final_state(made: rq.Program) -> Matrix:
    """Return the density matrix that a program ends in."""
    probe = rq.Probe(atoms="all", key="rho", density_matrix=True)
    watched = made.model_copy(update={"body": (*made.body, probe)})
    return np.asarray(rq.run(watched, shots=None).rho.values)


def on(matrix: Any, place: int, atoms: int) -> Matrix:
    factors = [np.asarray(matrix) if k == place else np.eye(len(matrix)) for k in range(atoms)]
    return np.asarray(reduce(np.kron, factors), dtype=complex)


R, G, H = np.eye(3)
TWO_R, TWO_G = np.eye(2)


def pair_hamiltonian(rabi: float, detuning: float, phase: float, interaction: float) -> Matrix:
    """Return both atoms' drive and their interaction, in the basis rr, rg, gr, gg."""
    up = 0.5 * rabi * np.exp(-1j * phase) * np.outer(TWO_G, TWO_R)
    one = up + up.conj().T - detuning * np.outer(TWO_R, TWO_R)
    both = np.outer(TWO_R, TWO_R)
    return np.asarray(on(one, 0, 2) + on(one, 1, 2) + interaction * np.kron(both, both))


@pytest.mark.parametrize(("rabi", "duration_ns"), [(1.0, 700), (6.0, 333), (12.5, 1000), (40.0, 57)])
def test_a_resonant_pulse_gives_rabi_oscillations(rabi: float, duration_ns: int) -> None:
    body = [square(duration_ns, rabi), {"measure": {"atoms": "q", "key": "m"}}]

    found = float(rq.run(program({"q": (0, 0)}, body), shots=None).m)

    assert found == pytest.approx(np.sin(rabi * duration_ns / 2000) ** 2, abs=1e-12)


@pytest.mark.parametrize(("rabi", "detuning"), [(6.0, 3.0), (6.0, -9.5), (1.0, 20.0)])
def test_a_detuned_pulse_gives_the_generalised_rabi_formula(rabi: float, detuning: float) -> None:
    body = [square(480, rabi, detuning), {"measure": {"atoms": "q", "key": "m"}}]
    total = np.hypot(rabi, detuning)

    found = float(rq.run(program({"q": (0, 0)}, body), shots=None).m)

    assert found == pytest.approx((rabi / total * np.sin(total * 0.48 / 2)) ** 2, abs=1e-12)


def test_deep_in_the_blockade_two_atoms_share_one_excitation_at_sqrt_two_of_the_rabi_frequency() -> None:
    rabi, gap = 4.0, 4.0
    ratio = rabi * gap**6 / C6
    for duration_ns in (100, 400, 1100):
        body = [square(duration_ns, rabi), {"probe": {"atoms": "all", "correlations": True, "key": "n"}}]

        n = rq.run(program({"a": (0, 0), "b": (gap, 0)}, body), shots=None).n.values

        one = n[0, 0] + n[1, 1] - 2 * n[0, 1]
        # |W> couples to |rr> by Ω/√2 at a gap U: it loses at most 2 (Ω/U)², and its light shift costs less
        assert one == pytest.approx(np.sin(rabi * duration_ns / 1000 / np.sqrt(2)) ** 2, abs=4 * ratio**2)


@pytest.mark.parametrize("gap", [5.0, 8.0, 11.0])
def test_a_detuned_interacting_pair_follows_the_matrix_exponential(gap: float) -> None:
    made = program({"a": (0, 0), "b": (gap, 0)}, [square(900, 7.0, 2.5, phase=0.8)])
    state = expm(-0.9j * pair_hamiltonian(7.0, 2.5, 0.8, C6 / gap**6)) @ np.kron(TWO_G, TWO_G)

    found = final_state(made)

    np.testing.assert_allclose(found, np.outer(state, state.conj()), atol=1e-10)


def test_raman_and_rydberg_pulses_at_once_follow_the_exponentials_of_pulsers_samples() -> None:
    gap = 6.5
    body = [
        shaped("raman_local", 60, 2.0, 3.0, atoms="a", phase=0.3),
        shaped("rydberg_global", 90, 2.6, -4.0, **{"with": "previous"}),
        shaped("raman_local", 60, 1.1, atoms="b", phase=-1.0),
    ]
    register = pulser.Register({"a": (0.0, 0.0), "b": (gap, 0.0)})
    sequence = pulser.Sequence(register, pulser.MockDevice)
    sequence.declare_channel("raman", "raman_local", initial_target="a")
    sequence.declare_channel("rydberg", "rydberg_global")
    blackman = pulser.BlackmanWaveform
    sequence.add(pulser.Pulse.ConstantDetuning(blackman(60, 2.0), 3.0, 0.3), "raman")
    sequence.add(pulser.Pulse.ConstantDetuning(blackman(90, 2.6), -4.0, 0.0), "rydberg", protocol="no-delay")
    sequence.target("b", "raman")
    sequence.add(pulser.Pulse.ConstantDetuning(blackman(60, 1.1), 0.0, -1.0), "raman")

    state = np.kron(G, G).astype(complex)
    samples = sample(sequence).to_nested_dict(all_local=True)["Local"]
    for t in range(sequence.get_duration()):
        h = C6 / gap**6 * np.kron(np.outer(R, R), np.outer(R, R)).astype(complex)
        for k, atom in enumerate("ab"):
            for basis, low, high in (("ground-rydberg", G, R), ("digital", H, G)):
                one = {kind: samples[basis][atom][kind][t] for kind in ("amp", "det", "phase")}
                up = 0.5 * one["amp"] * np.exp(-1j * one["phase"]) * np.outer(low, high)
                h += on(up + up.conj().T - one["det"] * np.outer(high, high), k, 2)
        state = expm(-1e-3j * h) @ state
    found = final_state(program({"a": (0, 0), "b": (gap, 0)}, body))

    np.testing.assert_allclose(found, np.outer(state, state.conj()), atol=1e-9)


@pytest.mark.parametrize("duration_ns", [40, 150, 700])
def test_an_excitation_is_exchanged_by_the_dipolar_interaction(duration_ns: int) -> None:
    gap = 20.0
    drive = {"pulse": {"channel": "mw_global", "amplitude": {"constant": {"duration_ns": 10, "area": "pi / 2"}}}}
    later = [{"delay": {"duration_ns": duration_ns}}, {"measure": {"atoms": "b", "key": "n"}}]
    body = [drive, {"measure": {"atoms": "all", "key": "m"}}, {"when": {"if": "m.a > m.b", "then": later}}]

    found = float(rq.run(program({"a": (0, 0), "b": (gap, 0)}, body), shots=None).n)

    assert found == pytest.approx(np.sin(C3 / gap**3 * duration_ns / 1000) ** 2, abs=1e-11)


def test_the_dipolar_interaction_vanishes_at_the_magic_angle_and_doubles_along_the_field() -> None:
    drive = {"pulse": {"channel": "mw_global", "amplitude": {"constant": {"duration_ns": 10, "area": "pi / 2"}}}}
    later = [{"delay": {"duration_ns": 200}}, {"measure": {"atoms": "b", "key": "n"}}]
    body = [drive, {"measure": {"atoms": "all", "key": "m"}}, {"when": {"if": "m.a > m.b", "then": later}}]
    height = 20 / np.sqrt(3)
    magic = program({"a": (0, 0, 0), "b": (height * np.sqrt(2), 0, height)}, body)
    along = program({"a": (0, 0, 0), "b": (0, 0, 20)}, body)

    assert float(rq.run(magic, shots=None).n) == pytest.approx(0, abs=1e-12)
    assert float(rq.run(along, shots=None).n) == pytest.approx(np.sin(2 * C3 / 20**3 * 0.2) ** 2, abs=1e-11)


def test_fifty_short_segments_equal_one_long_segment() -> None:
    atoms = {"a": (0.0, 0.0), "b": (7.0, 0.0)}
    memory = {"x": {"initial": 0}}
    short = [{"repeat": {"times": 50, "body": [square(100, 2 * np.pi, 1.0), {"set": {"x": "x + 1"}}]}}]

    chained = final_state(program(atoms, short, memory=memory))
    whole = final_state(program(atoms, [square(5000, 2 * np.pi, 1.0)], memory=memory))

    np.testing.assert_allclose(chained, whole, atol=1e-9)


def local(atom: str, area: str) -> dict[str, Any]:
    wave = {"constant": {"duration_ns": 100, "area": area}}
    return {"pulse": {"channel": "rydberg_local", "atoms": atom, "amplitude": wave}}


def prepared(*body: dict[str, Any]) -> tuple[Plan, Target]:
    """Return the plan of a segment on two atoms far apart, and its target."""
    compiled = compile_program(program({"a": (0, 0), "b": (500, 0)}, list(body), memory={"x": {"initial": 0}}))
    [segment] = compiled.steps
    assert isinstance(segment, Segment)
    return plan_segment(segment, compiled.target), compiled.target


def excited(engine: Exact, plan: Plan, target: Target, x: list[float], atom: int) -> NDArray[np.float64]:
    """Return the chance that an atom is in r after a segment, in one row for each x."""
    ground = np.tile((np.array(target.levels) == "g").astype(complex), (len(x), 1))
    made = engine.evolve(plan, {"x": np.array(x)}, ground, (atom,))
    return np.asarray(np.abs(made[:, target.levels.index("r")]) ** 2)


def test_kept_propagators_are_those_of_their_atoms() -> None:
    engine, segment = Exact(), prepared(local("a", "pi / 3"), local("b", "pi / 2"))

    for atom, angle in ((0, np.pi / 3), (1, np.pi / 2), (0, np.pi / 3), (1, np.pi / 2)):
        found = excited(engine, *segment, [0.0] * 4, atom)
        np.testing.assert_allclose(found, np.sin(angle / 2) ** 2, atol=1e-12)


def test_pulses_that_nothing_steers_before_and_after_a_steered_one_are_two() -> None:
    """Angles of one atom's pulses add up: 0.3, what memory says, 0.8."""
    x = [0.1, 0.2, 0.5, 0.9, 1.3]

    found = excited(Exact(), *prepared(local("a", "0.3"), local("a", "x"), local("a", "0.8")), x, 0)

    np.testing.assert_allclose(found, np.sin((1.1 + np.array(x)) / 2) ** 2, atol=1e-12)


def test_phase_references_are_carried_from_segment_to_segment() -> None:
    first, second = square(100, 5.0, post_phase_shift=0.9), square(150, 5.0, 2.0, phase=0.2)
    shift = {"phase_shift": {"atoms": "all", "angle": 1.3, "basis": "ground-rydberg"}}
    atoms = {"a": (0.0, 0.0), "b": (7.0, 0.0)}
    memory = {"x": {"initial": 0}}
    cut = {"set": {"x": 1}}

    parted = final_state(program(atoms, [first, cut, shift, cut, second], memory=memory))
    whole = final_state(program(atoms, [first, shift, second], memory=memory))

    np.testing.assert_allclose(parted, whole, atol=1e-10)


def qutip_state(sequence: Any) -> Matrix:
    """Return the final state of Pulser's own backend.

    Its spline through the samples loses area where a pulse does not end at zero, and plays everything half a
    nanosecond early: a phase U/2 per rad/ns of interaction, so the atoms must not be too near.
    """
    result: Any = QutipBackendV2(sequence, config=QutipConfig(observables=[StateResult()])).run()
    return np.asarray(result.final_state.to_qobj().full()).ravel()


def test_blackman_pulses_on_two_levels_agree_with_pulsers_backend() -> None:
    body = [
        shaped("rydberg_global", 600, 3.0, 2.0),
        shaped("rydberg_local", 400, 2.0, -1.0, atoms="b", phase=1.1),
    ]
    sequence = pulser.Sequence(pulser.Register({"a": (0.0, 0.0), "b": (10.0, 0.0)}), pulser.MockDevice)
    sequence.declare_channel("all", "rydberg_global")
    sequence.declare_channel("one", "rydberg_local", initial_target="b")
    sequence.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(600, 3.0), 2.0, 0.0), "all")
    sequence.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(400, 2.0), -1.0, 1.1), "one")
    state = qutip_state(sequence)

    rho = final_state(program({"a": (0, 0), "b": (10, 0)}, body))

    assert 1 - (state.conj() @ rho @ state).real < 1e-5


def test_blackman_pulses_on_three_levels_agree_with_pulsers_backend() -> None:
    body = [
        shaped("raman_local", 300, 2.0, 1.5, atoms="a", phase=0.4),
        shaped("rydberg_global", 500, 2.5, -2.0, phase=0.7),
        shaped("raman_local", 300, 1.0, atoms="b", phase=-0.5),
    ]
    sequence = pulser.Sequence(pulser.Register({"a": (0.0, 0.0), "b": (7.0, 0.0)}), pulser.MockDevice)
    sequence.declare_channel("raman", "raman_local", initial_target="a")
    sequence.declare_channel("rydberg", "rydberg_global")
    sequence.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(300, 2.0), 1.5, 0.4), "raman")
    sequence.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(500, 2.5), -2.0, 0.7), "rydberg")
    sequence.target("b", "raman")
    sequence.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(300, 1.0), 0.0, -0.5), "raman")
    state = qutip_state(sequence)

    rho = final_state(program({"a": (0, 0), "b": (7, 0)}, body))

    assert 1 - (state.conj() @ rho @ state).real < 1e-5


def test_blackman_pulses_in_the_xy_basis_agree_with_pulsers_backend() -> None:
    sequence = pulser.Sequence(pulser.Register({"a": (0.0, 0.0), "b": (18.0, 5.0)}), pulser.MockDevice)
    sequence.declare_channel("mw", "mw_global")
    sequence.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(400, 2.0), 1.5, 0.4), "mw")
    state = qutip_state(sequence)

    rho = final_state(program({"a": (0, 0), "b": (18, 5)}, [shaped("mw_global", 400, 2.0, 1.5, phase=0.4)]))

    assert 1 - (state.conj() @ rho @ state).real < 1e-5


@pytest.mark.parametrize("atoms", [2, 3])
def test_a_branch_evolves_alike_whatever_the_branches_beside_it(atoms: int) -> None:
    wave = {"blackman": {"duration_ns": 800, "area": "2 * pi * m"}}
    body = [
        {"rotate": {"atom": "q0", "angle": "pi / 2", "basis": "ground-rydberg"}},
        {"measure": {"atoms": "q0", "key": "m"}},
        {"reset": {"atoms": "q0"}},
        {"pulse": {"channel": "rydberg_global", "amplitude": wave, "detuning": 2.0}},
        {"measure": {"atoms": "all", "key": "out"}},
    ]
    made = program({f"q{i}": (7.0 * i, 0) for i in range(atoms)}, body)

    assert largest_difference(made, rq.run(made, shots=None)) < 1e-9


def test_seven_driven_atoms_evolve_alike_whatever_the_branches_beside_them() -> None:
    def drive(area: str) -> dict[str, Any]:
        wave = {"blackman": {"duration_ns": 400, "area": area}}
        return {"pulse": {"channel": "rydberg_global", "amplitude": wave, "detuning": 2.0}}

    turn = {"rotate": {"atom": "q0", "angle": "pi / 2", "basis": "ground-rydberg"}}
    split = [turn, {"measure": {"atoms": "q0", "key": "m"}}, {"reset": {"atoms": "q0"}}]
    seen = {"measure": {"atoms": "all", "key": "out"}}
    atoms = {f"q{i}": (7.0 * i, 0) for i in range(7)}

    beside = rq.run(program(atoms, [*split, drive("2 * pi * m"), seen]), shots=None).out.values
    alone = rq.run(program(atoms, [drive("2 * pi"), seen]), shots=None).out.values

    np.testing.assert_allclose(beside, alone / 2, atol=1e-6)


@pytest.mark.parametrize("atoms", [7, 9])
def test_many_atoms_under_one_drive_have_probabilities_within_a_millionth(atoms: int) -> None:
    steps, detuning, area = 700, 2.0, 10.0
    body = [shaped("rydberg_global", steps, area, detuning), {"measure": {"atoms": "all", "key": "m"}}]
    made = program({f"q{i}": (7.0 * i, 1.0 * (i % 2)) for i in range(atoms)}, body)
    places = np.array(list(made.register.positions.values()))
    bits = np.array(list(np.ndindex(*(2,) * atoms))) == 0  # r is the first level
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.diag(np.full(atoms, np.inf))
    energy = 0.5 * np.einsum("si,ij,sj->s", bits, C6 / gaps**6, bits) - detuning * bits.sum(axis=1)
    flips = np.array([np.arange(2**atoms) ^ (1 << k) for k in range(atoms)])

    state = np.zeros(2**atoms, dtype=complex)
    state[-1] = 1
    for rabi in pulser.BlackmanWaveform(steps, area).samples.as_array(detach=True):
        term = state
        for order in range(1, 30):  # the Taylor series of exp(-iHt) over one nanosecond
            term = -1e-3j / order * (energy * term + 0.5 * rabi * term[flips].sum(axis=0))
            state = state + term
    found = rq.run(made, shots=None).m.values

    np.testing.assert_allclose(found, np.abs(state) ** 2 @ bits, atol=1e-6)


def test_a_detuning_map_detunes_each_atom_by_its_weight() -> None:
    ramp = {"ramp": {"duration_ns": 200, "start": -1.0, "stop": -20.0}}
    lowered = {"detuning_map": {"weights": {"a": 1.0, "b": 0.25}, "detuning": ramp, "with": "previous"}}
    made = program({"a": (0, 0), "b": (8, 0), "c": (0, 9)}, [square(200, 9.0), lowered, look_at_all()])

    record = rq.run(made, shots=None)

    assert largest_difference(made, record) < 1e-9
    assert len(set(record.m.values.round(3))) == 3


def look_at_all() -> dict[str, Any]:
    return {"measure": {"atoms": "all", "key": "m"}}


@pytest.mark.parametrize("noise", [None, {"dephasing_rate": 0.3}])
@pytest.mark.parametrize("atoms", [1, 2, 4])
def test_a_pulse_evolved_in_parts_ends_where_it_ends_whole(
    monkeypatch: pytest.MonkeyPatch, atoms: int, noise: Any
) -> None:
    ramp: Any = {"ramp": {"duration_ns": 303, "start": -6, "stop": 9}}
    body = [shaped("rydberg_global", 303, 4, detuning=ramp), square(77, 3, 1), shaped("rydberg_global", 50, 2)]
    made = program({f"q{k}": (7.0 * k, 0) for k in range(atoms)}, body)
    watched = made.model_copy(update={"body": (*made.body, rq.Probe(atoms="all", key="rho", density_matrix=True))})

    def final() -> Matrix:
        return np.asarray(rq.run(watched, shots=None, noise=noise).rho.values)

    whole = final()
    monkeypatch.setattr(_segment, "MOST_SAMPLES", 64)
    monkeypatch.setattr(_segment, "LEAST_SAMPLES", 16)

    assert np.abs(final() - whole).max() < 1e-10


def test_propagators_made_in_batches_are_bit_for_bit_those_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    space = Subspace(2, 2, np.array([[0.5, 0.0, 0.0, 0.0]]))
    sites, rng = tuple(Transition(k, 0, 1) for k in range(2)), np.random.default_rng(3)
    omega, delta = rng.normal(size=(3, 101)).astype(complex), rng.normal(size=(1, 101))
    samples = Samples(np.full(101, 0.001), (omega, omega), (delta, delta))

    whole = joint._dense_all(space, sites, samples)
    monkeypatch.setattr(joint, "DENSE_BATCH", 800)  # 16 intervals

    assert np.array_equal(joint._dense_all(space, sites, samples), whole)
