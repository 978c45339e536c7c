"""One segment written twice, in this language and by hand in Pulser, and run by three emulators.

Pulser's qutip backend puts a cubic spline through its 1 ns samples, which errs by a third of a nanosecond of pulse
area wherever a sequence begins or ends on a sample that is not zero, and plays all half a nanosecond early. Where that
shows, both are compared again with dark time around the samples, the early half nanosecond made up for: what is left
then proves the difference to be the spline's.

emu-sv reads an interpolation of the samples at half nanoseconds, leaves out what a global channel plays outside its
pulses (EOM buffers), rounds distances to 1e-6 µm, and lets an SLM mask switch interactions off in Ising mode too, where
Pulser's own simulation does not: it is handed Pulser's samples and the interactions themselves.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np
import pulser
import pytest
from pulser.sampler import sample

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.devices import FRAME
from rydberg_qmem.emulators.exact import Exact, dark, evolve_stretch, layout_of

CLOSE = 1e-5
"""Infidelity to Pulser's qutip backend."""
SAME = 1e-9
"""Distance of state vectors to emu-sv's."""
EDGE_NS = 12
EARLY_NS = 0.5
"""A spline through samples taken at the start of each nanosecond plays them half a nanosecond early."""
PAIR: dict[str, tuple[float, ...]] = {"a": (0, 0), "b": (8, 0)}
TRIPLE: dict[str, tuple[float, ...]] = {"a": (0, 0), "b": (8, 0), "c": (3, 7)}


@dataclass(frozen=True)
class Case:
    """Blocks, and the calls on a Pulser sequence that mean the same."""

    body: list[dict[str, Any]]
    by_hand: Callable[[Any], object]
    device: Any = pulser.MockDevice
    register: Any = field(default_factory=lambda: PAIR)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def program(self) -> rq.Program:
        """The program of this case."""
        place = self.register if not isinstance(self.register, dict) else {"atoms": self.register}
        return rq.Program(name="case", device=self.device, register=place, body=self.body, **self.more)

    @property
    def modulated(self) -> bool:
        """Whether pulses are played as the channels let them out."""
        return bool(self.more.get("with_modulation", False))

    def sequence(self) -> Any:
        """Build the sequence by hand."""
        made = pulser.Sequence(compile_program(self.program).target.register, self.device)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.by_hand(made)
        return made


def ours(case: Case) -> tuple[Any, int, Any]:
    """Return target, duration and final state of the exact emulator, without the phase references at the end."""
    assert rq.check(case.program) == []
    compiled = compile_program(case.program)
    [segment] = compiled.steps
    exact, target = Exact(), compiled.target
    plan = exact.plan(segment, target)  # type: ignore[arg-type]  # one block, without its loops
    atoms = tuple(range(len(target.atoms)))
    made = exact.evolve(plan, {}, layout_of(target).initial[None], atoms)[0]
    [duration] = plan.durations({}, 1)
    return target, int(duration), made


def references(case: Case, target: Any, sequence: Any) -> Any:
    """Return the phases that Pulser's references at the end put on each basis state."""
    made = np.ones(target.dimension, dtype=complex)
    for basis in sequence.get_addressed_bases():
        level, sign = FRAME[basis]
        for atom, name in enumerate(target.atoms):
            angle = sign * sequence.current_phase_ref(name, basis)
            made *= np.exp(1j * angle * layout_of(target).is_level(atom, level))
    return made


def by_qutip(case: Case, target: Any, sequence: Any, edge_ns: int) -> Any:
    """Return the state that QutipBackendV2 gives for a sequence with dark time around it."""
    from pulser.backend import StateResult
    from pulser_simulation import QutipBackendV2, QutipConfig

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if edge_ns == 0:
            config = QutipConfig(observables=[StateResult()], with_modulation=case.modulated)
            result: Any = QutipBackendV2(sequence, config=config).run()
        else:
            end = sequence.get_duration(include_fall_time=case.modulated)
            samples = padded(sample(sequence, modulation=case.modulated, extended_duration=end), edge_ns)
            config = QutipConfig(observables=[StateResult()])
            result = QutipBackendV2.run_from_sequence_samples(samples, target.register, case.device, config=config)
    return np.asarray(result.final_state.to_qobj().full()).ravel()


