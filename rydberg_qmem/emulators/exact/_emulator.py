"""The default emulator: piecewise-constant propagation of Pulser's own samples, all rows of states at once."""

from __future__ import annotations

from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import _propagate as propagation
from rydberg_qmem.emulators.exact._hamiltonian import Hamiltonian
from rydberg_qmem.emulators.exact._open_system import OpenSystemPropagator
from rydberg_qmem.emulators.layout import Levels, State
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import DECOHERENCE, DURATIONS, READOUT, SIDE_EFFECTS, Capabilities
from rydberg_qmem.language.noise import LINDBLAD, PREPARATION_AND_READOUT, SHOT_TO_SHOT
from rydberg_qmem.pulses import Scope


class Exact:
    """Pulse-level emulator, exact for the 1 ns samples: vectors, and under noise density matrices or trajectories."""

    name = "exact"
    capabilities = Capabilities(
        noise=frozenset({*LINDBLAD, *SHOT_TO_SHOT, *PREPARATION_AND_READOUT}),
        hardware=DURATIONS | READOUT | SIDE_EFFECTS | DECOHERENCE,
    )

    def __init__(self) -> None:
        self._hamiltonian = Hamiltonian()

    @property
    def kept_bytes(self) -> int:
        """Memory that the kept propagators take now."""
        return self._hamiltonian.cache.size

    @property
    def largest_build(self) -> int:
        """Largest memory (bytes) that propagators have taken while they were made."""
        return self._hamiltonian.cache.largest_build

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment to pulses."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Return the states of some atoms after the segment, phase references applied."""
        return propagation.evolve(plan, scope, states, atoms, self._hamiltonian)

    def levels_in(self, plan: Plan | None, atoms: tuple[int, ...], levels: Levels) -> Levels:
        """Return one set of levels for all atoms: that of the smallest kind of program which has all of theirs."""
        found = {level for here in levels for level in here}
        kinds = sorted((kind for kind in self.capabilities.levels if found <= set(kind)), key=lambda k: (len(k), k))
        return (kinds[0],) * len(atoms)

    def within(self, plan: Plan, levels: Levels) -> Plan:
        """Return the plan for states that hold such levels."""
        return plan.within(levels)

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states after `duration_ns` in the dark: interactions go on."""
        return propagation.wait(target, {}, states, duration_ns, self._hamiltonian)

    def under(self, channel: NoiseChannel) -> OpenSystemPropagator:
        """Return the evolution of decohering, jittering or displaced atoms."""
        return OpenSystemPropagator.under(channel)
