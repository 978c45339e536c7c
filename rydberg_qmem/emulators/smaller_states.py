"""What an emulator may offer besides, so that states are smaller: levels left out, and gates played one by one."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from rydberg_qmem.emulators.layout import Levels
from rydberg_qmem.emulators.protocol import NoisyEvolution, SegmentPlan


@runtime_checkable
class Staged(Protocol):
    """A prepared segment of gates that take no time, so that each can be played when all before it are."""

    @property
    def only_gates(self) -> bool:
        """Whether it is gates alone, so that it takes no time."""
        ...

    @property
    def touched(self) -> frozenset[int]:
        """Atoms that any gate acts on."""
        ...

    def stages(self, leaving: frozenset[int]) -> tuple[tuple[SegmentPlan, tuple[int, ...]], ...]:
        """Return plans to be played one after the other, and which of the atoms `leaving` each is the last to touch."""
        ...


@runtime_checkable
class Narrowing(Protocol):
    """An emulator that can evolve states which leave out levels that atoms are not in.

    Its plans tell by `fills` which levels what they play acts on, of each atom that it acts on; a target's `limited`
    tells which ones states of atoms that wait hold.
    """

    def levels_in(self, plan: Any, atoms: tuple[int, ...], levels: Levels) -> Levels:
        """Return the levels that states must hold of atoms, which may be in `levels`, in a segment; no plan: a wait."""
        ...

    def within(self, plan: Any, levels: Levels) -> Any:
        """Return the plan for states that hold such levels of the atoms that it will be asked to evolve."""
        ...


@runtime_checkable
class LimitedEvolution(Protocol):
    """An evolution under noise that can do with the levels which the noise does not take atoms out of."""

    def limited(self, levels: tuple[str, ...]) -> NoisyEvolution:
        """Return the evolution of states that hold such levels of each atom."""
        ...