def padded(samples: Any, edge_ns: int) -> Any:
    """Return samples with dark time before and after them."""
    import pulser.math as pm

    made = []
    for channel in samples.samples_list:
        rest = samples.max_duration - channel.duration
        around = {
            name: pm.AbstractArray(np.pad(getattr(channel, name).as_array(detach=True), (edge_ns, edge_ns + rest)))
            for name in ("amp", "det", "phase")
        }
        slots = [replace(slot, ti=slot.ti + edge_ns, tf=slot.tf + edge_ns) for slot in channel.slots]
        made.append(replace(channel, **around, slots=slots, eom_blocks=[], _centered_phase=None))
    mask = samples._slm_mask
    return replace(samples, samples_list=made, _slm_mask=replace(mask, end=mask.end + edge_ns if mask.end else 0))


def infidelity(one: Any, two: Any) -> float:
    """Return 1 - |⟨one|two⟩|²."""
    return float(1 - abs(np.vdot(one, two)) ** 2)


def agrees_with_qutip(case: Case) -> None:
    """Hold the exact emulator against QutipBackendV2, and what differs against the spline at the edges."""
    sequence = case.sequence()
    target, duration, state = ours(case)
    phases = references(case, target, sequence)

    assert duration == sequence.get_duration(include_fall_time=case.modulated)
    assert abs(state[-1]) < 1 - 1e-3 or target.dimension > 2  # something happened
    plain = infidelity(state, phases * by_qutip(case, target, sequence, 0))
    if plain >= CLOSE:
        later = evolve_stretch(dark(target, EDGE_NS + EARLY_NS), (state / phases)[None])[0]
        shown = infidelity(later, by_qutip(case, target, sequence, EDGE_NS))
        assert shown < CLOSE, f"{shown:.2e} with dark time around, {plain:.2e} without"


def agrees_with_emu_sv(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the exact emulator against emu-sv on the same samples."""
    emu_sv = pytest.importorskip("emu_sv", reason="emu-sv is not installed")
    adapter, torch = import_module("emu_base.pulser_adapter"), import_module("torch")
    from pulser.backend import StateResult

    def on_samples(noisy_samples: Any, qubit_ids: Any, target_times: Any) -> Any:
        made = noisy_samples.to_nested_dict()
        everywhere, local = made["Global"].get("ground-rydberg", {}), made["Local"].get("ground-rydberg", {})
        steps = round(target_times[-1])
        dark = np.zeros(steps)
        values = [
            np.stack([(everywhere.get(x, dark) + local.get(q, {}).get(x, dark))[:steps] for q in qubit_ids], axis=1)
            for x in ("amp", "det", "phase")
        ]
        return tuple(torch.as_tensor(np.array(value), dtype=torch.complex128) for value in values)

    def interactions(self: Any, t: float) -> Any:
        return self.full_matrix

    monkeypatch.setattr(adapter._InteractionMatrixCallable, "__call__", interactions)
    monkeypatch.setattr(adapter, "_extract_omega_delta_phi", on_samples)
    sequence = case.sequence()
    target, _, state = ours(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = emu_sv.SVConfig(
            dt=1.0, krylov_tolerance=1e-14, observables=[StateResult()], with_modulation=case.modulated,
            log_level=50, gpu=False, interaction_matrix=target.van_der_waals[None],
        )  # fmt: skip
        result = emu_sv.SVBackend(sequence, config=config).run()
    theirs = references(case, target, sequence) * np.asarray(result.final_state.data)[::-1]
    turn = np.vdot(theirs, state)

    distance = float(np.linalg.norm(state - theirs * turn / abs(turn)))
    assert distance < SAME, f"{distance:.2e}"
