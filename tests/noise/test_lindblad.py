"""Density matrices against closed forms and qutip.mesolve; trajectories against density matrices."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import qutip
from pulser.sampler import sample
from scipy.sparse import csr_matrix

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.emulators.collapse import collapse_operators, dissipator
from rydberg_qmem.language.noise import Noise


def program(atoms: dict[str, tuple[float, float]], *blocks: dict[str, Any], device: str = "MockDevice") -> rq.Program:
    probe = {"probe": {"atoms": "all", "key": "rho", "density_matrix": True}}
    data = {"name": "test", "device": device, "register": {"atoms": atoms}, "body": [*blocks, probe]}
    return rq.Program.from_dict(data)


def pulse(channel: str, duration: int, amplitude: Any, detuning: Any = 0.0, **more: Any) -> dict[str, Any]:
    shapes = [
        shape if isinstance(shape, dict) else {"constant": {"duration_ns": duration, "value": shape}}
        for shape in (amplitude, detuning)
    ]
    return {"pulse": {"channel": channel, "amplitude": shapes[0], "detuning": shapes[1], **more}}


def rho(made: rq.Program, noise: dict[str, Any], **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(rq.run(made, shots=None, noise=noise, **options).rho.values)


def flip(basis: str = "ground-rydberg") -> dict[str, Any]:
    channel = "rydberg_local" if basis == "ground-rydberg" else "raman_local"
    return pulse(channel, 1000, np.pi, atoms="q")


def test_dissipators_of_any_operator_keep_the_trace_and_hermiticity() -> None:
    """C†C is complex where C is; ρ → CρC† - {C†C, ρ}/2 from its definition, on a matrix that is no state."""
    rng = np.random.default_rng(0)
    c, rho = (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)) for _ in range(2))
    weight = c.conj().T @ c

    made = (dissipator(csr_matrix(c)) @ rho.ravel()).reshape(3, 3)

    assert made == pytest.approx(c @ rho @ c.conj().T - (weight @ rho + rho @ weight) / 2, abs=1e-12)
    assert abs(np.trace(made)) < 1e-12


def test_relaxation_is_amplitude_damping() -> None:
    plus = pulse("rydberg_local", 16, np.pi / 2 / 0.016, atoms="q")
    before = rho(program({"q": (0, 0)}, plus), {"relaxation_rate": 0.2})

    after = rho(program({"q": (0, 0)}, plus, {"delay": {"duration_ns": 3000}}), {"relaxation_rate": 0.2})

    assert abs(after[0, 0] - before[0, 0] * np.exp(-0.6)) < 1e-12
    assert abs(after[0, 1] - before[0, 1] * np.exp(-0.3)) < 1e-12


def test_dephasing_takes_coherence_at_its_rate_and_no_population() -> None:
    plus = pulse("rydberg_local", 16, np.pi / 2 / 0.016, atoms="q")
    before = rho(program({"q": (0, 0)}, plus), {"dephasing_rate": 0.2})

    after = rho(program({"q": (0, 0)}, plus, {"delay": {"duration_ns": 3000}}), {"dephasing_rate": 0.2})

    assert abs(after[0, 1] - before[0, 1] * np.exp(-0.6)) < 1e-12
    assert abs(after[0, 0] - before[0, 0]) < 1e-12


def test_a_cascade_of_three_levels_follows_its_rate_equations() -> None:
    """Decay r to h at a, h to g at b: p_r = e^-at, p_h = a/(b-a) (e^-at - e^-bt) from all in r."""
    a, b, t = 0.8, 0.3, 2.0
    to_h, to_g = np.zeros((3, 3)), np.zeros((3, 3))
    to_h[2, 0], to_g[1, 2] = 1, 1
    noise = {"eff_noise_rates": [a, b], "eff_noise_opers": [to_h.tolist(), to_g.tolist()]}
    raman = pulse("raman_local", 16, 0.0, atoms="q")
    start = program({"q": (0, 0)}, pulse("rydberg_local", 16, np.pi / 0.016, atoms="q"), raman)
    waited = program({"q": (0, 0)}, pulse("rydberg_local", 16, np.pi / 0.016, atoms="q"), raman,
                     {"delay": {"duration_ns": 2000}})  # fmt: skip

    p, q = (np.diag(rho(made, noise)).real for made in (start, waited))

    r = p[0] * np.exp(-a * t)
    h = p[2] * np.exp(-b * t) + p[0] * a / (b - a) * (np.exp(-a * t) - np.exp(-b * t))
    assert np.abs(q - [r, 1 - r - h, h]).max() < 1e-10


@pytest.mark.parametrize("levels", [("r", "g"), ("r", "g", "h")])
def test_depolarizing_goes_to_the_even_mixture_at_its_rate(levels: tuple[str, ...]) -> None:
    d, rate = len(levels), 0.3
    blocks = [pulse("rydberg_local", 16, np.pi / 0.016, atoms="q")]
    if d == 3:
        blocks.append(pulse("raman_local", 16, 0.0, atoms="q"))
    noise = {"depolarizing_rate": rate}
    before = rho(program({"q": (0, 0)}, *blocks), noise)

    after = rho(program({"q": (0, 0)}, *blocks, {"delay": {"duration_ns": 4000}}), noise)

    keep = np.exp(-rate * 4)
    assert np.abs(after - (keep * before + (1 - keep) * np.eye(d) / d)).max() < 1e-12


PAIR = {"q": (0.0, 0.0), "p": (7.0, 0.0)}
TWO = {"relaxation_rate": 0.1, "dephasing_rate": 0.15, "depolarizing_rate": 0.05}
THREE = {"relaxation_rate": 0.1, "dephasing_rate": 0.15, "hyperfine_dephasing_rate": 0.07}


def two_levels() -> rq.Program:
    ramp = {"ramp": {"duration_ns": 300, "start": -4.0, "stop": 7.0}}
    blackman = {"blackman": {"duration_ns": 300, "area": 4.0}}
    shaped = pulse("rydberg_global", 300, blackman, ramp, phase=0.7)
    return program(PAIR, pulse("rydberg_global", 400, 5.0, 2.0), shaped)


def three_levels() -> rq.Program:
    ramp = {"ramp": {"duration_ns": 250, "start": -4.0, "stop": 7.0}}
    return program(
        PAIR,
        pulse("raman_local", 200, 4.0, 1.0, atoms="q"),
        pulse("rydberg_global", 250, 6.0, ramp, phase=0.4),
        pulse("raman_local", 152, 7.0, -1.0, atoms="p", phase=1.1),
        pulse("rydberg_local", 200, 9.0, atoms="p"),
    )


def mesolve(made: rq.Program, noise: dict[str, Any], *, off_by: float = 1.0) -> np.ndarray[Any, Any]:
    """Play Pulser's own samples, held for a nanosecond each, with mesolve, runs of equal samples in one call."""
    compiled = compile_program(made)
    segment = next(step for step in compiled.steps if isinstance(step, Segment))
    target = compiled.target
    samples = sample(to_pulser(plan_segment(segment, target), {})).to_nested_dict(all_local=True)["Local"]
    levels, n = target.levels, len(target.atoms)
    unit = {(a, b): qutip.basis(len(levels), i) * qutip.basis(len(levels), j).dag()
            for i, a in enumerate(levels) for j, b in enumerate(levels)}  # fmt: skip

    def local(operator: Any, k: int) -> Any:
        return qutip.tensor([operator if i == k else qutip.qeye(len(levels)) for i in range(n)])

    pairs = {"ground-rydberg": ("g", "r"), "digital": ("h", "g")}
    fixed = sum(target.van_der_waals[i, j] * local(unit["r", "r"], i) * local(unit["r", "r"], j)
                for i in range(n) for j in range(i))  # fmt: skip
    given = collapse_operators(levels, Noise.of({**noise, "relaxation_rate": noise["relaxation_rate"] * off_by}), None)
    collapse = [local(qutip.Qobj(c), k) for c in given for k in range(n)]
    columns = []
    for basis, atoms in samples.items():
        for name, values in atoms.items():
            a, b = pairs[basis]
            k = target.atoms.index(name)
            drive = 0.5 * values["amp"] * np.exp(-1j * values["phase"])
            columns.append((local(unit[a, b], k), drive, local(unit[b, b], k), values["det"]))
    table = np.stack([x for _, drive, _, det in columns for x in (drive, det)], axis=1)
    state = qutip.ket2dm(qutip.tensor([qutip.basis(len(levels), levels.index("g"))] * n))
    edges = [0, *(np.flatnonzero(np.abs(np.diff(table, axis=0)).max(axis=1)) + 1), len(table)]
    options = {"atol": 1e-11, "rtol": 1e-9, "nsteps": 100_000}
    for start, stop in pairwise(edges):
        h = fixed
        for up, drive, here, det in columns:
            h = h + drive[start] * up + np.conj(drive[start]) * up.dag() - det[start] * here
        state = qutip.mesolve(h, state, [0, (stop - start) / 1000], collapse, options=options).states[-1]
    return np.asarray(state.full())


