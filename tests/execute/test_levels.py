"""Levels that nothing fills are left out, and atoms read as soon as nothing touches them: the record stays the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import rydberg_qmem as rq
from rydberg_qmem.compile.steps import Segment, Step
from rydberg_qmem.emulators.layout import Layout, Levels
from rydberg_qmem.engine import carried_levels, early_reads, own_states
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.language.blocks import AnyBlock, Measure, Repeat
from rydberg_qmem.programs import network
from tests.reference import Reference, chance_of
from tests.strategies import if_a_device_takes_it, programs

ROUNDING = 1e-8
ALPHA = 1e-6
"""Chance that a right engine fails the chi-square of one program's joint outcomes."""
FAMILIES = ("gates", "three")

Check = Callable[[rq.Program], None]


@pytest.fixture
def in_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small groups of atoms be played in stages, too, as large ones are."""
    monkeypatch.setattr(own_states, "LIGHT", 0)


def agree(check: Check, examples: int, *, noisy: bool = False, families: tuple[str, ...] = FAMILIES) -> None:
    """Check random programs that leave levels empty for a while and read atoms late, the same ones each time."""

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(programs(families, late=True, noisy=noisy))
    def compare(program: rq.Program) -> None:
        with if_a_device_takes_it():
            check(program)

    compare()


def against_reference(emulator: str, state: str = "auto") -> Check:
    def check(program: rq.Program) -> None:
        record = rq.run(program, shots=None, emulator=emulator, state=state)
        reference = Reference(program, ideal=emulator == "ideal")
        assert reference.largest_difference(record) < ROUNDING, program.to_json()

    return check


def shots(program: rq.Program) -> None:
    record = rq.run(program, shots=3000, seed=1, emulator="ideal")
    assert chance_of(Reference(program, ideal=True), record) > ALPHA, program.to_json()


@pytest.mark.usefixtures("in_stages")
@pytest.mark.parametrize("state", ["vector", "density_matrix"])
def test_ideal_gates_agree_with_the_reference_which_keeps_all_levels(state: str) -> None:
    agree(against_reference("ideal", state), 6 if state == "vector" else 4)


def test_pulses_agree_with_the_reference_which_keeps_all_levels() -> None:
    agree(against_reference("exact"), 4)


@pytest.mark.usefixtures("in_stages")
def test_shots_of_late_reads_are_distributed_as_the_reference_says() -> None:
    agree(shots, 5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("in_stages")
@pytest.mark.parametrize(
    "check",
    [*(against_reference("ideal", state) for state in ("vector", "density_matrix")), against_reference("exact"), shots],
    ids=["ideal", "ideal matrices", "exact", "shots"],
)
def test_many_programs_of_late_reads_agree_with_the_reference(check: Check) -> None:
    agree(check, 15)


@pytest.mark.slow
def test_noise_fills_the_levels_that_it_may() -> None:
    agree(against_reference("exact"), 8, noisy=True, families=("three",))


def test_a_level_dropped_although_a_segment_fills_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = carried_levels.levels_held

    def as_before(run: RunContext, plan: Any, atoms: tuple[int, ...], levels: Levels, *, noisy: bool) -> Any:
        return replace(right(run, plan, atoms, levels, noisy=noisy), after=levels)

    monkeypatch.setattr(own_states, "levels_held", as_before)

    with pytest.raises(AssertionError):
        agree(against_reference("ideal"), 20)


def turned_again() -> rq.Program:
    """Return three coupled atoms, the first of which is turned once more after the others have gone on."""
    pairs = [{"exchange": {"atoms": pair, "angle": 0.6}} for pair in (["a", "b"], ["b", "c"])]
    body = [
        *({"rotate": {"atom": atom, "angle": angle}} for atom, angle in (("a", 1.0), ("b", 0.4))),
        *pairs,
        {"measure": {"atoms": "d", "key": "between"}},
        {"rotate": {"atom": "a", "angle": 0.9}},
        {"measure": {"atoms": "a", "key": "m"}},
        {"rotate": {"atom": "c", "angle": "0.7 * m"}},
        {"measure": {"atoms": ["a", "b", "c"], "key": "end"}},
    ]
    register = {"atoms": {name: (5.0 * k, 0.0) for k, name in enumerate("abcd")}}
    return rq.Program(name="again", device="MockDevice", register=register, body=body)


@pytest.mark.usefixtures("in_stages")
def test_an_atom_is_not_read_before_a_later_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    right = early_reads._before

    def careless(run: RunContext, step: Step, coming: early_reads.Coming, after: dict[int, Any]) -> early_reads.Coming:
        return coming if isinstance(step, Segment) else right(run, step, coming, after)

    against_reference("ideal")(turned_again())
    monkeypatch.setattr(early_reads, "_before", careless)

    with pytest.raises(AssertionError):
        against_reference("ideal")(turned_again())


# ---------------------------------------------------------------- coupled cells


def cells(count: int, *, late: bool) -> rq.Program:
    """Return coupled cells whose ancillas are read before their coupling, or at the round's end."""
    made = network(count, probes=False)
    [loop] = made.body
    assert isinstance(loop, Repeat)
    first, last = (k for k, block in enumerate(loop.body) if isinstance(block, Measure))
    body: list[AnyBlock] = list(loop.body)
    if late:
        ancillas = body[first : first + 2]
        body = [*body[:first], *body[first + 2 : last], *ancillas, *body[last:]]
    return made.model_copy(update={"body": (loop.model_copy(update={"body": tuple(body)}),)})


