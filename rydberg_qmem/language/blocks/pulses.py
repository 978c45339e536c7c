"""Pulses on channels, waits, phases and the EOM mode: blocks that Pulser plays as they are."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import AtomName, Atoms, FrozenMapping
from rydberg_qmem.language.waveforms import ZERO, Shape, ShapeOrLevel

Basis = Literal["digital", "ground-rydberg", "XY"]
Protocol = Literal["min-delay", "no-delay", "wait-for-all"]

DetuningOff = Annotated[
    Expression,
    Field(description="Wanted detuning (rad/µs) between pulses; the nearest possible one is taken. 0 by default."),
]
UndoneDrift = Annotated[bool, Field(description="Whether the phase gathered in the buffer is undone; not by default.")]


class Pulse(Tagged):
    """One pulse on a channel of the device, as `pulser.Pulse`: amplitude and detuning in rad/µs, phase in rad.

    Local channels name their `atoms`; global ones act on all. Where amplitude and detuning are both levels,
    `duration_ns` says how long (Pulser's `ConstantPulse`); where the `phase` is a waveform (rad), the detuning follows
    from it and is not given (`ArbitraryPhase`). `with: previous` starts the pulse together with the block before.

    Two pulses of one basis on one atom at once are two fields on one transition: their Ω exp(-iφ) add, and their
    detunings, as shifts of the level. Pulser's simulation does so for a global and a local channel; for two alike it
    adds amplitudes and phases apart.

    The sign of the detuning δ is Pulser's: it multiplies -|r><r| in ground-rydberg and -|g><g| in digital (+|h><h| but
    for a common phase). So a pulse of time T without amplitude turns the atom about z by Rz(+δT) in ground-rydberg
    and by Rz(-δT) in digital, with Rz(a) = exp(-i a/2 Z) and Z = +1 on g.

    >>> import rydberg_qmem as rq
    >>> def left(channel, *middle, basis):  # two quarter turns about y, something between: 1 if it is nothing
    ...     quarter = {"rotate": {"atom": "q", "angle": "pi / 2", "basis": basis}}
    ...     look = {"probe": {"atoms": "q", "pauli": ["X", "Y"], "key": "b", "basis": basis}}
    ...     program = {"name": "turn", "device": "MockDevice", "register": {"atoms": {"q": (0, 0)}}}
    ...     record = rq.run(rq.Program.from_dict({**program, "body": [quarter, *middle, look]}), shots=None)
    ...     return round(float(np.arctan2(*record.b.values.ravel()[::-1])), 4)  # angle of the Bloch vector about z
    >>> import numpy as np
    >>> shifted = [
    ...     {"pulse": {"channel": f"{c}_local", "atoms": "q", "amplitude": 0, "detuning": 1, "duration_ns": 500}}
    ...     for c in ("rydberg", "raman")
    ... ]
    >>> left("rydberg", shifted[0], basis="ground-rydberg"), left("raman", shifted[1], basis="digital")
    (0.5, -0.5)

    >>> Pulse(channel="rydberg_global", amplitude={"constant": {"duration_ns": 100, "area": "pi"}}).kind
    'pulse'
    >>> Pulse(channel="rydberg_global", amplitude=2, duration_ns=100, phase="pi / 2").duration_ns.value
    100
    """

    kind: ClassVar[str] = "pulse"
    channel: str = Field(description="A channel of the device, by its name.")
    atoms: Atoms | None = Field(
        None, description="Atoms of a local channel; none (default) for a global one, which acts on all."
    )
    amplitude: ShapeOrLevel = Field(description="Rabi frequency Ω over time (rad/µs): a waveform, or one level.")
    detuning: ShapeOrLevel = Field(
        ZERO, description="Detuning δ over time (rad/µs): a waveform, or one level; 0 by default."
    )
    phase: ShapeOrLevel = Field(
        ZERO, description="Phase φ of the drive (rad), or a waveform from which the detuning follows; 0 by default."
    )
    post_phase_shift: Expression = Field(
        ZERO, description="Shift (rad) of the phase of all later pulses on these atoms; 0 by default."
    )
    protocol: Protocol = Field(
        "min-delay", description="When it starts: `min-delay` (default), `no-delay` or `wait-for-all`, as in Pulser."
    )
    duration_ns: Expression | None = Field(
        None, description="Duration (ns) where amplitude and detuning are levels; else the waveforms' own."
    )
    start_with: Literal["previous"] | None = Field(
        default=None,
        alias="with",
        description="In files `with`: `previous` starts the pulse together with the block before.",
    )

    @model_validator(mode="after")
    def _timed(self) -> Self:
        timed = [s for s in (self.amplitude, self.detuning, self.phase) if not isinstance(s, Expression)]
        if self.duration_ns is not None and timed:
            raise PydanticCustomError("pulse", "must not give duration_ns: its waveform has a duration")
        if self.duration_ns is None and not timed:
            rule = "must have a duration_ns, or a waveform with a duration as amplitude or detuning"
            raise PydanticCustomError("pulse", rule)
        if not isinstance(self.phase, Expression) and self.detuning != ZERO:
            raise PydanticCustomError("pulse", "must not give a detuning: it follows from the phase's waveform")
        return self


class DetuningMap(Tagged):
    """A detuning (rad/µs, not positive) on each atom, weighted between 0 and 1: Pulser's DMM channel.

    Weights count to six decimals, as in Pulser. A segment holds one map for each DMM channel. After an `slm_mask` on
    the same DMM, a map with weight 1 on just the masked atoms is the mask's own: it plays once the mask has ended.
    """

    kind: ClassVar[str] = "detuning_map"
    weights: FrozenMapping[AtomName, float] = Field(
        description="Weight of each atom, between 0 and 1; atoms not named have none."
    )
    detuning: Shape = Field(description="Detuning over time (rad/µs) at weight 1: a waveform that is nowhere positive.")
    channel: str = Field("dmm_0", description="The DMM channel; `dmm_0` by default.")
    protocol: Protocol = Field("no-delay", description="When it starts, as for a pulse; `no-delay` by default.")
    start_with: Literal["previous"] | None = Field(
        default=None, alias="with", description="In files `with`: `previous` starts it together with the block before."
    )


class SLMMask(Tagged):
    """Keep the segment's first global pulse from some atoms, as Pulser's `config_slm_mask`.

    With Rydberg and Raman channels a DMM (`channel`) detunes them by ten times the pulse's amplitude, as far as its
    limits allow, until that pulse ends; with microwaves they see neither the pulse nor, as in Pulser's simulation,
    the other atoms. A segment holds one mask.
    """

    kind: ClassVar[str] = "slm_mask"
    atoms: Atoms = Field(description="Atoms that the segment's first global pulse does not reach.")
    channel: str = Field(
        "dmm_0", description="The DMM that detunes them; `dmm_0` by default, without meaning under microwaves."
    )


class EnableEOM(Tagged):
    """Put a channel in EOM mode, as Pulser's `enable_eom_mode`: from here only square pulses of one setpoint.

    Of the detunings that the modulator can give between pulses, the one nearest to `optimal_detuning_off` is taken.
    The mode ends with the segment at the latest: measuring, resetting, or a branch with pulses ends it.
    """

    kind: ClassVar[str] = "enable_eom_mode"
    channel: str = Field(description="A channel of the device that has an EOM.")
    amp_on: Expression = Field(description="Rabi frequency (rad/µs) of all pulses of the mode.")
    detuning_on: Expression = Field(ZERO, description="Detuning (rad/µs) of all pulses of the mode; 0 by default.")
    optimal_detuning_off: DetuningOff = ZERO
    correct_phase_drift: UndoneDrift = False


class EOMPulse(Tagged):
    """A square pulse of a channel in EOM mode, as Pulser's `add_eom_pulse`."""

    kind: ClassVar[str] = "add_eom_pulse"
    channel: str = Field(description="A channel in EOM mode.")
    duration_ns: Expression = Field(description="Duration (ns).")
    phase: Expression = Field(ZERO, description="Phase (rad); 0 by default.")
    post_phase_shift: Expression = Field(
        ZERO, description="Shift (rad) of the phase of all later pulses; 0 by default."
    )
    protocol: Protocol = Field("min-delay", description="When it starts, as for a pulse; `min-delay` by default.")
    correct_phase_drift: bool = Field(
        False, description="Whether the phase gathered since the last pulse is undone; not by default."
    )


