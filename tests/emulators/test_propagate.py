"""One propagator, three generators: what a segment does is the same whoever moves the rows, kept or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators.exact import Exact, OpenSystemPropagator, PlayedSegment
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.emulators.layout import squared_norms
from rydberg_qmem.language.noise import Noise

from . import accuracy
from .accuracy import Case, Matrix

RATE = 1e-13
"""A collapse operator that does nothing, but has the rows moved by a generator that decays."""
AGREES = 1e-9
ROWS = 12


def controlled() -> Case:
    """Return a segment that control values steer, between parts that nothing steers, and that leaves phases behind."""
    body: list[dict[str, Any]] = [
        {"pulse": {"channel": "rydberg_global", "amplitude": 5.0, "duration_ns": 60}},
        {"pulse": {"channel": "rydberg_local", "atoms": ["a"], "amplitude": "4 + x", "detuning": "3 * x",
                   "duration_ns": 80, "phase": "x"}},
        {"rotate": {"atom": "b", "angle": "x", "axis": "z", "basis": "ground-rydberg"}},
        {"delay": {"duration_ns": 50}},
        {"pulse": {"channel": "rydberg_local", "atoms": ["a"],
                   "amplitude": {"ramp": {"duration_ns": 40, "start": 0, "stop": 8}}}},
    ]  # fmt: skip
    program = rq.Program.from_dict(
        {"name": "steered", "device": "MockDevice", "register": {"atoms": {"a": (0, 0), "b": (6.5, 0)}},
         "memory": {"x": {"initial": 0.0}}, "body": body}
    )  # fmt: skip
    return accuracy.case(np.random.default_rng(1), program, ROWS)


def masked() -> Case:
    """Return a segment of the XY mode whose first pulse is masked for one atom."""
    pulse = {"pulse": {"channel": "mw_global", "amplitude": 5.0, "duration_ns": 120}}
    program = rq.Program.from_dict(
        {"name": "masked", "device": "MockDevice", "register": {"atoms": {"a": (0, 0), "b": (9, 0), "c": (4, 8)}},
         "magnetic_field": (0.0, 20.0, 20.0), "body": [{"slm_mask": {"atoms": ["b"]}}, pulse, pulse]}
    )  # fmt: skip
    return accuracy.case(np.random.default_rng(2), program, ROWS)


def drawn(family: str) -> Callable[[], Case]:
    return lambda: accuracy.draw(np.random.default_rng([11, accuracy.FAMILIES.index(family)]), family, rows=ROWS,
                                 longest=300)  # fmt: skip


CASES: dict[str, Callable[[], Case]] = {
    "steered": controlled, "masked": masked, **{f: drawn(f) for f in ("rydberg", "three", "xy", "map")},
}  # fmt: skip


def scope() -> dict[str, Any]:
    """Return control values that come twice each, so that kept propagators have their rows."""
    return {"x": np.tile(np.linspace(-0.5, 0.9, ROWS // 2), 2)}


def matrices(states: Matrix) -> Matrix:
    return np.asarray((states[:, :, None] * states[:, None, :].conj()).reshape(len(states), -1))


def farthest(case: Case) -> float:
    """Return how far generators are apart: of vectors, decaying vectors, density matrices and displaced atoms."""
    rest = np.zeros((len(case.target.levels),) * 2, dtype=complex)
    rest[-1, -1] = RATE
    values, one = scope(), Exact()
    made = one.evolve(case.plan, values, case.states, case.atoms)
    open_system = OpenSystemPropagator(case.target, (rest,))
    still = Fluctuations(case.target, Noise(temperature=50.0, trap_waist=1.0, trap_depth=150.0, disable_doppler=True))
    unmoved = {"#place": np.zeros((ROWS, 3 * len(case.atoms))), "#clock": 0.0}
    jittering = Fluctuations(case.target, Noise(amp_sigma=0.1))
    level = {"#amplitude": np.ones((ROWS, len(jittering.channels))), "#clock": 0.0}
    others = [
        one.evolve(case.plan, values, case.states, case.atoms),  # what was kept
        open_system.evolve(case.plan, values, case.states, case.atoms, mixed=False),
        OpenSystemPropagator(case.target, (), still).evolve(
            case.plan, values | unmoved, case.states, case.atoms, mixed=False
        ),
    ]
    if "0" not in case.target.levels:
        lasers = OpenSystemPropagator(case.target, (), jittering)
        others.append(lasers.evolve(case.plan, values | level, case.states, case.atoms, mixed=False))
    gaps = [np.abs(found - made).max() for found in others]
    flat = open_system.evolve(case.plan, values, matrices(case.states), case.atoms, mixed=True)
    return float(max(*gaps, np.abs(flat - matrices(made)).max()))


@pytest.mark.parametrize("name", CASES)
def test_all_generators_do_the_same_where_nothing_decays(name: str) -> None:
    assert farthest(CASES[name]()) < AGREES


@pytest.mark.parametrize("name", ["steered", "masked", "three"])
def test_rows_moved_one_by_one_end_as_those_whose_propagators_are_kept(name: str) -> None:
    case, values = CASES[name](), scope()
    decay = np.diag(np.sqrt([0.3, *[0.1] * (len(case.target.levels) - 1)])).astype(complex)

    def open_system() -> OpenSystemPropagator:
        return OpenSystemPropagator(case.target, (decay,))

    norms = open_system().evolve(case.plan, values, case.states, case.atoms, mixed=False)
    assert (squared_norms(norms) < 1).all()
    for mixed, states in ((False, case.states), (True, matrices(case.states))):
        kept = open_system().evolve(case.plan, values, states, case.atoms, mixed=mixed)
        for row in (0, ROWS - 1):
            alone = open_system().evolve(case.plan, {"x": values["x"][row : row + 1]}, states[row : row + 1],
                                         case.atoms, mixed=mixed)[0]  # fmt: skip
            assert np.abs(kept[row] - alone).max() < 1e-12


def forgetting(what: str) -> Any:
    """Return a wrong version of a part of the propagator that one generator alone would have."""
    if what == "frame":
        return "turned_matrices", lambda segment, flat: flat
    right = PlayedSegment.stretches

    def unmasked(segment: PlayedSegment, columns: int = 1) -> Any:
        for stretch in right(segment, columns):
            yield type(stretch)(segment.target, stretch.cuts, stretch.active, stretch.share) if columns > 1 else stretch

    return "stretches", unmasked


@pytest.mark.parametrize(("what", "name"), [("frame", "steered"), ("mask", "masked")])
def test_a_mask_or_frame_that_one_generator_forgets_is_found(
    what: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attribute, wrong = forgetting(what)
    monkeypatch.setattr(PlayedSegment, attribute, wrong)

    assert farthest(CASES[name]()) > 1e-3