@pytest.mark.slow
@pytest.mark.parametrize(("made", "noise"), [(two_levels(), TWO), (three_levels(), THREE)], ids=["two", "three"])
def test_driven_pairs_agree_with_mesolve(made: rq.Program, noise: dict[str, Any]) -> None:
    theirs = mesolve(made, noise)

    assert np.abs(rho(made, noise) - theirs).max() < 1e-6


@pytest.mark.slow
def test_a_rate_ten_per_cent_off_is_told_apart_by_mesolve() -> None:
    theirs = mesolve(three_levels(), THREE, off_by=1.1)

    assert np.abs(rho(three_levels(), THREE) - theirs).max() > 1e-4


def test_collapse_operators_are_those_of_pulser() -> None:
    from pulser import NoiseModel
    from pulser._hamiltonian_data import HamiltonianData
    from pulser_simulation.hamiltonian import Hamiltonian

    noise = Noise(**TWO, eff_noise_rates=(0.2,), eff_noise_opers=(((0, 1j), (0.5, 0)),))
    compiled = compile_program(two_levels())
    segment = next(step for step in compiled.steps if isinstance(step, Segment))
    sequence = to_pulser(plan_segment(segment, compiled.target), {})
    data = HamiltonianData.from_sequence(sequence, noise_model=noise.to_pulser())
    trajectory, samples, _ = next(iter(data.noisy_samples))

    theirs = Hamiltonian(samples, trajectory, data.basis_data, data.lindblad_data, 1.0)._collapse_ops
    mine = [np.kron(c, np.eye(2)) for c in collapse_operators(("r", "g"), noise, None)]
    mine += [np.kron(np.eye(2), c) for c in collapse_operators(("r", "g"), noise, None)]

    def total(operators: list[Any]) -> Any:
        return sum(np.kron(c, c.conj()) for c in operators)

    assert isinstance(noise.to_pulser(), NoiseModel)
    assert np.abs(total([np.asarray(c.full()) for c in theirs]) - total(mine)).max() < 1e-12


