"""Stabiliser states of many rows: tableaus that rows share, and for each row the Pauli operator that it differs by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.clifford import Bits, Clifford
from rydberg_qmem.engine.deduplicate import Index, compact
from rydberg_qmem.engine.population import Held

Array = NDArray[np.float64]
MOST_MERGED = 64
"""Tableaus among which equal ones are looked for: beyond, rows hardly share any."""


def most_bytes_of_row(atoms: int) -> int:
    """Return what a row takes at the most, its operator in some copies and a tableau of its own, signs beside it."""
    words = -(-atoms // 256) * 32
    return 12 * atoms + 4 * (atoms + 256) * words + 1000


@dataclass(frozen=True)
class PauliFrames(Held):
    """Rows whose states are a Pauli operator applied to a shared tableau's state.

    `states` are Stim's simulators, never changed; `state_of` says which one a row has. `x` and `z` (atoms, rows) are
    whether the row's operator has X or Z on an atom; its sign has no meaning.
    """

    x: Bits
    z: Bits

    @classmethod
    def ground(cls, atoms: int, rows: int) -> PauliFrames:
        """Return rows whose atoms are all in g."""
        from stim import TableauSimulator

        begin = TableauSimulator(seed=0)
        begin.set_num_qubits(atoms)
        nothing = np.zeros((atoms, rows), dtype=bool)
        return cls((begin,), np.zeros(rows, dtype=np.int64), nothing, nothing)

    def take(self, rows: Index | Bits) -> PauliFrames:
        """Return the states of some of the rows."""
        return PauliFrames(self.states, self.state_of[rows], self.x[:, rows], self.z[:, rows])

    def joined(self, other: Held) -> PauliFrames:
        """Return the states of these rows and then of the other's; tableaus that nobody changed are one."""
        assert isinstance(other, PauliFrames)
        states, places = list(self.states), {id(state): k for k, state in enumerate(self.states)}
        where = np.empty(len(other.states), dtype=np.int64)
        for k, state in enumerate(other.states):
            where[k] = places.setdefault(id(state), len(states))
            if where[k] == len(states):
                states.append(state)
        state_of = np.concatenate([self.state_of, where[other.state_of]])
        x, z = np.concatenate([self.x, other.x], axis=1), np.concatenate([self.z, other.z], axis=1)
        return PauliFrames(tuple(states), state_of, x, z)

    def begun(self) -> Evolving:
        """Return the rows as what can be changed."""
        return Evolving(list(self.states), self.state_of, self.x.copy(), self.z.copy())

    def after_reset(self, atom: int, uniform: Array) -> PauliFrames:
        """Return the rows with an atom in g, where chance decides what it was by a number in [0, 1) for each row."""
        made = self.begun()
        made.reset(atom, uniform)
        return made.ended()

    def with_z(self, atom: int, rows: Bits) -> PauliFrames:
        """Return the rows, some of them with Z applied to an atom."""
        z = self.z.copy()
        z[atom] ^= rows
        return replace(self, z=z)

    def depolarised(self, atom: int, rows: Bits, x: Bits, z: Bits) -> PauliFrames:
        """Return the rows, some with X, Z or both applied to an atom: by even chances it is in g or h, with no rest."""
        made = self.begun()
        made.x[atom] ^= rows & x
        made.z[atom] ^= rows & z
        return made.ended()

    def means(self, operator: str, atoms: Sequence[int]) -> Array:
        """Return each row's mean (-1, 0 or 1) of one Pauli operator on each of some atoms."""
        from stim import PauliString

        wanted = PauliString(len(self.x))
        for atom in atoms:
            wanted[atom] = operator
        found = np.array([state.peek_observable_expectation(wanted) for state in self.states], dtype=float)
        odd = np.zeros(self.x.shape[1], dtype=bool)
        for atom in atoms:
            odd ^= (self.x[atom] & (operator in "YZ")) ^ (self.z[atom] & (operator in "XY"))
        return np.asarray(found[self.state_of] * np.where(odd, -1.0, 1.0))

    def shared(self) -> PauliFrames:
        """Return the rows without tableaus that none has, those that are equal but for signs kept once."""
        used, which = compact(self.state_of, len(self.states))
        states = [self.states[k] for k in used]
        if not 1 < len(states) <= MOST_MERGED:
            return PauliFrames(tuple(states), which, self.x, self.z)
        made = self.begun()
        made.states, made.state_of = states, which
        made.merge()
        return made.ended()


