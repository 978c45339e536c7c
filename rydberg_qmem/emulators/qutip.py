"""Pulser's own QutipBackendV2, segment by segment, with its two numerical errors dealt with.

The backend puts a cubic spline through the 1 ns samples, so a segment that begins or ends on a non-zero sample
loses a third of a nanosecond of pulse area at each edge. Here every segment is given dark time on both sides,
where the spline's losses and gains at the edges of a pulse cancel; the interactions during the dark time are
known and taken out again. Dark pulses of 1e-9 rad/µs pin the level set. Channels of one basis and addressing, whose
phases Pulser would add, are handed over as one, with the sum of their fields.

QuTiP integrates to a relative 1e-6 in each step unless told otherwise, which the backend has no option for: where
close atoms interact by 1000 rad/µs this alone costs up to 1e-2 in a segment's state. QuTiP's default is lowered
while a segment is run.

The backend starts from pure states only. Under decoherence a density matrix is therefore sent through it one
eigenvector at a time: its equation is linear, so that weights of either sign will do.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segment_sequence import as_fields, cut_out, played, to_pulser
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target, mask_of, with_arrays, with_channels
from rydberg_qmem.emulators.exact import OpenSystemPropagator, PlayedSegment, each_schedule, evolve_stretch
from rydberg_qmem.emulators.exact import dark as dark_stretch
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import READOUT_NOISE, Capabilities
from rydberg_qmem.language.noise import EVERYWHERE, Noise
from rydberg_qmem.pulses import Scope

ABSOLUTE = 1e-2
"""QuTiP's absolute tolerance of an amplitude, as a part of the relative one: the ratio of its own defaults."""
LEAST_WEIGHT = 1e-9
"""Smallest weight of an eigenvector that is still sent through."""
DARK = 1e-9
"""Amplitude (rad/µs) of the pulses that pin the level set."""
ONE_AT_A_TIME = RLock()
"""Held while QuTiP's defaults are other than its own."""
SHIFT_NS = 0.5
"""A spline through samples taken at the start of each nanosecond plays pulses half a nanosecond early."""

EIGENSTATES = {"0": "u", "1": "d"}
BASES = {
    ("r", "g"): ("ground-rydberg",),
    ("g", "h"): ("digital",),
    ("r", "g", "h"): ("ground-rydberg", "digital"),
    ("0", "1"): ("XY",),
}


class Qutip:
    """The same program on Pulser's reference emulator: slow, independent.

    Args:
        dark_ns: Dark time (ns) on both sides of each segment, where the spline's ringing falls to a quarter in each;
            0 plays it as Pulser does.
        relative_tolerance: What QuTiP's integrator may err by in each of its steps; its own default is 1e-6.
    """

    name = "qutip"
    capabilities = Capabilities(
        packages=("qutip",),
        largest_dimension=2**14,
        factorises=False,
        xy_masks=False,
        noise=READOUT_NOISE | {*EVERYWHERE},
        trajectories=False,
    )

    @arguments.taking(dark_ns=arguments.whole(0), relative_tolerance=arguments.real(above=0))
    def __init__(self, *, dark_ns: int = 12, relative_tolerance: float = 1e-9) -> None:
        self.dark_ns, self.relative_tolerance = dark_ns, relative_tolerance

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment to pulses."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Run each row through its own Pulser sequence; always all atoms."""
        out = np.empty_like(states)
        for segment, rows in each_schedule(plan, scope, len(states), atoms):
            for i, row in enumerate(rows):
                out[row] = self._run(segment.of_rows(np.array([i])), states[row])
            out[rows] = segment.turned(out[rows])
        return out

    def under(self, channel: NoiseChannel) -> QutipMasterEquation:
        """Return the evolution of density matrices under a noise."""
        return QutipMasterEquation(self, channel)

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states after waiting in the dark, where the Hamiltonian is known in closed form."""
        return dark(target, states, duration_ns)

    def _run(self, segment: PlayedSegment, state: State) -> State:
        """Run one row through QutipBackendV2 and return its state (dimension,), normalised or not."""
        size = float(np.linalg.norm(state))
        if segment.schedule.duration_ns == 0 or size == 0:  # a segment of phases alone plays nothing
            return state
        target = segment.plan.target
        samples, before, lead, tail = self.with_dark_time(segment)
        begin = dark(before, state[None], -lead)[0]
        end = self.final(samples, target, begin / size, None).ravel()  # the backend normalises what it returns
        return np.asarray(dark(target, end[None], -tail)[0] * size)

    def with_dark_time(self, segment: PlayedSegment) -> tuple[Any, Target, float, float]:
        """Return samples with dark time around them, the target before them, and how long it is dark on both sides."""
        plan, schedule, target = segment.plan, segment.schedule, segment.plan.target
        begin, until = schedule.span
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sequence = to_pulser(plan, segment.scope)
            end = max(until, int(sequence.get_duration(include_fall_time=target.with_modulation)))
            if "h" in target.levels:  # two levels are what Pulser takes for an idle sequence, too
                pin_levels(sequence, target)
            samples = played(sequence, target, end)
            samples = samples if schedule.window is None else cut_out(samples, begin, until, end)
            tail = max(samples.max_duration - schedule.duration_ns, self.dark_ns)
            samples = as_fields(_padded(samples, self.dark_ns, schedule.duration_ns + tail))
        before = target.hiding(mask_of(samples)[0] if "0" in target.levels else frozenset())
        early = SHIFT_NS if self.dark_ns else 0.0
        return samples, before, self.dark_ns - early, tail + early

    def final(self, samples: Any, target: Target, state: State, noise: Noise | None) -> State:
        """Return what the backend makes of a pure state: a column, or a density matrix where there is noise."""
        from pulser.backend import StateResult
        from pulser_simulation import QutipBackendV2, QutipConfig

        options = {} if noise is None else {"noise_model": noise.lindblad.to_pulser()}
        with warnings.catch_warnings(), _integrating_to(self.relative_tolerance):
            warnings.simplefilter("ignore")
            config = QutipConfig(observables=[StateResult()], initial_state=_qutip_state(target, state), **options)
            results = QutipBackendV2.run_from_sequence_samples(samples, target.register, target.device, config=config)
        final: Any = results.final_state
        return np.asarray(final.to_qobj().full())


@dataclass(frozen=True)
class QutipMasterEquation:
    """Density matrices on Pulser's master equation, row by row; always all atoms."""

    emulator: Qutip
    channel: NoiseChannel

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...], *, mixed: bool) -> State:
        """Run each row's density matrix through Pulser's master equation."""
        assert mixed
        out = np.empty_like(states)
        for segment, rows in each_schedule(plan, scope, len(states), atoms):
            for i, row in enumerate(rows):
                out[row] = self._run(segment.of_rows(np.array([i])), states[row])
            out[rows] = segment.turned_matrices(out[rows])
        return out

    def wait(self, scope: Scope, states: State, atoms: tuple[int, ...], duration_ns: float, *, mixed: bool) -> State:
        """Return the density matrices after a wait in the dark, where the Lindbladian is constant and small."""
        return self._dark(self.channel.target, states, duration_ns)

    def _dark(self, target: Target, flat: State, duration_ns: float) -> State:
        """Return flat density matrices after a time in the dark, which may be negative: taken out again."""
        everything = tuple(range(len(target.atoms)))
        return OpenSystemPropagator(target, self.channel.collapse).wait({}, flat, everything, duration_ns, mixed=True)

    def _run(self, segment: PlayedSegment, flat: State) -> State:
        """Run one flat density matrix through QutipBackendV2's master equation, eigenvector by eigenvector."""
        if segment.schedule.duration_ns == 0:
            return flat
        samples, before, lead, tail = self.emulator.with_dark_time(segment)
        begin = self._dark(before, flat[None], -lead).reshape(self.channel.target.dimension, -1)
        weights, vectors = np.linalg.eigh((begin + begin.conj().T) / 2)
        end = np.zeros_like(begin)
        for weight, vector in zip(weights, vectors.T, strict=True):
            if abs(weight) > LEAST_WEIGHT:
                final = self.emulator.final(samples, self.channel.target, vector, self.channel.noise)
                if final.shape[1] == 1:  # noise that says nothing of these levels leaves a state pure
                    final = final @ final.conj().T
                end += weight * final
        return np.asarray(self._dark(self.channel.target, end.reshape(1, -1), -tail)[0])