def test_leakage_goes_to_a_level_that_no_drive_reaches() -> None:
    leak = np.zeros((3, 3))
    leak[2, 0] = 1  # r to x
    noise = {"with_leakage": True, "eff_noise_rates": [0.5], "eff_noise_opers": [leak.tolist()]}
    made = rho(program({"q": (0, 0)}, flip(), {"delay": {"duration_ns": 4000}}, flip()), noise)
    fixed = rho(program({"q": (0, 0)}, flip(), {"delay": {"duration_ns": 4000}}), noise)

    assert made.shape == (3, 3)
    assert made[2, 2].real > fixed[2, 2].real > 1 - np.exp(-2)
    assert np.trace(made).real == pytest.approx(1, abs=1e-12)


def occupations(record: Any) -> np.ndarray[Any, Any]:
    return np.asarray(np.diagonal(record.rho.values).real)


def deviations(made: rq.Program, shots: int, noise: dict[str, Any], *, off_by: float = 1.0) -> float:
    """Return the largest deviation of trajectories from density matrices, in standard errors."""
    exact = np.clip(occupations(rq.run(made, shots=None, noise=noise)), 0, 1)
    wrong = {name: rate * off_by for name, rate in noise.items()}
    record = rq.run(made, shots=shots, seed=3, noise=wrong, state="vector")
    error = np.sqrt(exact * (1 - exact) / shots)  # a bound: what a projective measurement would have
    return float((np.abs(occupations(record) - exact) / error).max())