class ModifyEOM(Tagged):
    """Change the setpoint of a channel in EOM mode, as Pulser's `modify_eom_setpoint`, with a buffer."""

    kind: ClassVar[str] = "modify_eom_setpoint"
    channel: str = Field(description="A channel in EOM mode.")
    amp_on: Expression = Field(description="New Rabi frequency (rad/µs).")
    detuning_on: Expression = Field(ZERO, description="New detuning (rad/µs); 0 by default.")
    optimal_detuning_off: DetuningOff = ZERO
    correct_phase_drift: UndoneDrift = False


class DisableEOM(Tagged):
    """Take a channel out of EOM mode, as Pulser's `disable_eom_mode`, with a buffer."""

    kind: ClassVar[str] = "disable_eom_mode"
    channel: str = Field(description="A channel in EOM mode.")
    correct_phase_drift: UndoneDrift = False


class Retarget(Tagged):
    """Aim a local channel at other atoms, as Pulser's `target`; a pulse does so by itself.

    It takes the channel's retarget time. Each segment begins with its channels aimed at the first atoms they act on:
    the measurement, reset or feedback before it takes longer than any retargeting.
    """

    kind: ClassVar[str] = "target"
    atoms: Atoms = Field(description="Atoms that the channel is to act on from here.")
    channel: str = Field(description="A local channel of the device.")


