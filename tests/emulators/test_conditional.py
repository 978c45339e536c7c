"""Closed forms of decaying vectors against the exponential of the whole effective Hamiltonian."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import _conditional as conditional
from rydberg_qmem.emulators.exact import _jumps as jumps
from rydberg_qmem.emulators.exact._conditional import Closed
from rydberg_qmem.emulators.exact._linear import expm
from rydberg_qmem.emulators.exact._operators import OperatorSet

TIME_US = 0.37
ROWS = 4


def target_of(atoms: int) -> Target:
    """Return atoms in a line, 6 µm apart, with the levels r, g and h."""
    places = {f"q{k}": (6 * k, 0) for k in range(atoms)}
    body = [{"rotate": {"atom": "q0", "angle": 1, "axis": "x"}}]
    if atoms > 1:
        body.append({"cz": {"control": "q0", "target": "q1"}})
    program = rq.Program(name="atoms", device="MockDevice", register={"atoms": places}, body=body)
    return compile_program(program).target


def collapse(levels: tuple[str, ...]) -> tuple[Any, ...]:
    """Return decay of r to g and dephasing of every level: what C†C of both leaves is diagonal."""
    decay = np.zeros((len(levels), len(levels)), dtype=complex)
    decay[levels.index("g"), levels.index("r")] = 0.6
    return decay, np.diag([0.3 * (k + 1) for k in range(len(levels))]).astype(complex)


def space(atoms: int, *, moving: bool = False) -> OperatorSet:
    """Return such atoms that decay."""
    target = target_of(atoms)
    return OperatorSet(target, collapse(target.levels), moving)


def drives(space: OperatorSet, sites: list[tuple[int, str]], rows: int, rng: np.random.Generator) -> Any:
    """Return random coefficients (rows, terms) that drive some sites."""
    made = np.zeros((rows, len(space.hamiltonians)))
    for site in sites:
        first = 3 * space.sites.index(site)
        made[:, first : first + 3] = rng.normal(size=(rows, 3)) * 8
    if space.moving:
        made[:, 3 * len(space.sites) :] = rng.uniform(5, 60, (rows, len(space.pairs)))
    return made


def states(space: OperatorSet, rng: np.random.Generator) -> Any:
    size = (ROWS, space.layout.dimension)
    made = rng.normal(size=size) + 1j * rng.normal(size=size)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def direct(space: OperatorSet, coefficients: Any, rows: Any, times: Any) -> Any:
    made = expm(space.decaying.matrices(np.broadcast_to(coefficients, (ROWS, coefficients.shape[1]))) * times)
    return np.einsum("rij,rj->ri", made, rows)


CASES = [
    [(1, "ground-rydberg")],
    [(0, "digital")],
    [(0, "digital"), (2, "ground-rydberg")],
    [(0, "digital"), (1, "digital"), (2, "digital")],
    [],
]


@pytest.mark.parametrize("moving", [False, True], ids=["held", "moving"])
@pytest.mark.parametrize("together", [False, True], ids=["each its own", "all the same"])
@pytest.mark.parametrize("sites", CASES, ids=str)
def test_closed_forms_are_the_exponential_of_everything(sites: Any, together: bool, moving: bool) -> None:
    rng = np.random.default_rng(len(sites))
    here = space(3, moving=moving)
    coefficients = drives(here, sites, 1 if together else ROWS, rng)
    flow, rows = here.flow(coefficients), states(here, rng)
    assert isinstance(flow, Closed)
    assert np.abs(flow.advance(rows, TIME_US) - direct(here, coefficients, rows, TIME_US)).max() < 1e-12
    some, times = np.array([2, 0]), np.array([0.1, 0.9])
    wanted = direct(here, coefficients, rows, np.array([0.9, 0.0, 0.1, 0.0])[:, None, None])[some]
    assert np.abs(flow.subset(some).to(rows[some], times) - wanted).max() < 1e-12


def test_neighbours_that_shift_nothing_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    here = space(3)
    coefficients, rows = drives(here, [(1, "ground-rydberg")], ROWS, rng), states(here, rng)
    alone = OperatorSet(here.target, here.collapse)
    alone.__dict__["_fixed"] = 0 * here._fixed
    off = alone.flow(coefficients).advance(rows, TIME_US) - direct(here, coefficients, rows, TIME_US)
    assert np.abs(off).max() > 0.1


@pytest.mark.parametrize(
    "sites", [[(0, "ground-rydberg"), (1, "ground-rydberg")], [(1, "digital"), (1, "ground-rydberg")]], ids=str
)
def test_drives_that_block_each_other_have_no_closed_form_but_evolve_the_same(sites: Any) -> None:
    rng = np.random.default_rng(2)
    here = space(3)
    coefficients, rows = drives(here, sites, ROWS, rng), states(here, rng)
    flow = here.flow(coefficients)
    assert not isinstance(flow, Closed)
    assert np.abs(flow.advance(rows, TIME_US) - direct(here, coefficients, rows, TIME_US)).max() < 1e-10


def test_operators_that_mix_levels_have_no_closed_form() -> None:
    target = target_of(2)
    mixing = np.zeros((3, 3), dtype=complex)
    mixing[0, 1] = mixing[0, 2] = 0.5
    assert not isinstance(OperatorSet(target, (mixing,)).flow(np.zeros((1, 12))), Closed)


def test_a_weak_drive_is_not_lost_near_its_exceptional_point() -> None:
    """Where the two decays differ by as much as the drive turns, both eigenvalues meet and sinh(wt)/w is 0/0."""
    here = space(2)
    here = OperatorSet(here.target, here.collapse[:1])
    coefficients = np.zeros((1, len(here.hamiltonians)))
    coefficients[0, 3 * here.sites.index((0, "ground-rydberg"))] = 0.6**2 / 2
    rows = np.eye(9, dtype=complex)
    made = expm(here.decaying.matrices(coefficients)[0] * 2.0)
    assert np.abs(here.flow(coefficients).advance(rows, 2.0) - made.T).max() < 1e-12


def walked(space: OperatorSet, coefficients: Any, times: Any, rows: Any) -> Any:
    """Return rows after one step after the other, each by the exponential of everything."""
    for k, time_us in enumerate(times):
        rows = direct(space, coefficients[:, k], rows, time_us)
    return rows


@pytest.mark.parametrize("moving", [False, True], ids=["held", "moving"])
@pytest.mark.parametrize("block", [1, 60, conditional.BLOCK])
@pytest.mark.parametrize("together", [False, True], ids=["each its own", "all the same"])
@pytest.mark.parametrize("sites", CASES, ids=str)
def test_steps_multiplied_are_the_steps_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, sites: Any, together: bool, block: int, moving: bool
) -> None:
    monkeypatch.setattr(conditional, "BLOCK", block)
    rng = np.random.default_rng(len(sites))
    here, times = space(3, moving=moving), rng.uniform(0.01, 0.05, 7)
    count = 1 if together else ROWS
    coefficients = np.stack([drives(here, sites, count, rng) for _ in times], axis=1)
    if moving:  # interactions hold all along
        coefficients[:, :, 3 * len(here.sites) :] = coefficients[:, :1, 3 * len(here.sites) :]
    rows = states(here, rng)

    wanted = walked(here, coefficients, times, rows)
    assert np.abs(here.through(rows, coefficients, times, mixed=False) - wanted).max() < 1e-12
    if not moving:
        made = np.broadcast_to(here.propagators(coefficients, times, mixed=False), (ROWS, 27, 27))
        assert np.abs(np.einsum("rij,rj->ri", made, rows) - wanted).max() < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_jumps_among_steps_multiplied_are_those_of_the_steps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    here, times = space(2), rng.uniform(0.1, 0.9, 6)
    coefficients = np.stack([drives(here, [(1, "ground-rydberg")], ROWS, rng) for _ in times], axis=1)
    rows, numbers = states(here, rng), rng.random((40, ROWS, 2))
    parts = list(here.parts(coefficients, times))
    steps = [jumps.Step(jumps.Diagonalised(here.decaying, coefficients[:, k]), t) for k, t in enumerate(times)]

    together, apart = (jumps.evolve(here.jumps, some, rows, numbers.__getitem__) for some in (parts, steps))

    assert len(parts) == 1
    assert np.abs(together - apart).max() < 1e-7
    unjumped = walked(here, coefficients, times, rows)
    assert np.abs(together - unjumped / np.linalg.norm(unjumped, axis=1, keepdims=True)).max() > 0.1
