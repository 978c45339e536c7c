"""Which states an emulator has: the engine's vectors and matrices, tableaus, its own, those of jobs, or none."""

from __future__ import annotations

from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.protocol import Emulator, Holding, Replaying, RoundByRound
from rydberg_qmem.engine.backend_states import BackendStates
from rydberg_qmem.engine.context import States
from rydberg_qmem.engine.job_states import JobStates, ReplayedStates
from rydberg_qmem.engine.own_states import OwnStates
from rydberg_qmem.engine.stabilizer_states import StabilizerStates


def states_of(emulator: Emulator, target: Target) -> States:
    """Return where the states of a run on an emulator live."""
    record = emulator if isinstance(emulator, Replaying) else None
    if record is not None and not emulator.capabilities.states:
        return ReplayedStates(record)
    if emulator.capabilities.clifford:
        return StabilizerStates()
    if isinstance(emulator, Holding):
        return BackendStates(target.levels, emulator)
    if isinstance(emulator, RoundByRound):
        return JobStates(emulator)
    return OwnStates(target.levels, record=record)
