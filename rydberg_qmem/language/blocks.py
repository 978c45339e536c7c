"""The closed union of blocks: every step that a program can take."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.values import (
    AtomName,
    AtomPair,
    Atoms,
    FrozenMapping,
    KeyName,
    Name,
    Tagged,
    VariableName,
    kind_of,
)
from rydberg_qmem.language.waveforms import ZERO, Shape, ShapeOrLevel

Basis = Literal["digital", "ground-rydberg", "XY"]
Protocol = Literal["min-delay", "no-delay", "wait-for-all"]
HALF_PI = Expression("pi / 2")
PulseShape = Literal["square", "blackman"]
CZMethod = Literal["pi-2pi-pi", "levine", "time_optimal"]
CPhaseMethod = Literal["pi-2pi-pi", "levine", "time_optimal", "analog"]


class Pulse(Tagged):
    """One pulse on a channel of the device, as `pulser.Pulse`: amplitude and detuning in rad/µs, phase in rad.

    Local channels name their `atoms`; global ones act on all. Where amplitude and detuning are both levels,
    `duration_ns` says how long (Pulser's `ConstantPulse`); where the `phase` is a waveform (rad), the detuning follows
    from it and is not given (`ArbitraryPhase`). `with: previous` starts the pulse together with the block before.

    Two pulses of one basis on one atom at once are two fields on one transition: their Ω exp(-iφ) add, where Pulser's
    emulators add amplitudes and phases apart, and their detunings add as shifts of the level; out of phase, both must
    be resonant, or one of them have no amplitude.

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
    channel: str
    atoms: Atoms | None = None
    amplitude: ShapeOrLevel
    detuning: ShapeOrLevel = ZERO
    phase: ShapeOrLevel = ZERO
    post_phase_shift: Expression = ZERO
    protocol: Protocol = "min-delay"
    duration_ns: Expression | None = None
    start_with: Literal["previous"] | None = Field(default=None, alias="with")

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
    weights: FrozenMapping[AtomName, float]
    detuning: Shape
    channel: str = "dmm_0"
    protocol: Protocol = "no-delay"
    start_with: Literal["previous"] | None = Field(default=None, alias="with")


class SLMMask(Tagged):
    """Keep the segment's first global pulse from some atoms, as Pulser's `config_slm_mask`.

    With Rydberg and Raman channels a DMM (`channel`) detunes them by ten times the pulse's amplitude, as far as its
    limits allow, until that pulse ends; with microwaves they see neither the pulse nor, as in Pulser's simulation,
    the other atoms. A segment holds one mask.
    """

    kind: ClassVar[str] = "slm_mask"
    atoms: Atoms
    channel: str = "dmm_0"


class EnableEOM(Tagged):
    """Put a channel in EOM mode, as Pulser's `enable_eom_mode`: from here only square pulses of one setpoint.

    Of the detunings that the modulator can give between pulses, the one nearest to `optimal_detuning_off` is taken.
    The mode ends with the segment at the latest: measuring, resetting, a loop or a branch ends it.
    """

    kind: ClassVar[str] = "enable_eom_mode"
    channel: str
    amp_on: Expression
    detuning_on: Expression = ZERO
    optimal_detuning_off: Expression = ZERO
    correct_phase_drift: bool = False


class EOMPulse(Tagged):
    """A square pulse of a channel in EOM mode, as Pulser's `add_eom_pulse`."""

    kind: ClassVar[str] = "add_eom_pulse"
    channel: str
    duration_ns: Expression
    phase: Expression = ZERO
    post_phase_shift: Expression = ZERO
    protocol: Protocol = "min-delay"
    correct_phase_drift: bool = False


class ModifyEOM(Tagged):
    """Change the setpoint of a channel in EOM mode, as Pulser's `modify_eom_setpoint`, with a buffer."""

    kind: ClassVar[str] = "modify_eom_setpoint"
    channel: str
    amp_on: Expression
    detuning_on: Expression = ZERO
    optimal_detuning_off: Expression = ZERO
    correct_phase_drift: bool = False


class DisableEOM(Tagged):
    """Take a channel out of EOM mode, as Pulser's `disable_eom_mode`, with a buffer."""

    kind: ClassVar[str] = "disable_eom_mode"
    channel: str
    correct_phase_drift: bool = False


class Retarget(Tagged):
    """Aim a local channel at other atoms, as Pulser's `target`; a pulse does so by itself.

    It takes the channel's retarget time. Each segment begins with its channels aimed at the first atoms they act on:
    the measurement, reset or feedback before it takes longer than any retargeting.
    """

    kind: ClassVar[str] = "target"
    atoms: Atoms
    channel: str


class Delay(Tagged):
    """Wait: every channel, or the one named, idles for `duration_ns`.

    With `at_rest` the channel's last pulse fades first, where its output is modulated.
    """

    kind: ClassVar[str] = "delay"
    duration_ns: Expression
    channel: str | None = None
    at_rest: bool = False

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
    channels: tuple[str, ...] | None = None
    at_rest: bool = True

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
    atoms: Atoms
    angle: Expression
    basis: Basis = "digital"


class Rotate(Tagged):
    """Rotate one atom by `angle` about x, y or z, R = exp(-i angle/2 P), or by a unit quaternion (w, x, y, z).

    Z is +1 on g. About z it is virtual and takes no time: a phase shift by +angle in digital, by -angle in
    ground-rydberg (shown at `PhaseShift`).
    """

    kind: ClassVar[str] = "rotate"
    atom: AtomName
    angle: Expression | None = None
    axis: Literal["x", "y", "z"] = "y"
    quaternion: tuple[Expression, Expression, Expression, Expression] | None = None
    basis: Literal["digital", "ground-rydberg"] = "digital"
    shape: PulseShape = "square"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.angle is None) == (self.quaternion is None):
            raise PydanticCustomError("rotate", "must give either angle or quaternion")
        return self


