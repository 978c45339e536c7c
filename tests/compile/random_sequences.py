"""Random Pulser sequences, made call by call: every kind of channel, mode, register and variable that Pulser has."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pulser
from pulser import Pulse, Register, Sequence
from pulser.channels import DMM, Microwave, Raman, Rydberg
from pulser.channels.eom import RydbergBeam, RydbergEOM
from pulser.devices import VirtualDevice
from pulser.register import Register3D
from pulser.register.register_layout import RegisterLayout
from pulser.waveforms import (
    BlackmanWaveform,
    CompositeWaveform,
    ConstantWaveform,
    CustomWaveform,
    InterpolatedWaveform,
    KaiserWaveform,
    RampWaveform,
)

EOM = RydbergEOM(
    mod_bandwidth=30.0, limiting_beam=RydbergBeam.RED, max_limiting_amp=50 * 2 * np.pi,
    intermediate_detuning=800 * 2 * np.pi, controlled_beams=(RydbergBeam.BLUE,),
)  # fmt: skip
FADING = VirtualDevice(
    name="Fading", dimensions=3, rydberg_level=60, supports_slm_mask=True, reusable_channels=False,
    channel_objects=(
        Rydberg.Global(None, None, mod_bandwidth=4.0, eom_config=EOM, clock_period=2, min_duration=4,
                       custom_phase_jump_time=12),
        Rydberg.Local(None, None, max_targets=2, min_retarget_interval=60, fixed_retarget_t=8, mod_bandwidth=8.0,
                      eom_config=dataclasses.replace(EOM, mod_bandwidth=20.0), clock_period=4),
        Raman.Local(None, None, max_targets=None, min_retarget_interval=0, fixed_retarget_t=0, mod_bandwidth=5.0),
    ),
    dmm_objects=(DMM(bottom_detuning=-200, total_bottom_detuning=-400), DMM(clock_period=4, mod_bandwidth=4.0)),
)  # fmt: skip
"""A device on which everything fades, waits and has a clock of its own."""
STEPPED = VirtualDevice(
    name="Stepped", dimensions=3, rydberg_level=70, supports_slm_mask=True, reusable_channels=True,
    channel_objects=(
        Rydberg.Global(None, None, clock_period=4, min_duration=16, custom_phase_jump_time=20),
        Raman.Local(None, None, max_targets=1, min_retarget_interval=220, fixed_retarget_t=12, clock_period=4),
        Microwave.Global(None, None, clock_period=2),
    ),
    dmm_objects=(DMM(clock_period=4, bottom_detuning=-100),),
)  # fmt: skip
PLAIN = dataclasses.replace(pulser.AnalogDevice, requires_layout=False, min_layout_traps=1)
WEIGHTED = dataclasses.replace(pulser.devices.WeightedAnalogDevice, requires_layout=False, min_layout_traps=1)
DEVICES = (PLAIN, pulser.DigitalAnalogDevice, pulser.MockDevice, WEIGHTED, FADING, STEPPED)


@dataclass
class Drawn:
    """A sequence with the calls that made it, and the values for its variables and traps, if it has any."""

    sequence: Any
    calls: list[Any] = field(default_factory=list)
    variables: dict[str, float] = field(default_factory=dict)
    qubits: dict[str, int] | None = None

    def built(self) -> Any:
        """Return it with all its values, as Pulser builds it."""
        given: Mapping[str, Any] = {} if self.qubits is None else {"qubits": self.qubits}
        if not (self.variables or given):
            return self.sequence
        return self.sequence.build(**given, **self.variables)


def draw(seed: int, *, calls: int = 8, devices: tuple[Any, ...] = DEVICES) -> Drawn:
    """Return a random sequence; calls that Pulser refuses are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Drawing(np.random.default_rng(seed), devices).draw(calls)