def dark(target: Target, states: State, duration_ns: float) -> State:
    """Return the states after a time in the dark, which may be negative: taken out again."""
    return evolve_stretch(dark_stretch(target, duration_ns), states)


@contextmanager
def _integrating_to(relative: float) -> Iterator[None]:
    """Let QuTiP's default integrator keep a tolerance: the backend hands none to it."""
    from qutip.solver.integrator import IntegratorScipyAdams as Adams

    with ONE_AT_A_TIME:
        before = Adams.integrator_options
        Adams.integrator_options = before | {"rtol": relative, "atol": relative * ABSOLUTE}
        try:
            yield
        finally:
            Adams.integrator_options = before


def pin_levels(sequence: Any, target: Target) -> None:
    """Add a dark pulse in every basis of the level set, after everything else."""
    import pulser

    end = sequence.get_duration() if sequence.declared_channels else 0
    for basis in BASES[target.levels]:
        name, channel = _channel_for(sequence, target, basis)
        duration = -(-max(channel.min_duration, 8) // channel.clock_period) * channel.clock_period
        now = sequence.get_duration(name)
        if end > now:
            sequence.delay(end - now, name)
        sequence.add(pulser.Pulse.ConstantPulse(duration, DARK, 0.0, 0.0), name, protocol="no-delay")
        sequence.delay(duration, name)


def _channel_for(sequence: Any, target: Target, basis: str) -> tuple[str, Any]:
    for name, channel in sequence.declared_channels.items():
        if channel.basis == basis and "dmm" not in name:
            return name, channel
    name = next(k for k, channel in target.device.channels.items() if channel.basis == basis)
    local = target.device.channels[name].addressing == "Local"
    sequence.declare_channel(name, name, initial_target=target.atoms[0] if local else None)
    return name, sequence.declared_channels[name]


def _padded(samples: Any, lead: int, end: int) -> Any:
    """Return the samples with `lead` nanoseconds of nothing before them, and nothing up to `end` after them."""
    made = []
    for channel in samples.samples_list:
        moved = [replace(slot, ti=slot.ti + lead, tf=slot.tf + lead) for slot in channel.slots]
        arrays = {}
        for name in ("amp", "det", "phase"):
            values = getattr(channel, name).as_array(detach=True)
            arrays[name] = np.pad(values, (lead, max(0, end - len(values))))
        made.append(with_arrays(channel, moved, **arrays))
    return with_channels(samples, made, lambda ends: ends + lead if ends else 0)


def _qutip_state(target: Target, state: State) -> Any:
    import qutip
    from pulser_simulation import QutipState

    levels, atoms = len(target.levels), len(target.atoms)
    ket = qutip.Qobj(state.reshape(-1, 1), dims=[[levels] * atoms, [1] * atoms])
    names: Any = tuple(EIGENSTATES.get(level, level) for level in target.levels)
    return QutipState(ket, eigenstates=names)
