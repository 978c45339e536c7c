"""Stabiliser states beside vectors: the same outcomes of the same seed; what is not Clifford is named."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

import rydberg_qmem as rq
from benchmarks.stabilizer import code
from benchmarks.stabilizer import program as surface_code
from rydberg_qmem.emulators.clifford import clifford_of
from rydberg_qmem.emulators.registry import NAMES
from rydberg_qmem.engine.pauli_frames import PauliFrames
from rydberg_qmem.errors import CapabilityError, InputError, ProgramError, RunError

needs_stim = pytest.mark.skipif(find_spec("stim") is None, reason="stim is not installed")
ATOMS = {"a": (0, 0), "b": (5, 0), "c": (0, 5), "d": (5, 5)}
MACHINE = {"name": "machine", "p_false_pos": 0.1, "p_false_neg": 0.2, "loss": 0.1, "imaging_us": 3.0, "reset_us": 1.0}
DISTURBING = {"name": "machine", "spectator_dephasing": 0.6, "spectator_heating": 0.3}
ALPHA = 1e-6
Rng = np.random.Generator


def program(body: list[Any], atoms: int = 4, **more: Any) -> rq.Program:
    register = {"atoms": dict(list(ATOMS.items())[:atoms])}
    return rq.Program(name="clifford", device="MockDevice", register=register, body=body, **more)


def quarter(rng: Rng, known: tuple[str, ...]) -> str:
    """Return a multiple of a quarter turn: a number, or of an outcome, of memory, of the round."""
    number = str(rng.integers(-3, 5))
    return f"pi / 2 * ({rng.choice([number, number, *known])})"


def gate(rng: Rng, known: tuple[str, ...]) -> dict[str, Any]:
    one, two = (str(name) for name in rng.permutation(list(ATOMS))[:2])
    angle, pair = quarter(rng, known), {"control": one, "target": two}
    made: list[dict[str, Any]] = [
        {"rotate": {"atom": one, "axis": str(rng.choice(["x", "y", "z"])), "angle": angle}},
        {"rotate": {"atom": one, "axis": str(rng.choice(["x", "y", "z"])), "angle": "pi / 2"}},
        {"rotate": {"atom": one, "quaternion": (1, -1, 1, 1)}},
        {"cz": pair},
        {"cnot": pair},
        {"cphase": {**pair, "angle": f"2 * {angle}"}},
        {"zz": {"atoms": (one, two), "angle": angle}},
        {"swap": {"atoms": (one, two)}},
        {"exchange": {"atoms": (one, two), "angle": angle}},
    ]
    return made[rng.integers(len(made))]


def some(rng: Rng, known: tuple[str, ...], key: str) -> list[Any]:
    """Return gates, a look at some atoms, memory, a branch of either kind, a reset, a probe."""
    chosen = [str(name) for name in rng.permutation(list(ATOMS))[: rng.integers(1, 4)]]
    read = (*known, f"{key}.{chosen[0]}") if len(chosen) > 1 else (*known, key)
    test = {"if": f"{read[-1]} == 1", "then": [gate(rng, known)], "otherwise": [gate(rng, known), gate(rng, read)]}
    return [
        *(gate(rng, known) for _ in range(6)),
        {"measure": {"atoms": chosen, "key": key}},
        {"set": {"s": f"s + {read[-1]}"}},
        gate(rng, read),
        {"when": test if rng.random() < 0.5 else {"if": test["if"], "then": [{"reset": {"atoms": chosen[0]}}]}},
        {"reset": {"atoms": str(rng.choice(list(ATOMS)))}},
        {"probe": {"atoms": list(ATOMS), "key": f"seen_{key}", "occupation": True, "correlations": True,
                   "pauli": ["X", "Y", "Z"]}},
    ]  # fmt: skip


def drawn(seed: int) -> rq.Program:
    rng = np.random.default_rng(seed)
    body = [*some(rng, ("s",), "first"), {"repeat": {"times": 3, "counter": "k", "body": some(rng, ("s", "k"), "m")}}]
    last = {"measure": {"atoms": list(ATOMS), "key": "last"}}
    return program([*body, *(gate(rng, ("s",)) for _ in range(4)), last], memory={"s": {"initial": 0}})


def same(seed: int, shots: int, **options: Any) -> None:
    one, two = (rq.run(drawn(seed), shots=shots, seed=seed, emulator=e, **options) for e in ("ideal", "stabilizer"))

    assert set(one.data_vars) == set(two.data_vars)
    for name in one.data_vars:
        np.testing.assert_allclose(two[name].values, one[name].values, atol=1e-9, err_msg=str(name))


@needs_stim
@pytest.mark.parametrize("seed", range(6))
def test_a_random_clifford_program_has_the_outcomes_that_vectors_give_of_the_same_seed(seed: int) -> None:
    same(seed, 100)


@needs_stim
@pytest.mark.parametrize("seed", range(6, 10))
def test_so_it_has_with_readout_errors_lost_atoms_and_failed_preparation(seed: int) -> None:
    same(seed, 100, hardware=MACHINE, noise={"state_prep_error": 0.1})


@needs_stim
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_random_clifford_programs_have_the_outcomes_of_vectors(seed: int) -> None:
    same(seed, 1000, **({"hardware": MACHINE, "noise": {"state_prep_error": 0.1}} if seed % 2 else {}))


@needs_stim
def test_the_wrong_sign_of_a_correction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PauliFrames, "means", lambda self, operator, atoms: np.ones(self.x.shape[1]))
    with pytest.raises(AssertionError):
        same(0, 200)
    monkeypatch.undo()
    monkeypatch.setattr("rydberg_qmem.engine.stabilizer_states.clifford_of", _without_signs)
    with pytest.raises(AssertionError):
        same(0, 200)


def _without_signs(matrix: Any) -> Any:
    """A mutant: what gates do to signs is forgotten."""
    found = clifford_of(matrix)
    return found if found is None else type(found)(found.images, np.zeros_like(found.after))


def counted(p: rq.Program, seed: int, shots: int, emulator: str, **options: Any) -> np.ndarray[Any, Any]:
    bits = rq.run(p, shots=shots, seed=seed, emulator=emulator, **options)["last"].values
    return np.bincount(bits.astype(int) @ 2 ** np.arange(4), minlength=16)


def p_of_two(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> float:
    """Return the p-value of two samples of one distribution."""
    total = one + two
    there = total > 10
    return float(chi2.sf(((one - two)[there] ** 2 / total[there]).sum(), max(there.sum() - 1, 1)))


def watched() -> rq.Program:
    """A pair and a chain of three whose phases are read after others were measured."""
    turn = [{"rotate": {"atom": atom, "angle": "pi / 2"}} for atom in "abc"]
    look = {"measure": {"atoms": "d", "key": "m"}}
    pair = {"cnot": {"control": "a", "target": "b"}}
    last = {"measure": {"atoms": list(ATOMS), "key": "last"}}
    return program([*turn[:1], pair, *turn[2:], look, pair, *turn, last])


@needs_stim
def test_dephased_and_heated_atoms_have_the_chances_that_vectors_give() -> None:
    one = counted(watched(), 1, 1000, "ideal", hardware=DISTURBING, state="vector")
    two = counted(watched(), 2, 1000, "stabilizer", hardware=DISTURBING)
    none = counted(watched(), 3, 1000, "stabilizer")
    heated = counted(watched(), 4, 1000, "stabilizer", hardware={**DISTURBING, "spectator_dephasing": 0.0})

    assert p_of_two(one, two) > ALPHA
    assert p_of_two(one, none) < ALPHA  # and it would see if either were not there
    assert p_of_two(one, heated) < ALPHA


def syndromes(distance: int, emulator: str, seed: int, shots: int, **options: Any) -> np.ndarray[Any, Any]:
    """Return the bits of each shot of a surface code, of two rounds with corrections and of its data."""
    record = rq.run(surface_code(code(distance), 2), shots=shots, seed=seed, emulator=emulator, **options)
    return np.concatenate([record.s.values.reshape(shots, -1), record.data.values], axis=1).astype(int)


@needs_stim
def test_a_small_surface_code_reads_what_vectors_give_and_corrections_take_it_back() -> None:
    noise = {"p_false_pos": 0.1, "p_false_neg": 0.1}
    one, two = (syndromes(2, emulator, 3, 300, noise=noise) for emulator in ("ideal", "stabilizer"))
    quiet = syndromes(2, "stabilizer", 4, 300)

    np.testing.assert_array_equal(one, two)
    assert 0.3 < quiet[:, :2].mean() < 0.7  # the checks of X come out evenly in the first round
    assert not quiet[:, 3:6].any()  # and are 0 in the second, once corrected


@needs_stim
def test_the_syndromes_of_a_code_whose_atoms_dephase_have_the_chances_that_vectors_give() -> None:
    noisy: dict[str, Any] = {"hardware": {"name": "machine", "spectator_dephasing": 0.5}}
    place = 2 ** np.arange(6)

    def seen(emulator: str, seed: int, **options: Any) -> np.ndarray[Any, Any]:
        return np.bincount(syndromes(2, emulator, seed, 1000, **options)[:, :6] @ place, minlength=64)

    one, two = seen("ideal", 1, state="vector", **noisy), seen("stabilizer", 2, **noisy)
    none = seen("stabilizer", 3)

    assert p_of_two(one, two) > ALPHA
    assert p_of_two(one, none) < ALPHA


@needs_stim
@pytest.mark.slow
def test_a_code_of_seventeen_atoms_reads_what_vectors_give() -> None:
    np.testing.assert_array_equal(syndromes(3, "ideal", 3, 12), syndromes(3, "stabilizer", 3, 12))


@needs_stim
def test_shots_are_those_of_one_run_whatever_their_number() -> None:
    few, many = (rq.run(drawn(3), shots=shots, seed=5, emulator="stabilizer") for shots in (100, 2500))

    np.testing.assert_array_equal(few.last.values, many.last.values[:100])


@needs_stim
def test_a_ghz_state_of_two_hundred_atoms_agrees_with_itself_and_is_corrected() -> None:
    names = [f"q{k}" for k in range(200)]
    body = [
        {"rotate": {"atom": "q0", "angle": "pi / 2"}},
        *({"cnot": {"control": a, "target": b}} for a, b in pairwise(names)),
        {"measure": {"atoms": names, "key": "m"}},
        *({"rotate": {"atom": name, "axis": "x", "angle": f"pi * m.{name}"}} for name in names),
        {"measure": {"atoms": names, "key": "n"}},
    ]
    register = {
        "atoms": {
            name: (5 * (k % 20 if k // 20 % 2 == 0 else 19 - k % 20), 5 * (k // 20)) for k, name in enumerate(names)
        }
    }
    p = rq.Program(name="ghz", device="MockDevice", register=register, body=body)

    record = rq.run(p, shots=1000, seed=1, emulator=rq.emulators.Stabilizer())

    assert set(record.m.sum("m_atom").values.tolist()) == {0, 200}
    assert not record.n.any()


# What it cannot do


@needs_stim
@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"rotate": {"atom": "a", "angle": 0.3}}, "body[0].rotate is no Clifford gate"),
        ({"cphase": {"control": "a", "target": "b", "angle": "pi / 2"}}, "body[0].cphase is no Clifford gate"),
        ({"rotate": {"atom": "a", "angle": "pi", "basis": "ground-rydberg"}}, "body[0].rotate is no Clifford gate on"),
        ({"phase_shift": {"atoms": "a", "angle": "pi", "basis": "digital"}}, "a phase shift is a rotate about z"),
        (
            {"probe": {"atoms": "a", "key": "p", "density_matrix": True}},
            "of a stabiliser state a probe sees occupation",
        ),
    ],
)
def test_what_is_not_clifford_is_refused_by_its_block(block: dict[str, Any], message: str) -> None:
    p = program([block, {"cz": {"control": "a", "target": "b"}}, {"measure": {"atoms": "a", "key": "m"}}])

    with pytest.raises(ProgramError) as refused:
        rq.run(p, shots=10, emulator="stabilizer")
    assert message in " ".join(str(refused.value).split()).replace(": is", " is")


@needs_stim
def test_an_angle_that_is_fed_forward_is_refused_by_place_and_value() -> None:
    turn = {"rotate": {"atom": "a", "angle": "pi / 2"}}
    fed = {"rotate": {"atom": "b", "angle": "pi * m / 3"}}

    with pytest.raises(RunError, match=r"body\[2\]\.rotate.*is no Clifford gate.*pi \* m / 3 = 1\.047"):
        rq.run(program([turn, {"measure": {"atoms": "a", "key": "m"}}, fed]), shots=20, seed=1, emulator="stabilizer")


@needs_stim
def test_exact_runs_density_matrices_and_other_noise_are_refused_by_name() -> None:
    with pytest.raises(CapabilityError, match="'stabilizer' cannot run with shots=None"):
        rq.run(drawn(0), shots=None, emulator="stabilizer")
    with pytest.raises(CapabilityError, match="keeps pure states only"):
        rq.run(drawn(0), shots=5, emulator="stabilizer", state="density_matrix")
    with pytest.raises(CapabilityError, match=r"'stabilizer' cannot follow hardware\.t1_us"):
        rq.run(drawn(0), shots=5, emulator="stabilizer", hardware={"t1_us": 5.0})


@needs_stim
def test_an_estimate_knows_stabiliser_states() -> None:
    assert rq.estimate(drawn(0), shots=1000, emulator="stabilizer").seconds < 60


def test_it_is_an_emulator_by_name_and_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "stabilizer" in NAMES
    monkeypatch.setattr("rydberg_qmem.emulators.requirements.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'rydberg_qmem\[stabilizer\]'"):
        rq.run(drawn(0), shots=5, emulator="stabilizer")
