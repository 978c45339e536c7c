"""Groups that overlap, put together: which atoms hang together, directly or through others."""

from __future__ import annotations


def connected(groups: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the connected components of overlapping groups of atoms.

    >>> connected([(0, 1), (2,), (1, 3)])
    [(0, 1, 3), (2,)]
    """
    found: dict[int, list[int]] = {}  # the group of each atom, one list for all that are together
    for group in groups:
        together = found.setdefault(group[0], [group[0]])
        for atom in group[1:]:
            other = found.setdefault(atom, [atom])
            if other is together:
                continue
            if len(other) > len(together):
                together, other = other, together
            together += other
            found.update(dict.fromkeys(other, together))
    made = {id(group): group for group in found.values()}.values()
    return sorted(tuple(sorted(group)) for group in made)
