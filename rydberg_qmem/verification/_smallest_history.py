"""The smallest history that still breaks a control: as much of one that was found left out as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.verification._budget import Budget, Undecided
from rydberg_qmem.verification._controls import Control
from rydberg_qmem.verification._histories import DEFAULTS, Array, At, ChanceEvent, History, Visit
from rydberg_qmem.verification._program_controls import Controls
from rydberg_qmem.verification._replayer import MOST_VISITS, Broken, Replayer

TRIES = 6
"""Halvings of the parts that are tried to be left out of a history that was found."""


@dataclass(frozen=True)
class Witness:
    """A history, as outcomes and draws that are not their defaults (0, 1/2, 0), and what it breaks."""

    broken: Broken
    history: History
    outcomes: bool = True
    """Whether anything is measured before."""


def _replayed(
    compiled: Compiled,
    controls: Controls,
    wanted: frozenset[Control],
    histories: list[History],
    visits: int,
    budget: Budget,
) -> tuple[Replayer, set[Visit]]:
    """Play some histories as they are; return the replayer, and which outcomes and draws came up."""
    seen: dict[Visit, Array] = {}

    def source(kind: str, name: str, width: int, at: At) -> Array:
        if (kind, name, at) not in seen:
            sites = [ChanceEvent(kind, name, column, at) for column in range(width)]
            seen[kind, name, at] = np.array([[h.get(s, DEFAULTS[kind]) for s in sites] for h in histories])
        return seen[kind, name, at]

    replayer = Replayer(compiled, controls, wanted, source, len(histories), visits=visits, budget=budget)
    replayer.play()
    return replayer, set(seen)


def smallest(
    compiled: Compiled,
    controls: Controls,
    wanted: frozenset[Control],
    history: History,
    broken: Broken,
    budget: Budget,
) -> Witness | None:
    """Return a witness with as much of a history left out as still breaks the same control; None if it does not."""
    visits = MOST_VISITS

    def play(histories: list[History]) -> tuple[list[bool], Replayer, set[Visit]]:
        replayer, seen = _replayed(compiled, controls, wanted, histories, visits, budget)
        ends = replayer.broken
        return [i in ends and ends[i].about == broken.about for i in range(len(histories))], replayer, seen

    held, replayer, seen = play([history])
    if not held[0]:
        return None
    visits = 2 * (MOST_VISITS - replayer.visits) + len(compiled.steps)
    history = {site: value for site, value in history.items() if (site.kind, site.name, site.at) in seen}
    witness = _witness(replayer, history, seen)
    try:
        for parts in _partitions(history):
            history = _with_less(history, parts, lambda histories: play(histories)[0])
        _, replayer, seen = play([history])
    except Undecided:  # not as small as it could be, but a witness
        return witness
    return _witness(replayer, history, seen)


def _witness(replayer: Replayer, history: History, seen: set[Visit]) -> Witness:
    return Witness(replayer.broken[0], history, any(kind == "outcome" for kind, _, _ in seen))


def _with_less(
    history: History,
    parts: list[frozenset[ChanceEvent]],
    breaks: Callable[[list[History]], list[bool]],
) -> History:
    """Return a history without as many of its parts as can be left out, one by one and then together."""
    rest = [part for part in parts if part & history.keys()]
    if not rest:
        return history
    good = [part for part, ok in zip(rest, breaks([_without(history, [p]) for p in rest]), strict=True) if ok]
    if not good:
        return history
    fewer = [_without(history, good[: i + 1]) for i in range(len(good))]
    kept = [h for h, ok in zip(fewer, breaks(fewer), strict=True) if ok]
    return kept[-1] if kept else history


def _partitions(history: History) -> Iterable[list[frozenset[ChanceEvent]]]:
    """Yield ways to cut a history into parts: by kind and name, then ever smaller pieces in order of time."""
    sites = sorted(history, key=lambda site: (site.at, site.kind, site.name, site.column))
    groups: dict[object, set[ChanceEvent]] = {}
    for site in sites:
        groups.setdefault((site.kind, site.name, site.column), set()).add(site)
    yield [frozenset(group) for group in groups.values()]
    size = len(sites)
    for _ in range(TRIES):
        size = -(-size // 2)
        if size < 1:
            return
        yield [frozenset(sites[i : i + size]) for i in range(0, len(sites), size)]
        if size == 1:
            return


def _without(history: History, parts: list[frozenset[ChanceEvent]]) -> History:
    gone = frozenset().union(*parts)
    return {site: value for site, value in history.items() if site not in gone}
