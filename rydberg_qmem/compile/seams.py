"""Where one Pulser sequence goes on through control flow: what only looks or remembers ends none, nor do rounds.

A measurement, a reset, or a branch with pulses cuts: outcomes are known, or sides chosen, once all has been played, EOM
mode has ended and the SLM mask is off, and the next sequence begins. A cut is an `align` of all channels, at rest where
outputs are modulated; what Pulser's filter would still let through after that is cut off. A branch begins and ends with
one, and its untaken side is a wait for as long as the other; every round of a repeat with a cut inside begins and ends
with one. No other control flow cuts. The rounds of a repeat without any cut are one sequence: they mean what its body
means written out so often. Where a sequence of their own gives each round the same, they have one, which is faster;
where they reach into each other they are written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, groupby
from typing import assert_never, cast

import numpy as np

from rydberg_qmem.compile.bind import bind_block, substitute_atom
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.steps import UNNUMBERED, Placed, Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.errors import QmemError
from rydberg_qmem.gates import HIDDEN, expand_cell
from rydberg_qmem.language.blocks import (
    EOM,
    Align,
    AnyBlock,
    Cell,
    Classical,
    Delay,
    ForEach,
    Measure,
    PhaseShift,
    Probe,
    Pulse,
    Repeat,
    Reset,
    SLMMask,
    Timed,
    When,
    bodies,
)
from rydberg_qmem.pulses import CARRIED, NOTHING, Carried, ledger_of

MOST_WRITTEN_OUT = 1000
"""So many blocks and rounds may those repeats have in one sequence that are written out."""
At = tuple[AnyBlock, str]
"""A block and its place in the program."""


def inner_blocks(block: AnyBlock) -> tuple[AnyBlock, ...]:
    """Return the blocks directly within one."""
    return tuple(one for body in bodies(block).values() for one in body)


def is_classical(block: AnyBlock) -> bool:
    """Return whether a block only looks, or only writes memory: pulses around it are those of one sequence."""
    if isinstance(block, Repeat | ForEach | When):
        return all(map(is_classical, inner_blocks(block)))
    return isinstance(block, Probe | Classical)


def cuts(block: AnyBlock) -> bool:
    """Return whether a sequence ends at a block, or at one within it."""
    if isinstance(block, Timed):
        return False
    if isinstance(block, Cell):
        return any(map(cuts, expand_cell(block, hidden_key=f"click1{HIDDEN}")))
    if isinstance(block, Probe | Classical):
        return False
    match block:
        case Measure() | Reset():
            return True
        case When():
            return not is_classical(block)
        case Repeat() | ForEach():
            return any(map(cuts, inner_blocks(block)))
        case _:
            assert_never(block)


def is_recorded(block: AnyBlock) -> bool:
    """Return whether a block is recorded at a time of its own: a probe, or a round."""
    return isinstance(block, Probe | Repeat) or any(map(is_recorded, inner_blocks(block)))


def chooses_looks(block: AnyBlock) -> bool:
    """Return whether a repeat has a side inside that holds what is recorded at a time of its own."""
    return any((isinstance(one, When) and is_recorded(one)) or chooses_looks(one) for one in inner_blocks(block))


def each_atom(blocks: Iterable[AnyBlock], path: str, atoms: tuple[str, ...]) -> Iterator[At]:
    """Yield blocks with their places, the bodies of `for_each` once for each of their atoms."""
    for i, block in enumerate(blocks):
        yield from _each(block, f"{path}[{i}].{block.kind}", atoms)


def _each(block: AnyBlock, place: str, atoms: tuple[str, ...]) -> Iterator[At]:
    if not isinstance(block, ForEach):
        yield block, place
        return
    for atom in atoms if isinstance(block.atom, str) else block.atom:
        for i, one in enumerate(block.body):
            made = substitute_atom(one, block.variable, atom)
            yield from _each(made, f"{place}.body[{i}].{one.kind}", atoms)


# --- rounds that reach into each other ---

COPIES = 3
"""So many rounds of a repeat, if it has them, are scheduled to find out whether each may have its own sequence."""


@dataclass(frozen=True)
class _Seam:
    """Where a round begins or ends."""


Line = list[Placed | _Seam]


def reach_over(
    blocks: Sequence[At], target: Target, values: Mapping[str, float], times: Callable[[Repeat, str], int]
) -> str:
    """Return why the rounds of repeats among blocks that nothing cuts reach into each other, or into blocks around.

    `times` says how many rounds a repeat at a place has. The text is empty where a sequence of its own for each round
    plays the same, and leaves the same to what comes after.
    """
    if not any(isinstance(block, Repeat) and not is_classical(block) for block, _ in blocks):
        return ""
    line = _line(blocks, target, values, times)
    played = [item.block for item in line if isinstance(item, Placed)]
    if any(isinstance(block, SLMMask) for block in played):
        return "an SLM mask holds until the first pulse of its sequence"
    if any(isinstance(block, EOM) for block in played):
        return "EOM mode begins and ends with pauses"
    if target.with_modulation and any(channel.mod_bandwidth for channel in target.device.channels.values()):
        return "modulated light still fades"
    if _one_pulse_after_the_other(line, target) or _the_same_in_time(line, target):
        return ""
    return "blocks on several channels, and waits, go on from round to round"


def _line(
    blocks: Sequence[At], target: Target, values: Mapping[str, float], times: Callable[[Repeat, str], int]
) -> Line:
    """Return unitary blocks in their order, with the body of every repeat some times between seams."""
    line: Line = []
    for raw, place in blocks:
        if is_classical(raw):
            continue
        if isinstance(raw, Repeat):
            body = _line(tuple(each_atom(raw.body, f"{place}.body", target.atoms)), target, values, times)
            line += [_Seam(), *min(COPIES, times(raw, place)) * [*body, _Seam()]]
            continue
        with suppress(QmemError):  # what is no number is said where it is played
            block = bind_block(raw, values)
            line += [Placed(part, place) for part in _unitary(block)]
    return line


def _unitary(block: AnyBlock) -> Iterator[Timed]:
    """Yield the unitary blocks that a block without a measurement or a reset stands for."""
    assert isinstance(block, Timed | Cell)  # what else is not classical ends a sequence
    for part in expand_cell(block, hidden_key=""):
        if isinstance(part, Timed):
            yield part
        else:
            yield from _unitary(part)


def _one_pulse_after_the_other(line: Line, target: Target) -> bool:
    """Return whether all is played by one channel that stays where it is aimed, with a pulse before each seam."""
    beams: set[tuple[str, object]] = set()
    named: set[str] = set()
    last: Timed | None = None
    for item in line:
        match item:
            case Placed(block=Pulse(start_with=None) as block):
                beams.add((block.channel, block.atoms))
                last = block
            case Placed(block=Delay() | Align() as block):
                last = block
                named |= set(_named(block))
            case Placed(block=PhaseShift()):
                continue
            case _Seam():
                if isinstance(last, Delay | Align) and not _waits_exactly(target):
                    return False
            case Placed():  # whatever else: schedules tell
                return False
            case _:
                assert_never(item)
    return len(beams) < 2 and named <= {channel for channel, _ in beams}


def _waits_exactly(target: Target) -> bool:
    """Return whether channels wait for any whole time (ns), so that what is in a sequence of its own waits no less."""
    return all(channel.clock_period == channel.min_duration == 1 for channel in target.device.channels.values())


def _named(block: Delay | Align) -> tuple[str, ...]:
    if isinstance(block, Align):
        return block.channels or ()
    return () if block.channel is None else (block.channel,)


def _the_same_in_time(line: Line, target: Target) -> bool:
    """Return whether blocks begin and end at the same times with a sequence for each round and in one for all."""
    if len(line) > COPIES * MOST_WRITTEN_OUT:
        return False
    groups = [
        tuple(cast(Iterable[Placed], group))
        for is_seam, group in groupby(line, lambda item: isinstance(item, _Seam))
        if not is_seam
    ]
    if not groups:
        return True
    whole = [tuple(chain.from_iterable(groups))]
    try:
        carried = NOTHING
        for _ in range(2):  # after nothing, and after what the same blocks leave
            apart = _times(groups, target, carried)
            if apart is None or apart != _times(whole, target, carried):
                return False
            carried = apart[1]
    except QmemError:  # it is said where that is played
        return True
    return True


Times = tuple[list[tuple[str, int, int]], Carried]


def _times(groups: Sequence[tuple[Placed, ...]], target: Target, carried: Carried) -> Times | None:
    """Return when drives begin and end (ns), and last of all blocks, with a sequence for each group; what they leave.

    None if that depends on what the run decides.
    """
    made, now, ledger = list[tuple[str, int, int]](), 0, ledger_of(target)
    for group in groups:
        plan = plan_segment(Segment(UNNUMBERED, group), target)
        if plan.timing or plan.sampled:
            return None
        schedule = plan.schedule((), {CARRIED: np.array([float(ledger.number(carried))])})
        made += [(drive.channel, now + drive.start, now + drive.stop) for drive in schedule.drives]
        now, carried = now + schedule.duration_ns, schedule.leaves
    return [*sorted(made), ("", now, now)], carried
