"""Crossings of a closed polygon with itself, at edges, shared corners and stretches run along together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONTACT = 1e-9
"""Points of a loop closer than this fraction of its extent are the same point when crossings are counted."""


# Crossings: corners become numbered places, corners that lie on another edge are put into it, and what is
# left are proper crossings of edges and shared places, where the sides of the arms decide.


def crossings_of(loop: NDArray[np.complex128]) -> int:
    """Return how often a loop, given as complex corners `(n,)`, crosses itself."""
    extent = float(max(np.ptp(loop.real), np.ptp(loop.imag)))
    if extent == 0:
        return 0
    walk = _reduced([int(np.argmax(np.abs(loop - corner) <= CONTACT * extent)) for corner in loop])
    walk = _reduced(_through_contacts(loop, walk, CONTACT * extent)) if len(walk) > 2 else walk
    if len(walk) < 3:
        return 0
    return _proper_crossings(loop, walk) + _pass_crossings(loop, walk)


def _reduced(walk: list[int]) -> list[int]:
    """Return the closed walk without repeated places and without there-and-back steps."""
    kept: list[int] = []
    for place in walk:
        if kept and kept[-1] == place:
            continue
        if len(kept) > 1 and kept[-2] == place:
            kept.pop()
            continue
        kept.append(place)
    while len(kept) > 1 and (kept[0] in kept[-2:] or kept[-1] == kept[1]):  # the same across the seam
        if kept[0] == kept[-1]:
            kept = kept[:-1]
        elif kept[0] == kept[-2]:
            kept = kept[:-2]
        else:
            kept = kept[1:-1]
    return kept


def _through_contacts(loop: NDArray[np.complex128], walk: list[int], near: float) -> list[int]:
    places = np.unique(walk)
    full: list[int] = []
    for here, there in zip(walk, walk[1:] + walk[:1], strict=True):
        along = (loop[places] - loop[here]) / (loop[there] - loop[here])
        length = abs(loop[there] - loop[here])
        inside = (np.abs(along.imag) * length <= near) & (along.real > 0) & (along.real < 1)
        inside &= (places != here) & (places != there)
        full += [here, *places[inside][np.argsort(along.real[inside])].tolist()]
    return full


def _proper_crossings(loop: NDArray[np.complex128], walk: list[int]) -> int:
    tails, heads = np.array(walk), np.roll(walk, -1)
    found = 0
    for edge, (tail, head) in enumerate(zip(walk, heads.tolist(), strict=True)):
        rest = slice(edge + 1, None)
        r, s = loop[tails[rest]], loop[heads[rest]]
        p, q = loop[tail], loop[head]
        parted = ((r - p) / (q - p)).imag * ((s - p) / (q - p)).imag < 0
        parting = ((p - r) / (s - r)).imag * ((q - r) / (s - r)).imag < 0
        joined = np.isin(tails[rest], (tail, head)) | np.isin(heads[rest], (tail, head))
        found += int(np.count_nonzero(parted & parting & ~joined))
    return found


def _pass_crossings(loop: NDArray[np.complex128], walk: list[int]) -> int:
    n = len(walk)
    visits: dict[int, list[int]] = {}
    for position, place in enumerate(walk):
        visits.setdefault(place, []).append(position)
    pairs = [(i, j) for seen in visits.values() for i in seen for j in seen if i != j]
    found = sum(_cross_together(loop, walk, i, j, 1) for i, j in pairs)
    found += sum(_cross_together(loop, walk, i, j, -1) for i, j in pairs if walk[(i + 1) % n] == walk[j - 1])
    return found // 2  # each pair of passes was met from both


def _cross_together(loop: NDArray[np.complex128], walk: list[int], i: int, j: int, way: int) -> bool:
    """Whether the passes at i and j cross on the stretch that starts here; the second runs in sense `way`."""
    n = len(walk)

    def at(position: int) -> int:
        return walk[position % n]

    opposed = way == 1 and (at(i - 1) == at(j + 1) or at(i + 1) == at(j - 1))
    if at(i - 1) == at(j - way) or opposed:
        return False  # the stretch starts elsewhere, or belongs to the other sense
    before = _left(loop, at(i - 1), at(i), at(i + 1), at(j - way))
    while at(i + 1) == at(j + way):
        i, j = i + 1, j + way
    return before != _left(loop, at(i - 1), at(i), at(i + 1), at(j + way))


def _left(loop: NDArray[np.complex128], came: int, here: int, goes: int, probe: int) -> bool:
    ahead = loop[goes] - loop[here]
    back, aside = np.angle((loop[[came, probe]] - loop[here]) / ahead) % (2 * np.pi)
    return bool(aside < back)
