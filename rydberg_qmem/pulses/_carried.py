"""What channels carry from one segment into the next: where they are aimed, and the phase of the light that they had.

A measurement, a reset or a branch ends a Pulser sequence; the machine goes on. A beam still stands on the
atoms that it was turned to, and has to be turned away from them; light of another phase still waits until the last
pulse has faded. So every segment but the first begins with the pauses that Pulser would keep there in one sequence.
A beam that first stays where it stood and is then turned has stayed since the segment began, as in a sequence of its
own; one that is not turned there has stayed for longer when the next segment begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import remainder, tau
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import Target

CARRIED = "#carried"
"""Name under which each row of a run has the number of what its channels carry."""
SAME_PHASE = 1e-9
"""Phases (rad) closer than this are one phase: they are sums that round differently."""
MOST_KEPT = 100_000
"""So many different things that channels carried are kept before those that no row has are forgotten."""

Site = tuple[int, str]


@dataclass(frozen=True)
class Past:
    """What one channel carries: its aim and since when (ns), and its last pulse.

    `fading_ns` is how long its light still fades. `since_ns` is the time since the last pulse that had a phase has
    faded, negative while it fades, and None where no pulse will wait for that; `phase` includes phase references.
    """

    atoms: tuple[int, ...] = ()
    aimed_ns: int = 0
    fading_ns: int = 0
    since_ns: int | None = None
    phase: float = 0.0


@dataclass(frozen=True)
class Carried:
    """What the channels carry, and the phase references (rad) of atoms that their phases are counted from."""

    channels: tuple[tuple[str, Past], ...] = ()
    references: tuple[tuple[Site, float], ...] = ()

    def aged(self, duration_ns: float, target: Target) -> Carried:
        """Return what is carried after a time in the dark; what no longer matters is forgotten."""
        waited = int(duration_ns)
        kept = {name: _aged(past, waited, target.channel(name)) for name, past in self.channels}
        return canonical_carried(kept, dict(self.references))


NOTHING = Carried()


def canonical_carried(channels: dict[str, Past], references: dict[Site, float]) -> Carried:
    """Return what channels carry in the one form that equal things have."""
    kept = tuple(sorted((name, past) for name, past in channels.items() if past != Past()))
    if not any(past.since_ns is not None for _, past in kept):
        return Carried(kept)  # no phase waits to be compared
    turned = {site: round(remainder(angle, tau), 12) for site, angle in references.items()}
    return Carried(kept, tuple(sorted((site, angle) for site, angle in turned.items() if angle)))


def _aged(past: Past, waited: int, channel: Any) -> Past:
    aimed = min(past.aimed_ns + waited, channel.min_retarget_interval or 0)
    fading = max(past.fading_ns - waited, 0)
    if past.since_ns is None or past.since_ns + waited >= longest_pause(channel):
        return Past(past.atoms, aimed, fading)
    return Past(past.atoms, aimed, fading, past.since_ns + waited, past.phase)


def longest_pause(channel: Any) -> int:
    """Return how long (ns) after a pulse has faded its phase may still matter to the next one."""
    return max(int(channel.phase_jump_time), 2 * channel.rise_time if channel.supports_eom() else 0)


def fades(channel: Any) -> bool:
    """Return whether timing on a channel depends on its pulses' values."""
    return bool(channel.mod_bandwidth) or channel.phase_jump_time > 0


def turns(channel: Any) -> bool:
    """Return whether it takes a channel time to be aimed at other atoms."""
    return bool(channel.addressing == "Local" and ((channel.min_retarget_interval or 0) or channel.fixed_retarget_t))


def carries(target: Target) -> bool:
    """Return whether anything that a segment plays may make a later one wait."""
    return any(fades(c) or turns(c) for c in (*target.device.channels.values(), *target.device.dmm_channels.values()))


@dataclass
class Ledger:
    """Numbers for all that the channels of a target have carried so far, so that rows can hold it; 0 is nothing."""

    target: Target
    entries: list[Carried] = field(default_factory=lambda: [NOTHING])
    numbers: dict[Carried, int] = field(default_factory=lambda: {NOTHING: 0})

    def number(self, carried: Carried) -> int:
        """Return the number of what is carried."""
        if carried not in self.numbers:
            self.numbers[carried] = len(self.entries)
            self.entries.append(carried)
        return self.numbers[carried]

    def aged(self, numbers: NDArray[np.float64], duration_ns: float) -> NDArray[np.float64]:
        """Return the numbers of what rows carry after a time in the dark."""
        return self._each(numbers, [self.entries[int(k)].aged(duration_ns, self.target) for k in np.unique(numbers)])

    def kept(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Forget what no row carries, where that is much; return the rows' new numbers."""
        if len(self.entries) <= MOST_KEPT:
            return numbers
        kept = [self.entries[int(k)] for k in np.unique(numbers)]
        self.entries, self.numbers = [NOTHING], {NOTHING: 0}
        return self._each(numbers, kept)

    def _each(self, numbers: NDArray[np.float64], new: Iterable[Carried]) -> NDArray[np.float64]:
        _, which = np.unique(numbers, return_inverse=True)
        return np.array([self.number(carried) for carried in new], dtype=float)[which.ravel()]


def ledger_of(target: Target) -> Ledger:
    """Return a target's ledger, made once."""
    return target.ledger(Ledger)  # type: ignore[no-any-return]  # held as Any: what is carried stands above targets


def numbers_in(scope: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the numbers of what the rows of a scope carry."""
    return np.atleast_1d(np.asarray(scope.get(CARRIED, 0.0), dtype=float))


def carried_in(scope: Mapping[str, Any], target: Target) -> Carried:
    """Return what the channels carry in the first row of a scope."""
    number = int(numbers_in(scope)[0])
    return ledger_of(target).entries[number] if number else NOTHING
