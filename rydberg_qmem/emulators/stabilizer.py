"""Programs of Clifford gates on stabiliser states, by Stim's tableaus: hundreds of atoms."""

from __future__ import annotations

from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.ideal import Ideal, IdealPlan
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.protocol import DURATIONS, READOUT, SIDE_EFFECTS, Capabilities
from rydberg_qmem.language.noise import PREPARATION_AND_READOUT
from rydberg_qmem.pulses import Scope


class Stabilizer:
    """Gates as `Ideal` has them, on stabiliser states of the whole register: their cost grows with atoms, not with 2ⁿ.

    A run keeps a tableau for all shots whose states differ by Pauli operators alone, and those operators shot by shot.
    Gates must be Clifford gates on g and h, as must gates whose angles are fed forward, whatever these are (within 1e-9
    rad); others are refused by name, and so are pulses, exact runs, and probes of more than Pauli means. The same
    outcomes as from `Ideal` come of the same seed, but for dephased and heated atoms, which have other numbers.
    """

    name = "stabilizer"
    capabilities = Capabilities(
        levels=frozenset({("g", "h"), ("r", "g", "h")}),
        largest_dimension=2**4000,
        exact=False,
        factorises=False,
        noise=frozenset(PREPARATION_AND_READOUT),
        hardware=DURATIONS | READOUT | SIDE_EFFECTS,
        density_matrices=False,
        trajectories=False,
        extra="stabilizer",
        module="stim",
        noisy_segments=False,
        packages=("stim",),
        clifford=True,
    )

    def __init__(self) -> None:
        self._gates = Ideal()

    def plan(self, segment: Segment, target: Target) -> IdealPlan:
        """Split the segment, or a part of it, into gates and what plays nothing between them."""
        return self._gates.plan(segment, target)

    def evolve(self, plan: IdealPlan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Return vectors after a segment; runs keep stabiliser states in their place."""
        return self._gates.evolve(plan, scope, states, atoms)

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return vectors after waiting in the dark; stabiliser states stay as they are."""
        return self._gates.wait(target, states, duration_ns)
