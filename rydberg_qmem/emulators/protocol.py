"""What an emulator is, and what it can do, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.journal import Ticket
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.noise import LINDBLAD, SHOT_TO_SHOT
from rydberg_qmem.pulses import Scope

CROSSED = (
    "is out of phase with another channel's pulse on the same transition, which plays at once or, both being global, "
    "in the same sequence; most of Pulser's backends add amplitudes and phases apart, where fields add as Ω exp(-iφ), "
    "as the exact emulator has it: run it there, or give the pulses on one channel, one after the other"
)
"""Why an emulator refuses a pulse that another would turn."""
DURATIONS = frozenset({"imaging_us", "readout_latency_us", "decision_latency_us", "reset_us"})
READOUT = frozenset({"p_false_pos", "p_false_neg", "confusion"})
READOUT_NOISE = frozenset({"p_false_pos", "p_false_neg"})
SIDE_EFFECTS = frozenset({"loss", "spectator_dephasing", "spectator_heating"})
DECOHERENCE = frozenset({"t1_us", "t2_us", "rydberg_lifetime_us"})
IN_TIME = frozenset(
    {*(f"noise.{name}" for name in (*LINDBLAD, *SHOT_TO_SHOT)), *(f"hardware.{n}" for n in DECOHERENCE)}
)
"""What acts while time passes, so that the emulator itself must evolve states under it."""


@dataclass(frozen=True)
class Capabilities:
    """What an emulator can run; checked before anything runs.

    Attributes:
        levels: The sets of levels that an atom may have.
        largest_dimension: Largest number of basis states; of the atoms that are entangled at one time if it
            `factorises`.
        states: Whether there are states, which probes can see.
        exact: Whether it can give exact expectation values (shots=None).
        factorises: Whether it can evolve some of the atoms without the others.
        noise: Fields of a noise model that it can follow.
        hardware: Fields of a hardware profile that it can follow.
        fewest_atoms: Smallest number of atoms.
        density_matrices: Whether it can keep density matrices.
        trajectories: Whether vectors can decohere, by jumps; else only density matrices can.
        extra: The extra of this package that it needs, such as "emu"; none if empty.
        module: The module that tells whether the extra is there.
        mid_sequence: Whether it can measure, reset and choose before a sequence ends.
        noisy_segments: Whether noise acts while segments play; else only while atoms wait.
        xy_masks: Whether atoms under an SLM mask of the XY mode rest while others interact, to the nanosecond at which
            it ends.
        sums_fields: Whether pulses of several channels on one transition add as Ω exp(-iφ); Pulser's may add phases.
        packages: Distributions, beside this package's own, whose versions a record notes.
        clifford: Whether it keeps stabiliser states, so that it follows Clifford gates only.
        gpu: Whether it is set up to compute on a GPU, which PyTorch must see.
    """

    levels: frozenset[tuple[str, ...]] = frozenset({("r", "g"), ("g", "h"), ("r", "g", "h"), ("0", "1")})
    largest_dimension: int = 2**22
    states: bool = True
    exact: bool = True
    factorises: bool = True
    noise: frozenset[str] = READOUT_NOISE
    hardware: frozenset[str] = DURATIONS | READOUT
    fewest_atoms: int = 1
    density_matrices: bool = True
    trajectories: bool = True
    extra: str = ""
    module: str = ""
    mid_sequence: bool = True
    noisy_segments: bool = True
    xy_masks: bool = True
    sums_fields: bool = True
    packages: tuple[str, ...] = ()
    clifford: bool = False
    gpu: bool = False


class Emulator(Protocol):
    """What an emulator must offer: it evolves rows of states through a segment, and through the dark.

    Any object with these members is one; `run(program, emulator=...)` takes it.
    """

    @property
    def name(self) -> str:
        """The name that records and the command line use."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can run."""
        ...

    def plan(self, segment: Segment, target: Target) -> SegmentPlan:
        """Prepare a segment once; the executor keeps the plan and hands it back."""
        ...

    def evolve(self, plan: Any, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Return the states (rows, dimension of `atoms`) after the segment.

        `scope` holds numbers, or arrays with one entry per row. Phase references are applied to the states.
        """
        ...

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states of all of a target's atoms after waiting in the dark."""
        ...


class SegmentPlan(Protocol):
    """What the executor needs to know of a prepared segment."""

    def durations(self, scope: Scope, rows: int) -> NDArray[np.int64]:
        """Return how long the segment takes in each row (ns)."""
        ...

    @property
    def timing(self) -> tuple[Expression, ...]:
        """Expressions that the segment's timing depends on."""
        ...

    def controls_of(self, atoms: tuple[int, ...]) -> tuple[Expression, ...]:
        """Return the expressions that steer what happens to some atoms."""
        ...

    @property
    def touched(self) -> frozenset[int]:
        """Atoms that any pulse, gate or phase shift acts on."""
        ...

    @property
    def excited(self) -> frozenset[int]:
        """Atoms that may be taken to a Rydberg level."""
        ...

    @property
    def linked(self) -> tuple[tuple[int, ...], ...]:
        """Groups of atoms that a gate joins, whatever their distance."""
        ...


@runtime_checkable
class Holding(Protocol):
    """An emulator that keeps states of its own, each of the whole register, and answers for them.

    Its `evolve` and `wait` take and return sequences of such states. States are values: no operation changes one.
    """

    def start(self, target: Target) -> Any:
        """Return the state with every atom in its ground level."""
        ...

    def chance(self, state: Any, atom: int, level: str) -> float:
        """Return the probability of finding an atom in a level."""
        ...

    def collapsed(self, state: Any, atom: int, level: str) -> Any:
        """Return the normalised state after an atom was found in a level."""
        ...

    def moved(self, state: Any, atom: int, before: str, after: str) -> Any:
        """Return the state with an atom that is known to be in one level put into another."""
        ...

    def reduced(self, state: Any, atoms: Sequence[int]) -> State:
        """Return the density matrix of some atoms, in the order given and in the target's level order."""
        ...

    def marks(self, state: Any) -> tuple[float, ...]:
        """Return numbers that equal states share and others hardly ever do."""
        ...

    def merged(self, one: Any, two: Any) -> Any | None:
        """Return one state for two that are equal up to rounding, or None."""
        ...

    @property
    def reports(self) -> Mapping[str, str]:
        """What the record says of each final state, with its meaning."""
        ...

    def report(self, state: Any) -> Mapping[str, float]:
        """Return the numbers that the record says of a final state."""
        ...


Chance = Callable[[int], NDArray[np.float64]]
"""Two uniform numbers (rows, 2) for the n-th jump of every row: when, and which."""


class NoisyEvolution(Protocol):
    """How an emulator evolves states under one noise; it is asked wherever the noise acts, and nobody in its place.

    States are vectors, or where `mixed` flat density matrices (rows, dimension²). A vector that decoheres comes back
    with a norm whose square is the chance that it has not jumped; whether it has, the executor decides.
    """

    def evolve(self, plan: Any, scope: Scope, states: State, atoms: tuple[int, ...], *, mixed: bool) -> State:
        """Return the states of `atoms` after a segment, phase references applied."""
        ...

    def wait(self, scope: Scope, states: State, atoms: tuple[int, ...], duration_ns: float, *, mixed: bool) -> State:
        """Return the states of `atoms` after a wait in the dark."""
        ...


@runtime_checkable
class JumpingEvolution(NoisyEvolution, Protocol):
    """One that can also unravel decoherence into quantum jumps, as an emulator with `trajectories` does."""

    def jump(
        self, plan: Any, scope: Scope, states: State, atoms: tuple[int, ...], duration_ns: float, chance: Chance
    ) -> State:
        """Return normalised vectors after a segment, or without a plan after a wait of `duration_ns`.

        Each row jumps at least once: `chance(n)` holds two uniform numbers (rows, 2) for its n-th jump, the squared
        norm at which it comes, and which one it is.
        """
        ...


@runtime_checkable
class NoisyEmulator(Protocol):
    """An emulator that evolves states under noise; one that claims noise which acts while time passes must be one.

    Nobody evolves states in its place: without `under`, such noise is refused by its name.
    """

    def under(self, channel: NoiseChannel) -> NoisyEvolution:
        """Return the evolution under a noise, asked for once in a run."""
        ...


class HeldEvolution(Protocol):
    """How an emulator that keeps states of its own evolves them under one noise: by quantum jumps.

    With a plan it is a segment, phase references applied; without, a wait of `duration_ns` in the dark.
    """

    def decayed(
        self, plan: Any, scope: Scope, states: Sequence[Any], duration_ns: float
    ) -> tuple[list[Any], NDArray[np.float64]]:
        """Return each state, normalised, after a time in which nothing jumped, and the chance of that."""
        ...

    def jumped(self, plan: Any, scope: Scope, states: Sequence[Any], duration_ns: float, chance: Chance) -> list[Any]:
        """Return each state, normalised, after a time in which it jumps at least once, as `JumpingEvolution` has it."""
        ...


@runtime_checkable
class NoisyHolding(Holding, Protocol):
    """An emulator that keeps states of its own and evolves them under noise."""

    def under(self, channel: NoiseChannel) -> HeldEvolution:
        """Return the evolution under a noise, asked for once in a run."""
        ...


@runtime_checkable
class Replaying(Protocol):
    """An emulator that has no states but knows the outcomes."""

    def outcomes(self, key: str, rounds: dict[str, int], rows: NDArray[np.int64], width: int) -> NDArray[np.int8]:
        """Return recorded bits (rows, width) for the shots `rows` at a place in the loops."""
        ...


@runtime_checkable
class RoundByRound(Protocol):
    """An emulator, or a machine, that runs whole rounds as jobs: it prepares all atoms, plays, and reads at the end."""

    def begin(self, target: Target) -> None:
        """Prepare all atoms of a target."""
        ...

    def play(self, segment: Segment, values: Mapping[Expression, float]) -> None:
        """Add a segment to the round, with one number for each of its expressions."""
        ...

    def rest(self, duration_ns: int, place: str) -> None:
        """Let the round's atoms wait in the dark."""
        ...

    def reset(self, atoms: Sequence[int]) -> None:
        """Take atoms out of the round; when the last is out, the next round begins."""
        ...

    def read(self, atoms: Sequence[int], basis: str, *, ticket: Ticket, shots: int) -> NDArray[np.int8]:
        """Return outcomes (shots, atoms) of the round."""
        ...