class CZ(Tagged):
    """Controlled-Z in the digital basis by Rydberg blockade: π on the control, 2π on the target, π.

    The Rabi frequency follows from the distance and the wanted average infidelity, about 0.370 (Ω/U)²; the ideal
    gate is diag(1, 1, 1, -1) up to a global sign. `levine` (two pulses) and `time_optimal` (one) drive both atoms
    together.
    """

    kind: ClassVar[str] = "cz"
    control: AtomName
    target: AtomName
    infidelity: float = Field(default=1e-4, gt=0, le=0.1)
    method: CZMethod = "pi-2pi-pi"
    shape: PulseShape = "square"


class CNOT(Tagged):
    """Controlled NOT: Ry(-π/2) on the target, CZ, Ry(π/2)."""

    kind: ClassVar[str] = "cnot"
    control: AtomName
    target: AtomName
    infidelity: float = Field(default=1e-4, gt=0, le=0.1)
    method: CZMethod = "pi-2pi-pi"
    shape: PulseShape = "square"


class CPhase(Tagged):
    """Controlled phase in the digital basis: diag(1, 1, 1, exp(i angle)) on gg, gh, hg, hh.

    `pi-2pi-pi` splits the target's 2π pulse in two with a phase jump, so its angle may be any expression; `analog`
    excites both atoms and waits until their interaction has gathered the angle; `levine` and `time_optimal` are
    global pulses. Single-qubit phases are compensated.
    """

    kind: ClassVar[str] = "cphase"
    control: AtomName
    target: AtomName
    angle: Expression
    infidelity: float = Field(default=1e-4, gt=0, le=0.1)
    method: CPhaseMethod = "pi-2pi-pi"
    shape: PulseShape = "square"


class ZZ(Tagged):
    """Turn exp(-i angle/2 Z⊗Z) in the digital basis, Z = +1 on g and -1 on h: a `cphase` of -2 angle."""

    kind: ClassVar[str] = "zz"
    atoms: AtomPair
    angle: Expression
    infidelity: float = Field(default=1e-4, gt=0, le=0.1)
    method: CPhaseMethod = "pi-2pi-pi"
    shape: PulseShape = "square"


class Swap(Tagged):
    """Exchange the digital states of two atoms: three CNOT."""

    kind: ClassVar[str] = "swap"
    atoms: AtomPair
    infidelity: float = Field(default=1e-4, gt=0, le=0.1)
    method: CZMethod = "pi-2pi-pi"
    shape: PulseShape = "square"


class Exchange(Tagged):
    """Partial exchange exp(-i angle (XX + YY)/2): |10⟩ → cos angle |10⟩ - i sin angle |01⟩.

    In the XY basis it is the register's own interaction, C3/R³ for a time, and waits; in the digital basis (h as 1)
    it is two CZ between rotations.
    """

    kind: ClassVar[str] = "exchange"
    atoms: AtomPair
    angle: Expression
    basis: Literal["digital", "XY"] = "digital"
    infidelity: float = Field(default=1e-4, gt=0, le=0.1)
    method: CZMethod = "pi-2pi-pi"
    shape: PulseShape = "square"


class BlockadeRotate(Tagged):
    """Rotate the target about x between g and r where the control is in g, and not at all where it is in r.

    One local Rydberg pulse of area `angle`, blockaded by the control; the target must be in g. The light shift that
    the control's r then sees is compensated. `infidelity` bounds (Ω/U)² at area π: how often a blockaded target is
    excited.
    """

    kind: ClassVar[str] = "blockade_rotate"
    control: AtomName
    target: AtomName
    angle: Expression
    infidelity: float = Field(default=1e-3, gt=0, le=0.1)
    shape: PulseShape = "square"


