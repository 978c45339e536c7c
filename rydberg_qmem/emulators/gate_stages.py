"""Gates of a segment in stages: each on the atoms that are entangled by then, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rydberg_qmem.emulators.unitaries import IdealGate


@dataclass
class Stage:
    """Gates, in their order, on atoms that they entangle, and the atoms that are let go after them."""

    gates: list[IdealGate] = field(default_factory=list)
    done: tuple[int, ...] = ()

    @property
    def entangles(self) -> bool:
        """Whether any of its gates joins atoms."""
        return any(len(gate.atoms) > 1 for gate in self.gates)


def stages_of(gates: Sequence[IdealGate], leaving: frozenset[int]) -> list[Stage]:
    """Return the gates in stages, to be played one after the other.

    A gate joins the stage that its atoms were in last, if that is one; a gate between atoms of several begins another.
    So a state of many atoms is made when the first gate asks for it, not before. The atoms `leaving` are let go after
    the last gate of each, which ends its stage. Only gates without common atoms change their order.
    """
    last = {atom: k for k, gate in enumerate(gates) for atom in gate.atoms}
    made: list[Stage] = []
    stage_of: dict[int, Stage] = {}
    for k, gate in enumerate(gates):
        before = _distinct([stage_of[atom] for atom in gate.atoms if atom in stage_of])
        if (
            len(before) == 1
            and not before[0].done
            and (all(atom in stage_of for atom in gate.atoms) or not before[0].entangles)
        ):
            stage = before[0]
        else:
            stage = Stage()
            made.append(stage)
        stage.gates.append(gate)
        together = {atom for atom, there in stage_of.items() if any(there is one for one in before)}
        stage.done += tuple(atom for atom in dict.fromkeys(gate.atoms) if atom in leaving and last[atom] == k)
        stage_of.update(dict.fromkeys((together | {*gate.atoms}) - {*stage.done}, stage))
    return made


def _distinct(stages: list[Stage]) -> list[Stage]:
    return [stage for k, stage in enumerate(stages) if all(stage is not other for other in stages[:k])]