def ideally(program: rq.Program, **options: Any) -> Any:
    return rq.run(program, **{"emulator": "ideal", "rounds": 5, "shots": None, "seed": 3, **options})


def gap(one: Any, other: Any) -> float:
    return max(float(abs(one[name] - other[name]).max()) for name in ("reflected", "out", "R0"))


@pytest.mark.parametrize("state", ["vector", "density_matrix"])
def test_late_reads_have_the_means_of_early_ones(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = (ideally(cells(2, late=late), state=state) for late in (False, True))
    monkeypatch.setattr(own_states, "LIGHT", 0)

    assert gap(early, late) < 1e-12
    assert gap(early, ideally(cells(2, late=True), state=state)) < 1e-12


def test_shots_read_early_are_the_same_shots(monkeypatch: pytest.MonkeyPatch) -> None:
    late = ideally(cells(3, late=True), shots=200)
    monkeypatch.setattr(own_states, "LIGHT", 0)

    assert gap(late, ideally(cells(3, late=True), shots=200)) == 0


@pytest.mark.usefixtures("in_stages")
def test_late_reads_take_states_as_small_as_early_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    right, sizes = carried_levels.note_group, [0]

    def note(cursor: Cursor, step: Segment, atoms: tuple[int, ...], levels: Levels, rows: int) -> None:
        sizes[-1] = max(sizes[-1], rows * int(np.prod([len(here) for here in levels])))
        right(cursor, step, atoms, levels, rows)

    monkeypatch.setattr(own_states, "note_group", note)
    for late in (False, True):
        ideally(cells(5, late=late), shots=40)
        sizes.append(0)

    assert 0 < sizes[1] <= 2 * sizes[0]


def test_cells_of_ideal_gates_have_two_levels_an_atom() -> None:
    made = rq.estimate(cells(3, late=True), emulator="ideal", shots=100, rounds=4)

    assert max(group.dimension for group in made.groups) <= 2**6
    assert all(group.dimension <= 2 ** len(group.atoms) for group in made.groups)


def test_an_atom_under_raman_pulses_alone_has_two_levels_and_its_probes_three() -> None:
    turns = [{"rotate": {"atom": atom, "angle": 1.0}} for atom in ("a", "b")]
    excited = {"rotate": {"atom": "a", "angle": 0.7, "basis": "ground-rydberg"}}
    look = {"probe": {"atoms": ["b", "a"], "key": "rho", "density_matrix": True}}
    program = rq.Program(
        name="levels",
        device="MockDevice",
        register={"atoms": {"a": (0, 0), "b": (90, 0)}},
        body=[*turns, excited, look],
    )

    made = rq.estimate(program, shots=10)
    record = rq.run(program, shots=None)

    assert {group.atoms: group.dimension for group in made.groups} == {("a",): 3, ("b",): 2}
    assert record.rho.shape == (9, 9)
    assert Reference(program).largest_difference(record) < ROUNDING


def test_states_among_more_levels_and_back_are_the_same() -> None:
    some, wide = Layout(("r", "g", "h"), 2, (("g", "h"), ("r", "g"))), Layout(("r", "g", "h"), 2)

    places = some.places_in(wide)

    assert [tuple(wide.digits[:, place]) for place in places] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert some.dimension == 4
    np.testing.assert_array_equal(some.is_level(0, "h"), wide.is_level(0, "h")[places])


NOISY = {
    "waits": {"emulator": "ideal", "hardware": {"t1_us": 300, "t2_us": 200, "imaging_us": 50, "reset_us": 20}},
    "pulses": {"emulator": "exact", "noise": {"relaxation_rate": 0.05, "dephasing_rate": 0.2}, "rounds": 2},
    "jumps": {"emulator": "exact", "noise": {"relaxation_rate": 0.05, "dephasing_rate": 0.2}, "rounds": 2, "shots": 40,
              "state": "vector"},
}  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [pytest.param(more, id=name, marks=[pytest.mark.slow] * (name == "pulses")) for name, more in NOISY.items()],
)
def test_noise_acts_on_fewer_levels_as_on_all(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one = cells(1, late=False)
    few = ideally(one, **options)
    monkeypatch.setattr(RunContext, "narrows", False)

    assert gap(few, ideally(one, **options)) < 1e-9