class Ising(Tagged):
    """Turn exp(-i time Σ g_jk Z_j Z_k) by digital-analog steps of the register's own interaction, for all its atoms.

    `couplings` gives g_jk (rad/µs) by pairs, `{a: {b: 0.3}}`; pairs not named get none. `stepwise`: qubits in g and h,
    the interaction switched on by exciting g to r and back. `banged`: qubits in g and r, the interaction always on and
    fast π pulses between. Z is +1 on g; fields are cancelled. `rabi` (rad/µs) is that of the fast pulses.
    """

    kind: ClassVar[str] = "ising"
    couplings: FrozenMapping[AtomName, FrozenMapping[AtomName, Expression]]
    time_us: Expression = Expression(1)
    mode: Literal["stepwise", "banged"] = "stepwise"
    rabi: float | None = Field(default=None, gt=0)


class Damp(Tagged):
    """Amplitude damping of `system` with the given probability: one CZ, a measured ancilla, feedforward, reset.

    `shape` is that of its CZ.
    """

    kind: ClassVar[str] = "damp"
    system: AtomName
    ancilla: AtomName
    probability: Expression
    key: KeyName | None = None
    shape: PulseShape = "square"


class BeamSplitter(Tagged):
    """Send the excitation of `system` to a fresh `ancilla` (in g) with probability `reflectivity`, coherently.

    `shape` is that of its CZ.
    """

    kind: ClassVar[str] = "beam_splitter"
    system: AtomName
    ancilla: AtomName
    reflectivity: Expression
    shape: PulseShape = "square"


class WeakMeasure(Tagged):
    """Measure x, y or z of `system` with a strength between 0 (nothing) and 1 (projective), by one CZ.

    Kraus operators on z: diag(√((1±ε)/2), √((1∓ε)/2)); outcome bit 0 means +1 (g), bit 1 means -1 (h).
    `shape` is that of the CZ.
    """

    kind: ClassVar[str] = "weak_measure"
    system: AtomName
    ancilla: AtomName
    strength: Expression
    key: KeyName
    axis: Literal["x", "y", "z"] = "z"
    shape: PulseShape = "square"


class BlockadeMeasure(Tagged):
    """Measure whether `system`, in {g, r}, is in g, with the strength of one pulse's `area`; then reset the ancilla.

    The ancilla, in g, is rotated by `area` unless the system's r blockades it, and measured between g and r:
    outcome 1 has K1 = sin(area/2) |g⟩⟨g|, outcome 0 has K0 = cos(area/2) |g⟩⟨g| + |r⟩⟨r|.
    """

    kind: ClassVar[str] = "blockade_measure"
    system: AtomName
    ancilla: AtomName
    area: Expression
    key: KeyName
    infidelity: float = Field(default=1e-3, gt=0, le=0.1)
    shape: PulseShape = "square"


class Measure(Tagged):
    """Project atoms on one level of a basis and keep the bits under `key`.

    `digital`: h (1) against not-h (0); `ground-rydberg`: r (1) against not-r (0); `XY`: 1 against 0.
    """

    kind: ClassVar[str] = "measure"
    atoms: Atoms
    key: KeyName
    basis: Basis | None = None


class Reset(Tagged):
    """Trace atoms out and put them in g: a true reset, of entangled and superposed atoms too."""

    kind: ClassVar[str] = "reset"
    atoms: Atoms