class _Drawing:
    def __init__(self, rng: np.random.Generator, devices: tuple[Any, ...]) -> None:
        self.rng = rng
        self.device = devices[rng.integers(len(devices))]
        self.xy = any(c.basis == "XY" for c in self.device.channels.values()) and rng.random() < 0.25
        self.atoms = int(rng.integers(1, 4))
        self.qubits: dict[str, int] | None = None
        self.variables: dict[str, float] = {}
        self.register = self._register(self.one("plane", "plane", "layout", "mappable", "space", "odd names"))
        self.calls: list[Any] = []
        self.open = rng.random() < 0.25
        self.names: list[str] = []
        self.square: set[str] = set()
        """Channels in EOM mode, as far as calls were kept."""

    def one(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    # --- what it acts on ---

    def _register(self, kind: str) -> Any:
        """Return a register that the device takes: a plain one where its rules for layouts forbid another."""
        self.qubits = None
        made = self._placed(kind)
        try:
            Sequence(made, self.device)
        except ValueError:
            return self._register("plane")
        return made

    def _placed(self, kind: str) -> Any:
        n, ids = self.atoms, [f"q{i}" for i in range(self.atoms)]
        places = [(6.0 * (i % 2) + 0.5 * i, 6.5 * (i // 2)) for i in range(n + 1)]
        if kind == "space" and self.device.dimensions == 3:
            return Register3D({q: (x, y, 2.0 * i) for i, (q, (x, y)) in enumerate(zip(ids, places, strict=False))})
        layout = RegisterLayout([*places, *((x + 14, y) for x, y in places)])
        traps = self.rng.permutation(2 * n + 2)[:n].tolist()
        if kind == "layout":
            return layout.define_register(*traps, qubit_ids=ids)
        if kind == "mappable":
            self.qubits = dict(zip(ids, traps, strict=True))
            return layout.make_mappable_register(n)
        if kind == "odd names":
            ids = [f"{i}-th" for i in range(n)]
        return Register(dict(zip(ids, places, strict=False)))

    def _ids(self, least: int = 1) -> list[str]:
        ids = list(self.register.qubit_ids)
        count = int(self.rng.integers(least, len(ids) + 1))
        return [ids[i] for i in self.rng.permutation(len(ids))[:count]]

    # --- numbers and shapes ---

    def number(self, low: float, high: float) -> Any:
        """Return a number, or a variable with that value."""
        value = round(float(self.rng.uniform(low, high)), 3)
        return self._variable(value, float) if self.open and self.chance(0.3) else value

    def duration(self, low: int = 8, high: int = 120) -> Any:
        value = int(self.rng.integers(low, high))
        return self._variable(value, int) if self.open and self.chance(0.3) else value

    def phase(self) -> Any:
        return self.one(0.0, 0.0, np.pi, np.pi / 2, self.number(-4, 7))

    def _variable(self, value: float, kind: type) -> Any:
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        return ("variable", name, kind)

    def shape(self, duration: Any, scale: float) -> Any:
        kind = self.one("constant", "constant", "ramp", "blackman", "kaiser", "interpolated", "custom", "composite")
        size = self.number(0.2, scale)
        match kind:
            case "constant":
                return lambda v: ConstantWaveform(v(duration), v(size))
            case "ramp":
                other = self.number(0.0, scale)
                return lambda v: RampWaveform(v(duration), v(size), v(other))
            case "blackman":
                return lambda v: BlackmanWaveform(v(duration), 0.1 * v(size))
            case "kaiser":
                return lambda v: KaiserWaveform(v(duration), 0.1 * v(size), 8.0)
            case "interpolated":
                return lambda v: InterpolatedWaveform(v(duration), [0.1, v(size), 0.3])
            case "custom" if isinstance(duration, int) and isinstance(size, float):
                return lambda v: CustomWaveform(size * np.sin(np.arange(duration) / 9) ** 2)
            case "composite" if isinstance(duration, int) and duration > 20:
                return lambda v: CompositeWaveform(
                    ConstantWaveform(10, v(size)), RampWaveform(duration - 10, v(size), 0)
                )
            case _:
                return lambda v: ConstantWaveform(v(duration), v(size))

    def pulse(self) -> Any:
        duration, phase = self.duration(), self.phase()
        shift = self.one(0.0, 0.0, self.number(-2, 2))
        amplitude = self.shape(duration, 6.0)
        if self.chance(0.15):
            curve = self.shape(duration, 2.0)
            return lambda v: Pulse.ArbitraryPhase(amplitude(v), curve(v), post_phase_shift=v(shift))
        if self.chance(0.5):
            detuning = self.number(-5, 5)
            return lambda v: Pulse.ConstantDetuning(amplitude(v), v(detuning), v(phase), post_phase_shift=v(shift))
        sweep = self.shape(duration, 5.0)
        return lambda v: Pulse(amplitude(v), sweep(v), v(phase), post_phase_shift=v(shift))

    # --- calls ---

    def draw(self, calls: int) -> Drawn:
        self._declare()
        for _ in range(calls):
            self._try(self._call())
        if self.chance(0.4):
            basis = self.one("ground-rydberg", "digital", "XY")
            self._try(lambda s, v: s.measure(basis))
        return Drawn(self._made(), [], self._used(), self.qubits)

    def _declare(self) -> None:
        if self.xy and self.chance(0.5):
            field_ = tuple(float(x) for x in self.rng.normal(0, 10, 3))
            self._try(lambda s, v: s.set_magnetic_field(*field_))
        wanted = [c for c, kind in self.device.channels.items() if (kind.basis == "XY") == self.xy]
        for channel in self.rng.permutation(wanted)[: self.rng.integers(1, 4)].tolist():
            name, first = f"c{len(self.names)}", self.one(*self.register.qubit_ids)
            local = self.device.channels[channel].addressing == "Local"
            if self._try(
                lambda s, v, n=name, c=channel, q=first if local else None: s.declare_channel(n, c, initial_target=q)
            ):
                self.names.append(name)
            if self.chance(0.3):
                self._try(self._mask_or_map())

    def _mask_or_map(self) -> Any:
        dmm = self.one("dmm_0", "dmm_0", "dmm_1")
        if self.chance(0.5):
            masked = self._ids()
            return lambda s, v: s.config_slm_mask(masked, dmm)
        weights = {q: round(float(self.rng.random()), 3) for q in self._ids()}
        return lambda s, v: s.config_detuning_map(
            s.get_register(include_mappable=False).define_detuning_map(weights), dmm
        )

    def _call(self) -> Any:
        name = self.one(*(self.names or ["none"]))
        protocol = self.one("min-delay", "min-delay", "no-delay", "wait-for-all")
        pick = self.rng.random()
        if name in self.square and pick < 0.6:
            return self._eom(name, protocol)
        if pick < 0.38:
            pulse = self.pulse()
            return lambda s, v: s.add(pulse(v), name, protocol)
        if pick < 0.48:
            wait, rest = self.one(0, 0, self.duration(0)), self.chance(0.4)
            return lambda s, v: s.delay(v(wait), name, at_rest=rest)
        if pick < 0.56:
            ids = self._ids()
            return lambda s, v: s.target(ids, name)
        if pick < 0.64:
            angle, ids, basis = (
                self.number(-4, 4),
                self.one(self._ids(), self._all()),
                self.one("digital", "ground-rydberg"),
            )
            return lambda s, v: s.phase_shift(v(angle), *ids, basis="XY" if self.xy else basis)
        if pick < 0.7:
            rest, both = self.chance(0.5), self.rng.permutation(self.names)[:2].tolist()
            return lambda s, v: s.align(*both, at_rest=rest)
        if pick < 0.86:
            return self._eom(name, protocol)
        if pick < 0.92:
            return self._mask_or_map()
        duration, level, dmm = self.duration(), self.number(-8, 0), self.one("dmm_0", "dmm_0", "dmm_1", "dmm_0_1")
        return lambda s, v: s.add_dmm_detuning(ConstantWaveform(v(duration), v(level)), dmm, protocol)

    def _all(self) -> list[str]:
        return list(self.register.qubit_ids)

    def _eom(self, name: str, protocol: str) -> Any:
        on, detuning, off = self.number(1, 8), self.number(-3, 3), self.number(-30, 30)
        correct, phase, length = self.chance(0.4), self.phase(), self.duration()
        shift = self.one(0.0, self.number(-2, 2))
        if name not in self.square:
            self.square.add(name)
            return lambda s, v: s.enable_eom_mode(name, v(on), v(detuning), v(off), correct_phase_drift=correct)
        match self.one("pulse", "pulse", "pulse", "pulse", "modify", "disable"):
            case "modify":
                return lambda s, v: s.modify_eom_setpoint(name, v(on), v(detuning), v(off), correct_phase_drift=correct)
            case "disable":
                self.square.discard(name)
                return lambda s, v: s.disable_eom_mode(name, correct_phase_drift=correct)
            case _:
                return lambda s, v: s.add_eom_pulse(
                    name, v(length), v(phase), v(shift), protocol=protocol, correct_phase_drift=correct
                )

    # --- the sequence so far ---

    def _try(self, call: Any) -> bool:
        """Keep a call if Pulser takes it, values and all; a refused one may have left something behind."""
        kept = self.calls
        self.calls = [*kept, call]
        try:
            Drawn(self._made(), [], self._used(), self.qubits).built()
        except Exception:  # Pulser raises what its parts raise
            self.calls = kept
            return False
        return True

    def _used(self) -> dict[str, float]:
        return {name: self.variables[name] for name in self._made().declared_variables}

    def _made(self) -> Any:
        sequence = Sequence(self.register, self.device)
        declared: dict[str, Any] = {}

        def value(given: Any) -> Any:
            if not isinstance(given, tuple):
                return given
            _, name, kind = given
            if name not in declared:
                declared[name] = sequence.declare_variable(name, dtype=kind)
            return declared[name]

        for call in self.calls:
            call(sequence, value)
        return sequence