class Delay(Tagged):
    """Wait: every channel, or the one named, idles for `duration_ns`.

    With `at_rest` the channel's last pulse fades first, where its output is modulated.
    """

    kind: ClassVar[str] = "delay"
    duration_ns: Expression = Field(description="How long (ns).")
    channel: str | None = Field(None, description="The channel that waits; all channels if none is named (default).")
    at_rest: bool = Field(False, description="Whether the channel's last pulse fades first; not by default.")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.at_rest and self.channel is None:
            raise PydanticCustomError("delay", "must name the channel that comes to rest")
        return self


class Align(Tagged):
    """Let the next block start only when every channel, or each of those named, is done.

    Done means faded, where the output is modulated, unless `at_rest` is false: Pulser's `align`.
    """

    kind: ClassVar[str] = "align"
    channels: tuple[str, ...] | None = Field(
        None, description="At least two channels; all of them if none is named (default)."
    )
    at_rest: bool = Field(True, description="Whether their last pulses have faded; so by default.")

    @model_validator(mode="after")
    def _several(self) -> Self:
        if self.channels is not None and len(set(self.channels)) < max(2, len(self.channels)):
            raise PydanticCustomError("align", "must name at least two different channels, or none for all")
        return self


class PhaseShift(Tagged):
    """Shift the phase of all later pulses on these atoms by +angle, as Pulser's `phase_shift`.

    A virtual turn about z: Rz(+angle) in digital, Rz(-angle) in ground-rydberg, Rz(a) = exp(-i a/2 Z) with Z = +1 on g.

    >>> import rydberg_qmem as rq
    >>> def kept(middle, basis):  # half a turn in two, about axes whose angle the middle changes, must not reach 1
    ...     half = {"rotate": {"atom": "q", "angle": "pi / 2", "basis": basis}}
    ...     back = {"rotate": {"atom": "q", "angle": "pi / 2", "axis": "x", "basis": basis}}
    ...     look = {"probe": {"atoms": "q", "pauli": ["Z"], "key": "b", "basis": basis}}
    ...     program = {"name": "turn", "device": "MockDevice", "register": {"atoms": {"q": (0, 0)}}}
    ...     body = [half, middle, back, look]
    ...     return round(float(rq.run(rq.Program.from_dict({**program, "body": body}), shots=None).b.squeeze()), 4)
    >>> def shift(angle, basis):
    ...     return kept({"phase_shift": {"atoms": "q", "angle": angle, "basis": basis}}, basis)
    >>> def turn(angle, basis):
    ...     return kept({"rotate": {"atom": "q", "axis": "z", "angle": angle, "basis": basis}}, basis)
    >>> shift(0.5, "digital") == turn(0.5, "digital"), shift(0.5, "ground-rydberg") == turn(-0.5, "ground-rydberg")
    (True, True)
    """

    kind: ClassVar[str] = "phase_shift"
    atoms: Atoms = Field(description="Atoms whose later pulses are shifted.")
    angle: Expression = Field(description="Angle (rad), added to their phase.")
    basis: Basis = Field("digital", description="The transition: `digital` (default), `ground-rydberg` or `XY`.")


EOM = EnableEOM | EOMPulse | ModifyEOM | DisableEOM
"""Blocks of the EOM mode."""

PulseLevel = Pulse | DetuningMap | SLMMask | EOM | Retarget | Delay | Align | PhaseShift
"""Blocks that the device does as they are."""

__all__ = [
    "Align", "Delay", "DetuningMap", "DisableEOM", "EOMPulse", "EnableEOM", "ModifyEOM", "PhaseShift", "Pulse",
    "Retarget", "SLMMask",
]  # fmt: skip