class Probe(Tagged):
    """Look at the state without touching it: emulators only, no machine can do this.

    One quantity is recorded under `key`, several under `<key>_<quantity>`, always of the whole ensemble: means
    over shots, and purity and entropy (bits) of the mean density matrix.
    """

    kind: ClassVar[str] = "probe"
    atoms: Atoms
    key: KeyName
    occupation: bool = False
    correlations: bool = False
    pauli: tuple[Literal["X", "Y", "Z"], ...] = ()
    density_matrix: bool = False
    purity: bool = False
    entropy: bool = False
    basis: Basis | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.quantities:
            raise PydanticCustomError("probe", "must ask for at least one quantity")
        return self

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is looked at, in a fixed order."""
        known = ("occupation", "correlations", "pauli", "density_matrix", "purity", "entropy")
        return tuple(name for name in known if getattr(self, name))


class Set(Tagged):
    """Give memory variables new values; all right-hand sides see the old ones."""

    kind: ClassVar[str] = "set"
    payload: ClassVar[str | None] = "values"
    values: FrozenMapping[VariableName, Expression]


class Push(Tagged):
    """Push a value into each window; its oldest value drops out."""

    kind: ClassVar[str] = "push"
    payload: ClassVar[str | None] = "values"
    values: FrozenMapping[VariableName, Expression]


def _as_names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Repeat(Tagged):
    """Do the body `times` times, or once for each value of the input(s) named in `over`.

    `counter` (default `k`) counts the rounds from 0; `name` is the dimension of the record (default `round`).
    """

    kind: ClassVar[str] = "repeat"
    times: Expression | None = None
    over: Annotated[tuple[VariableName, ...] | None, BeforeValidator(_as_names, json_schema_input_type=Any)] = None
    body: tuple[Block, ...]
    counter: VariableName = "k"
    name: VariableName | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.times is None) == (self.over is None):
            raise PydanticCustomError("repeat", "must give either times or over")
        if self.over == ():
            raise PydanticCustomError("repeat", "must name at least one input in over")
        return self


class When(Tagged):
    """Do `then` where the condition holds, `otherwise` where not.

    Both sides take the longer one's time, unless memory decides how long a side takes.
    """

    kind: ClassVar[str] = "when"
    condition: Expression = Field(alias="if")
    then: tuple[Block, ...] = ()
    otherwise: tuple[Block, ...] = ()


class ForEach(Tagged):
    """Do the body once for each atom, with `$atom` (or the name given in `as`) standing for it."""

    kind: ClassVar[str] = "for_each"
    atom: Atoms
    variable: Name = Field(default="atom", alias="as")
    body: tuple[Block, ...]


Block = Annotated[
    Annotated[Pulse, Tag("pulse")]
    | Annotated[DetuningMap, Tag("detuning_map")]
    | Annotated[SLMMask, Tag("slm_mask")]
    | Annotated[EnableEOM, Tag("enable_eom_mode")]
    | Annotated[EOMPulse, Tag("add_eom_pulse")]
    | Annotated[ModifyEOM, Tag("modify_eom_setpoint")]
    | Annotated[DisableEOM, Tag("disable_eom_mode")]
    | Annotated[Retarget, Tag("target")]
    | Annotated[Delay, Tag("delay")]
    | Annotated[Align, Tag("align")]
    | Annotated[PhaseShift, Tag("phase_shift")]
    | Annotated[Rotate, Tag("rotate")]
    | Annotated[CZ, Tag("cz")]
    | Annotated[CNOT, Tag("cnot")]
    | Annotated[CPhase, Tag("cphase")]
    | Annotated[ZZ, Tag("zz")]
    | Annotated[Swap, Tag("swap")]
    | Annotated[Exchange, Tag("exchange")]
    | Annotated[BlockadeRotate, Tag("blockade_rotate")]
    | Annotated[Ising, Tag("ising")]
    | Annotated[Damp, Tag("damp")]
    | Annotated[BeamSplitter, Tag("beam_splitter")]
    | Annotated[WeakMeasure, Tag("weak_measure")]
    | Annotated[BlockadeMeasure, Tag("blockade_measure")]
    | Annotated[Measure, Tag("measure")]
    | Annotated[Reset, Tag("reset")]
    | Annotated[Probe, Tag("probe")]
    | Annotated[Set, Tag("set")]
    | Annotated[Push, Tag("push")]
    | Annotated[Repeat, Tag("repeat")]
    | Annotated[When, Tag("when")]
    | Annotated[ForEach, Tag("for_each")],
    Discriminator(kind_of),
]
"""Any block, as an object or as a one-key mapping."""

EOM = EnableEOM | EOMPulse | ModifyEOM | DisableEOM
"""Blocks of the EOM mode."""

Gate = Rotate | CZ | CNOT | CPhase | ZZ | Swap | Exchange | BlockadeRotate | Ising
"""Unitary blocks that are known as matrices, whatever pulses make them."""

Timed = Pulse | DetuningMap | SLMMask | EOM | Retarget | Delay | Align | PhaseShift | Gate
"""Blocks that a segment holds: unitary, on the atoms alone."""

Cell = Damp | BeamSplitter | WeakMeasure | BlockadeMeasure
"""Blocks that stand for several others."""

AnyBlock = Timed | Cell | Measure | Reset | Probe | Set | Push | Repeat | When | ForEach

for _model in (Repeat, When, ForEach):
    _model.model_rebuild()

KINDS: dict[str, type[Tagged]] = {
    cls.kind: cls
    for cls in (
        Pulse, DetuningMap, SLMMask, EnableEOM, EOMPulse, ModifyEOM, DisableEOM, Retarget, Delay, Align, PhaseShift,
        Rotate, CZ, CNOT, CPhase, ZZ, Swap, Exchange,
        BlockadeRotate, Ising, Damp, BeamSplitter, WeakMeasure, BlockadeMeasure,
        Measure, Reset, Probe, Set, Push, Repeat, When, ForEach,
    )
}  # fmt: skip
"""Every kind of block by its name in files."""