STRONG = {"relaxation_rate": 1.5, "dephasing_rate": 0.15, "hyperfine_dephasing_rate": 0.07}


def fading() -> rq.Program:
    return program(PAIR, pulse("rydberg_global", 400, 8.0), {"delay": {"duration_ns": 500}})


def test_trajectories_agree_with_density_matrices() -> None:
    assert deviations(fading(), 10_000, STRONG) < 4


def test_atoms_that_are_not_entangled_jump_at_times_of_their_own() -> None:
    """Two atoms far apart, in r with half their lives behind them: what they show does not go together."""
    shots, rate = 4000, 1.0
    half = round(1000 * np.log(2) / rate)
    body = [*(pulse("rydberg_local", 20, 50 * np.pi, atoms=name) for name in "qp"), {"delay": {"duration_ns": half}},
            {"measure": {"atoms": ["q", "p"], "key": "m"}}]  # fmt: skip
    data = {"name": "far", "device": "MockDevice", "register": {"atoms": {"q": (0, 0), "p": (2000, 0)}}, "body": body}

    found = rq.run(rq.Program.from_dict(data), shots=shots, seed=2, state="vector", noise={"relaxation_rate": rate}).m

    signs = 2.0 * found.values - 1
    assert np.abs(signs.mean(axis=0)).max() < 0.1
    assert abs((signs[:, 0] * signs[:, 1]).mean()) < 0.1  # 1 if both jumped at once; five deviations are 0.08


def test_trajectories_with_rates_ten_per_cent_off_are_told_apart() -> None:
    assert deviations(fading(), 10_000, STRONG, off_by=1.1) > 5


@pytest.mark.slow
def test_trajectories_of_three_levels_agree_with_density_matrices() -> None:
    assert deviations(three_levels(), 10_000, STRONG) < 4


def test_vectors_cannot_decohere_without_chance() -> None:
    with pytest.raises(rq.QmemError, match="state='density_matrix', or give shots"):
        rq.run(two_levels(), shots=None, noise={"relaxation_rate": 0.1}, state="vector")


def test_an_operator_of_another_size_is_refused_with_the_levels() -> None:
    noise = {"eff_noise_rates": [0.1], "eff_noise_opers": [[[0, 1], [0, 0]]]}
    with pytest.raises(rq.QmemError, match=r"eff_noise_opers\[0\]: must be 3 by 3, for the levels r, g, h"):
        rq.run(three_levels(), shots=None, noise=noise)


def test_points_share_operators_and_other_rates_or_distances_do_not() -> None:
    from rydberg_qmem.emulators.exact import OpenSystemPropagator

    def space(gap: float, rate: float) -> Any:
        made = compile_program(program({"q": (0, 0), "p": (gap, 0)}, pulse("rydberg_global", 100, 1.0)))
        operators = collapse_operators(made.target.levels, Noise(relaxation_rate=rate), None)
        return OpenSystemPropagator(made.target, operators).operators.of(made.target)

    assert space(7, 0.1) is space(7, 0.1)
    assert space(7, 0.1) is not space(8, 0.1)
    assert space(7, 0.1) is not space(7, 0.2)


def test_a_full_cache_of_propagators_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [{"repeat": {"times": 4, "body": [
        {"pulse": {"channel": "rydberg_global", "amplitude": "2 + x", "duration_ns": 100}},
        {"measure": {"atoms": ["a", "b"], "key": "m"}}, {"set": {"x": "x / 2 + m.a"}}, {"reset": {"atoms": "all"}},
    ]}}]  # fmt: skip
    register = {"atoms": {"a": (0, 0), "b": (7, 0)}}
    program = rq.Program.from_dict(
        {"name": "many", "device": "MockDevice", "register": register, "memory": {"x": {"initial": 0}}, "body": body}
    )
    options: dict[str, Any] = {"shots": None, "noise": {"dephasing_rate": 0.1}, "state": "density_matrix"}
    whole = rq.run(program, **options)

    monkeypatch.setattr("rydberg_qmem.emulators.exact._cache.CACHE_BYTES", 1)

    np.testing.assert_allclose(rq.run(program, **options).m, whole.m, atol=1e-12)
