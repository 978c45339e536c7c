"""Changing a program in Python is checked as writing it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import ProgramError
from rydberg_qmem.language.blocks import KINDS, AnyBlock
from rydberg_qmem.language.program import Program

PULSE = rq.Pulse(channel="rydberg_global", amplitude=2, duration_ns=100)
REPEAT = rq.Repeat(times=3, body=(PULSE, rq.Measure(atoms="q", key="m")))
FLIP = Program(name="flip", register={"atoms": {"q": (0, 0)}}, parameters={"x": 1}, body=(REPEAT,))


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        (PULSE.with_(amplitude=3), rq.Pulse(channel="rydberg_global", amplitude=3, duration_ns=100)),
        (
            PULSE.with_(amplitude={"constant": {"duration_ns": 40, "area": "pi"}}, duration_ns=None),
            rq.Pulse(channel="rydberg_global", amplitude={"constant": {"duration_ns": 40, "area": "pi"}}),
        ),
        (REPEAT.with_(times="2 * x"), rq.Repeat(times="2 * x", body=REPEAT.body)),
        (REPEAT.with_(body=[{"reset": {"atoms": "q"}}]), rq.Repeat(times=3, body=(rq.Reset(atoms="q"),))),
        (rq.Set(values={"y": 1}).with_(values={"z": 2}), rq.Set(values={"z": 2})),
        (FLIP.with_(parameters={"x": 2, "y": "x / 2"}).parameters["x"], rq.Expression(2)),
    ],
)
def test_a_change_is_taken_as_by_the_constructor(changed: Any, anew: Any) -> None:
    assert changed == anew
    assert hash(changed) == hash(anew)


def test_a_change_is_known_by_its_name_in_python_or_in_files() -> None:
    when = rq.When(**{"if": "m == 1"}, then=(rq.Reset(atoms="q"),))

    assert when.with_(condition="m == 0") == when.with_(**{"if": "m == 0"})


@pytest.mark.parametrize(
    ("part", "changes", "rule"),
    [
        (FLIP, {"bodi": ()}, "did you mean 'body'"),
        (FLIP, {"body": 3}, "body"),
        (FLIP, {"parameters": {"lambda": 1}}, "is a reserved name"),
        (FLIP, {"register": {"atom": {}}}, "did you mean 'atoms'"),
        (PULSE, {"amplitud": 2}, "did you mean 'amplitude'"),
        (PULSE, {"duration": 100}, "did you mean 'duration_ns'"),
        (PULSE, {"amplitude": {"constant": {"duration_ns": 40, "value": 1}}}, "must not give duration_ns"),
        (REPEAT, {"times": "2 *"}, "is not an expression"),
        (REPEAT, {"over": "u"}, "must give either times or over"),
        (FLIP.register, {"atoms": {"q": (0,)}}, ""),
    ],
)
@pytest.mark.parametrize("way", ["with_", "model_copy", "__replace__"])
def test_a_wrong_change_is_refused_whichever_way_it_is_made(
    part: Any, changes: dict[str, Any], rule: str, way: str
) -> None:
    with pytest.raises(ProgramError, match=rule or None):
        getattr(part, way)(update=changes) if way == "model_copy" else getattr(part, way)(**changes)


def test_the_program_that_is_changed_stays_as_it_was() -> None:
    before = FLIP.to_json()

    changed = FLIP.with_(name="flop")

    assert (changed.name, FLIP.to_json()) == ("flop", before)
    assert copy.copy(FLIP) == FLIP.model_copy() == FLIP


def test_every_kind_of_block_can_be_changed() -> None:
    """A change to what a field already has gives the same block, for each field of each block in ready sequences."""
    seen: set[str] = set()
    for name in ("two_port_memristor", "teleportation", "eom_bang_bang", "time_optimal_cz", "daqc_ising", "zeno"):
        for block in blocks_of(rq.load(name).body):
            seen.add(block.kind)
            for field in type(block).model_fields:
                assert block.with_(**{field: getattr(block, field)}) == block

    assert len(seen) > 12
    assert seen <= KINDS.keys()


def blocks_of(blocks: tuple[AnyBlock, ...]) -> list[AnyBlock]:
    found: list[AnyBlock] = []
    for block in blocks:
        inner = [getattr(block, name, ()) for name in ("body", "then", "otherwise")]
        found += [block, *(deeper for part in inner for deeper in blocks_of(part))]
    return found


def test_blocks_are_changed_left_out_and_put_in() -> None:
    def twice(block: AnyBlock) -> Any:
        return (block, block) if isinstance(block, rq.Pulse) else block

    made = rq.map_blocks(FLIP, twice)
    [repeat] = made.body
    assert isinstance(repeat, rq.Repeat)

    assert [block.kind for block in repeat.body] == ["pulse", "pulse", "measure"]
    assert rq.map_blocks(FLIP, lambda block: block) == FLIP
    assert rq.map_blocks(FLIP, lambda block: () if isinstance(block, rq.Repeat) else block).body == ()
    with pytest.raises(ProgramError):
        rq.map_blocks(FLIP, lambda block: 3)
