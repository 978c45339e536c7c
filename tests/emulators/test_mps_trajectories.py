"""Quantum jumps on matrix-product states: with the same chances the trajectories of `exact`, and what is refused."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators import EmuMps
from rydberg_qmem.emulators.mps_trajectories import Trajectory

pytestmark = pytest.mark.skipif(
    find_spec("emu_mps") is None, reason="emu-mps is not installed: pip install 'rydberg_qmem[emu]'"
)
AGREE = 1e-4
NOISE: dict[str, dict[str, Any]] = {
    "relaxation": {"noise": {"relaxation_rate": 2.0}},
    "dephasing": {"noise": {"dephasing_rate": 2.0}},
    "depolarizing": {"noise": {"depolarizing_rate": 1.0}},
    "effective": {"noise": {"eff_noise_rates": [1.5], "eff_noise_opers": [[[0, 1], [1, 0]]]}},
    "machine": {
        "hardware": {"name": "m", "rydberg_lifetime_us": 0.5, "t2_us": 0.6, "imaging_us": 0.2, "reset_us": 0.1}
    },
    "several": {"noise": {"relaxation_rate": 1.0, "dephasing_rate": 1.0}, "hardware": {"name": "m", "imaging_us": 0.2}},
}


def chain(atoms: int, rounds: int, levels: str = "ground-rydberg") -> rq.Program:
    """Return driven rounds of a chain, one atom in three measured, its outcome fed forward, another reset."""
    channel = "rydberg_global" if levels == "ground-rydberg" else "mw_global"
    amplitude = {"constant": {"duration_ns": 120, "value": "5 + x"}}
    body = [
        {"pulse": {"channel": channel, "amplitude": amplitude, "detuning": 1.0 if channel != "mw_global" else 0.0}},
        {"measure": {"atoms": [f"q{k}" for k in range(0, atoms, 3)], "key": "m", "basis": levels}},
        {"reset": {"atoms": "q1"}},
        {"set": {"x": "2 * m.q0"}},
    ]
    register = {"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": 7}
    seen = {"probe": {"atoms": "all", "key": "n", "occupation": True, "basis": levels}}
    return rq.Program(
        name="chain", device="MockDevice", register=register, memory={"x": {"initial": 0}},
        body=[{"repeat": {"times": rounds, "body": body}}, seen],
    )  # fmt: skip


def both(program: rq.Program, shots: int, seed: int = 2, **options: Any) -> tuple[Any, Any]:
    made = (
        rq.run(program, shots=shots, seed=seed, emulator=e, state="vector", **options) for e in ("exact", "emu_mps")
    )
    one, two = made
    return one, two


def agree(one: Any, two: Any) -> bool:
    """Return whether two runs saw the same outcomes, and left the same mean state."""
    same = np.array_equal(one.m.values, two.m.values)
    return bool(same and np.abs(one["n"].values - two["n"].values).max() < AGREE)


@pytest.mark.parametrize("kind", NOISE)
def test_trajectories_are_those_of_exact(kind: str) -> None:
    assert agree(*both(chain(3, 2), 5, **NOISE[kind]))


@pytest.mark.parametrize("kind", ["dephasing", "depolarizing"])
def test_trajectories_of_exchange_are_those_of_exact(kind: str) -> None:
    assert agree(*both(chain(3, 1, "XY"), 4, **NOISE[kind]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relaxation", "several"])
def test_trajectories_of_eight_atoms_are_those_of_exact(kind: str) -> None:
    assert agree(*both(chain(8, 2), 3, **NOISE[kind]))


def test_jumps_of_other_atoms_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def last(way: Trajectory, weights: np.ndarray[Any, Any]) -> int:
        return int(np.flatnonzero(weights > 0)[-1])

    monkeypatch.setattr(Trajectory, "chosen", last)
    assert not agree(*both(chain(3, 2), 12, **NOISE["depolarizing"]))


def test_jumps_that_forget_what_has_decayed_before_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment is swept in parts where other atoms are driven: the first part's decay counts in the second."""
    amplitude = {"constant": {"duration_ns": 120, "value": 6}}
    later = {"pulse": {"channel": "rydberg_local", "atoms": "q2", "amplitude": amplitude}}
    program = chain(3, 1)
    [repeat, *_] = program.body
    assert isinstance(repeat, rq.Repeat)
    parts = program.with_(body=[repeat.body[0], later, *program.body])
    assert agree(*both(parts, 30, noise={"relaxation_rate": 4}))

    monkeypatch.setattr(Trajectory, "threshold", property(lambda way: way.bound if way.next_jump else -1.0))
    assert not agree(*both(parts, 30, noise={"relaxation_rate": 4}))


def test_no_noise_is_the_limit_of_little() -> None:
    quiet = rq.run(chain(3, 2), shots=20, seed=1, emulator="emu_mps")
    little = rq.run(chain(3, 2), shots=20, seed=1, emulator="emu_mps", noise={"relaxation_rate": 1e-9})

    np.testing.assert_array_equal(quiet.m, little.m)
    np.testing.assert_allclose(quiet["n"], little["n"], atol=1e-6)


def test_truncation_is_bounded_or_said_to_be_unknown() -> None:
    noise = NOISE["relaxation"]
    fine = rq.run(chain(4, 1), shots=2, seed=1, emulator="emu_mps", **noise).mps_truncation_error
    cut = rq.run(chain(4, 1), shots=2, seed=1, emulator=EmuMps(max_bond_dim=1), **noise).mps_truncation_error

    assert (fine > 0).all()
    assert (fine < 1e-8).all()
    assert np.isnan(cut).all()


def test_what_it_cannot_follow_is_refused_by_name() -> None:
    with pytest.raises(rq.InputError, match=r"'emu_mps' keeps no density matrices, so that shots=None .* give shots"):
        rq.run(chain(3, 1), shots=None, emulator="emu_mps", noise={"relaxation_rate": 1.0})
    with pytest.raises(rq.InputError, match=r"emulator 'emu_mps' cannot follow noise\.amp_sigma"):
        rq.run(chain(3, 1), shots=2, seed=1, emulator="emu_mps", noise={"amp_sigma": 0.1})