@dataclass
class Evolving:
    """Rows that are about to be changed; a tableau is copied before its first change."""

    states: list[Any]
    state_of: Index
    x: Bits
    z: Bits

    def __post_init__(self) -> None:
        self._own = [False] * len(self.states)

    def ended(self) -> PauliFrames:
        """Return the rows as they are now."""
        return PauliFrames(tuple(self.states), self.state_of, self.x, self.z)

    def _changed(self, k: int) -> Any:
        if not self._own[k]:
            self.states[k], self._own[k] = self.states[k].copy(), True
        return self.states[k]

    def _rows(self) -> Iterator[tuple[int, Any]]:
        """Yield each tableau in use, and its rows."""
        if len(self.states) == 1:
            yield 0, slice(None)
            return
        order = np.argsort(self.state_of, kind="stable")
        edges = np.searchsorted(self.state_of[order], np.arange(len(self.states) + 1))
        for k in range(len(self.states)):
            if edges[k] < edges[k + 1]:
                yield k, order[edges[k] : edges[k + 1]]

    def apply(self, gates: Sequence[Clifford], which: Index | None, atoms: tuple[int, ...], there: Bits | None) -> None:
        """Apply to each row the gate that it has (None: all the first), but not to rows where it is not `there`."""
        if which is None and there is None:
            self._tableaus(gates[0], atoms, range(len(self.states)))
            self._operators(gates[0], atoms, slice(None))
            return
        rows = len(self.state_of)
        each = np.zeros(rows, dtype=np.int64) if which is None else which
        if there is not None:
            each = np.where(there, each, len(gates))
        keys = [b"" if gate.is_pauli else gate.key for gate in gates] + [b""]
        kinds = {key: n for n, key in enumerate(dict.fromkeys(keys))}
        self._split(np.array([kinds[key] for key in keys])[each], len(kinds))
        for gate in {gate.key: gate for gate in gates}.values():
            some = np.unique(self.state_of[np.isin(each, [k for k, g in enumerate(gates) if g.key == gate.key])])
            self._tableaus(gate, atoms, some)
        for k, gate in enumerate(gates):
            self._operators(gate, atoms, each == k)

    def _split(self, kind: Index, kinds: int) -> None:
        """Give rows of different kinds different tableaus."""
        if kinds == 1 or (kind == kind[0]).all():
            return
        pairs, self.state_of = compact(self.state_of * kinds + kind, kinds * len(self.states))
        self.states = [self.states[pair // kinds] for pair in pairs]
        self._own = [False] * len(self.states)

    def _tableaus(self, gate: Clifford, atoms: tuple[int, ...], some: Any) -> None:
        if not gate.is_pauli:
            for k in some:
                self._changed(int(k)).do_tableau(gate.tableau, list(atoms))

    def _operators(self, gate: Clifford, atoms: tuple[int, ...], rows: Any) -> None:
        """Take the rows' operators through a gate."""
        halves = [self.x[atom] for atom in atoms] + [self.z[atom] for atom in atoms]
        if not gate.is_pauli:
            before = [half[rows].copy() for half in halves]
            for to, half in enumerate(halves):
                found = np.flatnonzero(gate.images[:, to])
                made = before[found[0]].copy()
                for start in found[1:]:
                    made ^= before[start]
                half[rows] = made
        for place in np.flatnonzero(gate.after):
            halves[place][rows] ^= True

    def measure(self, atom: int, uniform: Array) -> Bits:
        """Return whether each row finds an atom in h, where chance decides by its number in [0, 1)."""
        found: Bits = self.x[atom].copy()
        for k, rows in self._rows():
            sure = self.states[k].peek_z(atom)
            if sure:
                found[rows] ^= sure < 0
                continue
            result, other = self._changed(k).measure_kickback(atom)
            here = uniform[rows] >= 0.5
            flipped = here ^ found[rows] ^ result
            found[rows] = here
            for half, there in zip((self.x, self.z), other.to_numpy(), strict=True):
                for place in np.flatnonzero(there):
                    half[place][rows] ^= flipped
        return found

    def reset(self, atom: int, uniform: Array) -> None:
        """Put an atom into g."""
        self.measure(atom, uniform)
        for k, _ in self._rows():
            if self.states[k].peek_z(atom) < 0:
                self._changed(k).x(atom)
        self.x[atom] = self.z[atom] = False

    def merge(self) -> None:
        """Keep one of the tableaus that are equal but for signs, rows changed by the operator between them."""
        from stim import Tableau

        first: dict[tuple[str, ...], int] = {}
        place = np.arange(len(self.states))
        signs, tableaus = {}, {}
        for k, state in enumerate(self.states):
            generators = state.canonical_stabilizers()
            key = tuple(str(one)[1:] for one in generators)
            signs[k] = np.array([one.sign.real < 0 for one in generators])
            if key not in first:
                first[key] = k
                continue
            kept = place[k] = first[key]
            if kept not in tableaus:
                tableaus[kept] = Tableau.from_stabilizers(self.states[kept].canonical_stabilizers())
            rows = self.state_of == k
            for n in np.flatnonzero(signs[k] ^ signs[kept]):
                xs, zs = tableaus[kept].x_output(int(n)).to_numpy()
                self.x[np.ix_(xs, rows)] ^= True
                self.z[np.ix_(zs, rows)] ^= True
        used, self.state_of = compact(place[self.state_of], len(self.states))
        self.states = [self.states[k] for k in used]
        self._own = [self._own[k] for k in used]
