"""Plays recorded outcomes back through a program: feedforward without physics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.arguments import names_to, numbers, refuse
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.protocol import DURATIONS, Capabilities
from rydberg_qmem.errors import InputError, RunError, did_you_mean
from rydberg_qmem.pulses import Scope


class Replay:
    """An emulator whose measurements give the outcomes of a record, or of arrays by key.

    Args:
        outcomes: A record, or arrays of 0, 1 and -1 (not measured) by key, of the record's shapes: (shot, round) for
            one atom, (shot, round, atom) for several.

    Raises InputError for anything else; RunError in a run that needs a key, shot or round that is not there.

    >>> Replay({"m": [[0, 1, 1]]}).name
    'replay'
    """

    name = "replay"
    capabilities = Capabilities(states=False, exact=False, noise=frozenset(), hardware=DURATIONS)

    def __init__(self, outcomes: Mapping[str, ArrayLike] | Any) -> None:
        if hasattr(outcomes, "data_vars"):
            outcomes = {str(k): v.values for k, v in outcomes.data_vars.items() if v.dtype == np.int8}
            if not outcomes:
                raise refuse("outcomes", "a record with outcomes, or arrays by key", "no outcomes in the dataset")
        given = names_to("arrays", numbers())("outcomes", outcomes)
        for key, bits in given.items():
            if not np.isin(bits, (-1, 0, 1)).all():
                raise InputError(f"replay: outcomes of key {key!r} must be 0, 1 or -1")
        self.data = {key: bits.astype(np.int8) for key, bits in given.items()}

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment, for its timing."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Leave everything as it is: there are no states."""
        return states

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Let time pass."""
        return states

    def outcomes(self, key: str, rounds: dict[str, int], rows: NDArray[np.int64], width: int) -> NDArray[np.int8]:
        """Return the recorded bits (rows, width) for shots at a place in the loops."""
        if key not in self.data:
            raise RunError(f"replay: no outcomes for key {key!r}{did_you_mean(key, list(self.data))}")
        bits, place = self.data[key], tuple(rounds.values())
        wanted = 1 + len(place) + (width > 1)
        if bits.ndim != wanted or bits.shape[0] <= int(rows.max()):
            raise RunError(
                f"replay: outcomes of key {key!r} have shape {bits.shape}, but the program needs {wanted} axes "
                f"and {int(rows.max()) + 1} shots"
            )
        if any(k >= size for k, size in zip(place, bits.shape[1:], strict=False)):
            raise RunError(f"replay: outcomes of key {key!r} end before round {place}")
        return np.asarray(bits[(rows, *place)].reshape(len(rows), width))
