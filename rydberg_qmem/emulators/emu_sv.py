"""Pulser's state-vector emulator emu-sv, segment by segment, started from and read back as a state vector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.emu import QUIET, one_thread, sequence_data
from rydberg_qmem.emulators.layout import State, ground_first
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.played import Played, dark, each_row, energy_scale
from rydberg_qmem.emulators.protocol import READOUT_NOISE, Capabilities
from rydberg_qmem.language.noise import EVERYWHERE
from rydberg_qmem.pulses import Scope
from rydberg_qmem.units import NS_PER_US

LARGEST_TURN = 30.0
"""Largest energy times duration of a step: Krylov subspaces of at most a hundred vectors must hold it."""


class EmuSv:
    """Ground-Rydberg programs on emu-sv: each state, segment and setting of the controls is one run of it.

    Args:
        averaged_ns: Samples that change faster are averaged over so many nanoseconds: 1 takes Pulser's samples as they
            are, more is faster and less accurate.
        krylov_tolerance: What a step of its Krylov method may err by, 1e-12 by default.
        gpu: Whether states are evolved on a GPU (default False); without one, a run is refused before it begins.
    """

    name = "emu_sv"
    capabilities = Capabilities(
        packages=("emu-sv", "torch"),
        levels=frozenset({("r", "g")}),
        largest_dimension=2**20,
        factorises=False,
        extra="emu",
        module="emu_sv",
        noise=READOUT_NOISE | {*EVERYWHERE, "depolarizing_rate"} - {"hyperfine_dephasing_rate"},
        trajectories=False,
    )

    @arguments.taking(averaged_ns=arguments.whole(1), krylov_tolerance=arguments.real(above=0), gpu=arguments.flag)
    def __init__(self, *, averaged_ns: int = 1, krylov_tolerance: float = 1e-12, gpu: bool = False) -> None:
        self.averaged_ns, self.krylov_tolerance, self.gpu = averaged_ns, krylov_tolerance, gpu
        if gpu:
            self.capabilities = replace(type(self).capabilities, gpu=True)

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment to pulses."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Run each row through emu-sv; always all atoms."""
        out = np.empty_like(states)
        for row, steps, segment in each_row(plan, scope, len(states), self.averaged_ns):
            end = states[row]
            for part in steps:
                end = self._run(part, end)
            out[row] = segment.turned(end[None])[0]
        return out

    def under(self, channel: NoiseChannel) -> EmuSvMasterEquation:
        """Return the evolution of density matrices under a noise."""
        return EmuSvMasterEquation(self, channel)

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states after waiting in the dark."""
        steps = dark(target, duration_ns)
        return np.stack([self._run(steps, state) for state in states])

    def _run(self, steps: Played, state: State) -> State:
        """Return one state (dimension,) after the steps; a state need not be normalised."""
        import torch
        from emu_sv import StateVector, SVConfig
        from emu_sv.sv_backend_impl import SVBackendImpl
        from pulser.backend import StateResult

        target, size = steps.target, float(np.linalg.norm(state))
        if size == 0:
            return state
        fine = steps.cut(LARGEST_TURN * NS_PER_US / max(energy_scale(steps), 1e-9))
        begin = torch.as_tensor(ground_first(state[None] / size, target.levels)[0])
        config = SVConfig(
            initial_state=StateVector(begin, gpu=self.gpu),
            observables=[StateResult(evaluation_times=[1.0])],
            krylov_tolerance=self.krylov_tolerance,
            gpu=self.gpu,
            log_level=QUIET,
        )
        with one_thread():
            run = SVBackendImpl(config, sequence_data(fine, target.van_der_waals[None], target.levels))
            for step in range(run.nsteps):
                run.step(step)
        return np.asarray(ground_first(run.state.data.cpu().numpy()[None], target.levels)[0] * size)


@dataclass(frozen=True)
class EmuSvMasterEquation:
    """Density matrices on emu-sv's Lindblad equation, row by row; always all atoms."""

    emulator: EmuSv
    channel: NoiseChannel

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...], *, mixed: bool) -> State:
        """Run each row's density matrix through emu-sv's Lindblad equation."""
        assert mixed
        out = np.empty_like(states)
        for row, steps, segment in each_row(plan, scope, len(states), self.emulator.averaged_ns):
            end = states[row]
            for part in steps:
                end = self._run(part, end)
            out[row] = segment.turned_matrices(end[None])[0]
        return out

    def wait(self, scope: Scope, states: State, atoms: tuple[int, ...], duration_ns: float, *, mixed: bool) -> State:
        """Return the density matrices after waiting in the dark."""
        steps = dark(self.channel.target, duration_ns)
        return np.stack([self._run(steps, state) for state in states])

    def _run(self, steps: Played, flat: State) -> State:
        """Return one flat density matrix after the steps; its trace need not be one."""
        import torch
        from emu_sv import DensityMatrix, SVConfig
        from emu_sv.sv_backend_impl import SVBackendImpl
        from pulser.backend import StateResult

        target = steps.target
        size = target.dimension
        # emu-sv has the ground level first: with two levels, every index counts backwards
        begin = DensityMatrix(torch.as_tensor(flat.reshape(size, size)[::-1, ::-1].copy()), gpu=self.emulator.gpu)
        fine = steps.cut(LARGEST_TURN * NS_PER_US / max(2 * energy_scale(steps), 1e-9))
        config = SVConfig(
            initial_state=begin,
            observables=[StateResult(evaluation_times=[1.0])],
            krylov_tolerance=self.emulator.krylov_tolerance,
            gpu=self.emulator.gpu,
            log_level=QUIET,
        )
        with one_thread():
            run = SVBackendImpl(
                config, sequence_data(fine, target.van_der_waals[None], target.levels, self.channel.noise)
            )
            for step in range(run.nsteps):
                run._evolve_step(run._compute_dt(step), step)  # `step` would also take a norm, for observables
        return np.asarray(run.state.data.cpu().numpy()[::-1, ::-1].reshape(-1))
