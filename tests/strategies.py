"""Small random programs for Hypothesis: pulses, gates, measuring, resetting, feedforward on one to three atoms.

Beside these, each program draws some of the features of its family: SLM masks, a magnetic field, detuning maps, EOM
mode, output modulation, layouts of traps, registers in space, branches with one side, probes anywhere, noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from hypothesis import assume
from hypothesis import strategies as st

from rydberg_qmem.errors import ProgramError, RunError
from rydberg_qmem.language.program import Program

Drawn = Any
T = TypeVar("T")
LEVELS = ("rydberg", "digital", "three", "gates", "xy", "analog")
SPACING_UM = {"rydberg": 7.0, "digital": 6.0, "three": 6.5, "gates": 5.0, "xy": 16.0, "analog": 7.0}
FEATURES: dict[str, tuple[str, ...]] = {
    "rydberg": ("mask", "map", "space", "one side"),
    "digital": ("space", "one side"),
    "three": ("map", "one side"),
    "gates": ("one side",),
    "xy": ("mask", "field", "space", "one side"),
    "analog": ("eom", "modulation", "layout", "one side"),
}
"""What a program of each family may have besides."""
NOISES: dict[str, tuple[dict[str, Any], ...]] = {
    "two": (
        {"dephasing_rate": 0.8},
        {"eff_noise_rates": (0.7,), "eff_noise_opers": (((0, 1), (1, 0)),)},
        {"eff_noise_rates": (0.9, 0.4), "eff_noise_opers": (((0, 0), (1, 0)), ((0.5, 1j), (0.2, 0)))},
        {"depolarizing_rate": 0.5},
    ),
    "gates": ({"dephasing_rate": 0.8, "hyperfine_dephasing_rate": 0.3},),
    "three": (
        {"dephasing_rate": 0.8, "relaxation_rate": 0.5, "hyperfine_dephasing_rate": 0.3},
        {"eff_noise_rates": (0.7,), "eff_noise_opers": (((0, 1, 0), (1, 0, 0.4), (0, 0.4, 0)),)},
    ),
}
"""Noise by how many levels it acts on; some of it turns with the frame, some does not."""
EVENTS = 4
"""How many times a program may measure, rounds counted: the reference follows every branch."""

tenths = st.integers(-30, 30).map(lambda n: n / 10)
amplitudes = st.integers(20, 400).map(lambda n: n / 10)


@st.composite
def waveforms(draw: Drawn, duration_ns: int) -> dict[str, Any]:
    """Draw a waveform of any kind, not negative, of a given duration."""
    level = draw(amplitudes)
    kind = draw(st.sampled_from(("constant", "area", "ramp", "blackman", "kaiser", "interpolated", "custom", "both")))
    timed: dict[str, Any] = {"duration_ns": duration_ns}
    area = level * duration_ns / 1000
    match kind:
        case "constant":
            return {"constant": timed | {"value": level}}
        case "area":
            return {"constant": timed | {"area": area}}
        case "ramp":
            return {"ramp": timed | {"start": level, "stop": draw(amplitudes)}}
        case "blackman" | "kaiser":
            return {kind: timed | {"area": area}}
        case "interpolated":
            return {"interpolated": timed | {"values": [0, level, draw(amplitudes), 0]}}
        case "custom":
            return {"custom": {"samples": [level * (i % 3) / 2 for i in range(duration_ns)]}}
        case _:
            half = duration_ns // 2
            parts = [{"duration_ns": half, "value": level}, {"duration_ns": duration_ns - half, "value": 3.5}]
            return {"composite": [{"constant": part} for part in parts]}


@dataclass
class Draft:
    """A program while it grows: which outcomes are known at this point, how much may still be measured."""

    draw: Drawn
    family: str
    atoms: tuple[str, ...]
    keys: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    names: Any = field(default_factory=count)
    events: int = EVENTS
    rounds: int = 1
    counters: list[str] = field(default_factory=list)
    features: frozenset[str] = frozenset()
    fields: str = "apart"
    """How pulses of one basis on one atom may overlap: not at all, resonant, or in phase."""
    late: bool = False
    """Whether levels are filled in some segments only, and atoms read, or reset, after others have gone on."""

    def pick(self, *options: T) -> T:
        drawn: T = self.draw(st.sampled_from(options))
        return drawn

    def bit(self) -> str:
        """Draw the name of a known outcome, or a number in its place."""
        if not self.keys:
            return str(self.pick(0, 1))
        key, atoms = self.pick(*self.keys)
        return f"{key}.{self.pick(*atoms)}" if len(atoms) > 1 else str(key)

    def expression(self) -> float | str:
        """Draw a number, or feedforward from memory, windows, outcomes and counters."""
        number: float = self.draw(tenths)
        options: list[float | str] = [number, "x", f"{number} - y", "mean(w)"]
        options += [f"{number} * {self.bit()}", f"where({self.bit()}, x, 1)"]
        options += ["x + w[1]", f"x - 0.7 * {self.bit()}"]
        options += [f"{number} + 0.5 * {counter}" for counter in self.counters]
        return self.pick(*options)

    def phrases(self, least: int, most: int, depth: int) -> list[dict[str, Any]]:
        """Draw blocks that mean something together, so that faults of many kinds leave a trace."""
        made: list[dict[str, Any]] = []
        for _ in range(self.draw(st.integers(least, most))):
            made += [self.look()] if self.pick(True, False, False) else []
            kinds = ("drive", "cycle", "echo") + (("when", "repeat") if depth else ())
            kinds += ("late", "late") if self.late else ()
            match self.pick(*kinds):
                case "drive":
                    made += self.unitary()
                case "cycle":
                    made += self.cycle()
                case "echo":
                    made += [*self.unitary(), self.cut(), *self.pick(self.virtual, self.delay)(), *self.unitary()]
                case "late":
                    made += self.apart()
                case "when":
                    made += [*self.measure(), self.when(depth - 1), *self.unitary()]
                case _:
                    made.append(self.repeat(depth - 1))
        return made

    def cycle(self) -> list[dict[str, Any]]:
        """Drive, measure, keep the outcome, perhaps reset, and feed forward."""
        made = [*self.unitary(), *self.measure(), self.cut(), self.remember()]
        if self.pick(True, True, False):
            made.append({"reset": {"atoms": self.pick("all", list(self.subset()))}})
        return [*made, *self.unitary()]

    def apart(self) -> list[dict[str, Any]]:
        """Let an atom that the others were coupled to wait while these go on; read or reset it then, or leave it."""
        one, *others = whole = self.draw(st.permutations(self.atoms))
        self.atoms = (one, *others[:1])
        made = [*self.rotation(), *self.rotation(), *self.gate()]
        self.atoms = tuple(others) or tuple(whole)
        made += [*self.rotation(), *self.gate(), *self.pick([self.cut()], [], []), *self.gate(), *self.rotation()]
        self.atoms = (one,)
        made += self.pick([], [], [self.cut(), *self.rotation()])
        self.atoms = tuple(sorted(whole))
        end, key = self.pick("read", "read", "reset", "leave"), self.fresh("m")
        if end == "read" and self.rounds <= self.events:
            self.events -= self.rounds
            made += [{"measure": {"atoms": [one], "key": key}}, {"set": {"x": f"clip(x / 2 + {key}, -3, 3)"}}]
            self.keys.append((key, (one,)))
        elif end == "reset":
            made.append({"reset": {"atoms": [one]}})
        return made

    def look(self) -> dict[str, Any]:
        return {"probe": {"atoms": list(self.subset()), "density_matrix": True, "key": self.fresh("p")}}

    def cut(self) -> dict[str, Any]:
        """Draw a block that ends a segment and leaves the state alone."""
        return self.pick(self.look(), {"push": {"w": self.expression()}})

    def remember(self) -> dict[str, Any]:
        return {"set": {"x": f"clip(x / 2 + {self.bit()} + 0.1, -3, 3)", "y": f"y + x * {self.bit()}"}}

    def fresh(self, letter: str) -> str:
        return f"{letter}{next(self.names)}"

    def subset(self) -> tuple[str, ...]:
        chosen = self.draw(st.permutations(self.atoms))
        return tuple(chosen[: self.draw(st.integers(1, len(chosen)))])

    def measure(self) -> list[dict[str, Any]]:
        atoms, key = self.subset(), self.fresh("m")
        if self.rounds * len(atoms) > self.events:
            return []
        self.events -= self.rounds * len(atoms)
        self.keys.append((key, atoms))
        basis = {"basis": "ground-rydberg"} if self.family == "three" and self.pick(True, False) else {}
        return [{"measure": {"atoms": list(atoms), "key": key, **basis}}]

    def when(self, depth: int) -> dict[str, Any]:
        condition = self.pick(f"{self.bit()} == 1", "x > y", "uniform() < 0.3", f"{self.bit()} != {self.bit()}")
        known = list(self.keys)
        then = self.phrases(1, 1, depth)
        self.keys = list(known)  # what only one side measures is not known afterwards
        otherwise = self.phrases(0, 1, depth)
        self.keys = known
        sides = {"then": then, "otherwise": otherwise}
        if "one side" in self.features:
            del sides[self.pick("then", "otherwise")]
        return {"when": {"if": condition, **sides}}

    def repeat(self, depth: int) -> dict[str, Any]:
        counter, times = self.fresh("k"), self.pick(2, 2, 3)
        self.counters.append(counter)
        self.rounds *= times
        body = self.phrases(1, 2, depth)
        self.rounds //= times
        self.counters.pop()
        return {"repeat": {"times": times, "counter": counter, "body": body}}

    # ------------------------------------------------------------------ unitary blocks

    def opening(self) -> list[dict[str, Any]]:
        """Drive every basis of the family once, so that the level set does not depend on the draw."""
        mask: list[dict[str, Any]] = []
        if "mask" in self.features:
            mask = [{"slm_mask": {"atoms": list(self.subset()[: max(1, len(self.atoms) - 1)])}}]
        match self.family:
            case "rydberg" | "xy":
                return [*mask, *self.pulse("rydberg_global" if self.family == "rydberg" else "mw_global")]
            case "analog":
                return self.analog()
            case "three" if not self.late:
                return self.together()
            case _:
                return self.rotation()

    def closing(self) -> list[dict[str, Any]]:
        """Drive what the opening left out, where it left out any."""
        return self.together() if self.late and self.family == "three" else self.unitary()

    def unitary(self) -> list[dict[str, Any]]:
        match self.family:
            case "rydberg" | "three" if "map" in self.features and self.pick(True, False, False):
                return self.map()
            case "rydberg":
                return self.pick(self.pulse("rydberg_global"), self.pulse("rydberg_local"))
            case "analog":
                return self.pick(self.analog(), self.eom()) if "eom" in self.features else self.analog()
            case "xy":
                return self.pulse("mw_global")
            case "digital":
                return self.pick(self.rotation(), self.pulse("raman_local"))
            case "three":
                pulses = (self.pulse("rydberg_local"), self.pulse("raman_local"), self.pulse("rydberg_global"))
                return self.pick(*pulses, self.rotation(), self.together())
            case _:
                return self.pick(self.rotation(), self.rotation(), self.gate())

    def pulse(self, channel: str, **more: Any) -> list[dict[str, Any]]:
        duration = self.pick(8, 12, 16)
        made: dict[str, Any] = {"channel": channel, "phase": self.expression(), **more}
        made["amplitude"] = self.draw(waveforms(duration))
        made["detuning"] = self.pick(0, -12.5, self.expression())
        if channel.startswith("rydberg") and self.fields != "apart":
            made["detuning" if self.fields == "resonant" else "phase"] = 0
        if channel.endswith("_local"):
            made["atoms"] = self.pick(*self.atoms)
        if channel in ("raman_local", "mw_global"):
            made["post_phase_shift"] = self.pick(0, 0.4)
        return [{"pulse": made}]

    def analog(self) -> list[dict[str, Any]]:
        """Draw a pulse that the channel of a real machine can play."""
        duration = self.pick(52, 100)
        wave: dict[str, Any] = {"constant": {"duration_ns": duration, "value": self.pick(3.0, 8.5)}}
        if self.pick(True, False):
            wave = {"blackman": {"duration_ns": duration, "area": 4.0 * duration / 1000}}
        made = {"channel": "rydberg_global", "amplitude": wave, "phase": self.expression()}
        return [{"pulse": made | {"detuning": self.pick(0, -6.5, self.expression())}}]

    def eom(self) -> list[dict[str, Any]]:
        """Draw square pulses in EOM mode, which they begin and end."""
        channel = {"channel": "rydberg_global", "correct_phase_drift": self.pick(True, False)}
        point = {"amp_on": self.pick(4.0, 9.0), "detuning_on": self.pick(0.0, 2.0)}
        pulses = [
            {"add_eom_pulse": {**channel, "duration_ns": self.pick(40, 100), "phase": self.expression()}}
            for _ in range(self.pick(1, 2))
        ]
        return [{"enable_eom_mode": {**channel, **point}}, *pulses, {"disable_eom_mode": channel}]

    def map(self) -> list[dict[str, Any]]:
        """Draw light on a detuning map: one map for each program, as a segment can hold one."""
        weights = {atom: (0.3, 1.0, 0.6)[k] for k, atom in enumerate(self.atoms)}
        depth = self.pick(-8.0, f"-6 - 2 * {self.bit()}")
        shape = {"constant": {"duration_ns": self.pick(20, 60), "value": depth}}
        return [{"detuning_map": {"channel": "dmm_0", "weights": weights, "detuning": shape}}]

    def together(self) -> list[dict[str, Any]]:
        apart: list[dict[str, Any]] = [{"align": {}}] if self.fields == "apart" else []
        return [*apart, *self.pulse("raman_local"), *self.pulse("rydberg_global", **{"with": "previous"})]

    def virtual(self) -> list[dict[str, Any]]:
        if self.family in ("rydberg", "xy", "analog"):
            basis = "XY" if self.family == "xy" else "ground-rydberg"
            # No sum of phases and shifts is one angle by two ways: Pulser pauses between them unless they are one
            # number, to the last bit, so that such programs have no one meaning. tests/compile/test_import.py has them.
            angle = f"0.9173 * ({self.expression()})"
            return [{"phase_shift": {"atoms": "all", "angle": angle, "basis": basis}}]
        return [{"rotate": {"atom": self.pick(*self.atoms), "axis": "z", "angle": self.expression()}}]

    def delay(self) -> list[dict[str, Any]]:
        return [{"delay": {"duration_ns": self.pick(48, 200)}}]

    def rotation(self) -> list[dict[str, Any]]:
        turn = {"atom": self.pick(*self.atoms), "axis": self.pick("x", "y", "z"), "angle": self.expression()}
        if self.late and turn["axis"] != "z" and self.pick(True, False, False, False):
            turn["basis"] = "ground-rydberg"
        return [{"rotate": turn}]

    def gate(self) -> list[dict[str, Any]]:
        if len(self.atoms) == 1 or self.family != "gates":
            return self.rotation()
        control, target = self.draw(st.permutations(self.atoms))[:2]
        kind = self.pick("cz", "cnot", "cphase", "zz", "exchange")
        if kind in ("cz", "cnot"):
            return [{kind: {"control": control, "target": target, "infidelity": 0.01}}]
        made = {"angle": self.expression(), "infidelity": 0.01, "shape": self.pick("square", "blackman")}
        if kind == "cphase":
            return [{kind: {"control": control, "target": target, **made}}]
        return [{kind: {"atoms": [control, target], **made}}]


@st.composite
def programs(
    draw: Drawn, families: tuple[str, ...] = LEVELS, most_atoms: int = 3, *, noisy: bool = False, late: bool = False
) -> Program:
    """Draw a small program that passes `check`; a `noisy` one has noise of its own.

    A `late` one fills levels in some segments only, reads or resets atoms late, and leaves some unread.
    """
    family = draw(st.sampled_from(families))
    features = frozenset(name for name in FEATURES[family] if draw(st.booleans()))
    atoms = ("a", "b", "c")[: draw(st.integers(1, 2 if noisy and family in ("three", "gates") else most_atoms))]
    fields = draw(st.sampled_from(("apart", "resonant", "in phase"))) if family == "three" else "apart"
    draft = Draft(draw, family, atoms, fields=fields, features=features, late=late)
    body = [*draft.opening(), *draft.phrases(2, 4, 2)]
    noise = draw(st.sampled_from(NOISES[family if family in NOISES else "two"])) if noisy else {}
    return Program.from_dict(
        {
            "name": "drawn",
            "device": {"gates": "DigitalAnalogDevice", "analog": "AnalogDevice"}.get(family, "MockDevice"),
            "register": register(family, atoms, features),
            **({"magnetic_field": draw(st.sampled_from(TILTED))} if "field" in features else {}),
            **({"with_modulation": True} if "modulation" in features else {}),
            **({"noise": noise} if noise else {}),
            "memory": {
                "x": {"initial": draw(tenths)},
                "y": {"initial": 0.25},
                "w": {"window": 2, "initial": draw(tenths)},
            },
            "body": [
                *body,
                *draft.closing(),
                {"measure": {"atoms": "all" if not late else list(draft.subset()), "key": "last"}},
                {"set": {"y": "y + mean(w)"}},
            ],
        }
    )


TILTED = ((30.0, 0.0, 0.0), (10.0, -5.0, 20.0), (0.0, 3.0, 0.0))
"""Magnetic fields (G) that are not along z."""


def register(family: str, atoms: tuple[str, ...], features: frozenset[str]) -> dict[str, Any]:
    """Return where the atoms are: in a zigzag, in space, or in the traps of a layout."""
    if "layout" in features:
        traps = {"layout": "triangular_lattice", "n_traps": 61, "spacing_um": 7}
        return {"traps": traps, "trap_ids": dict(zip(atoms, (30, 31, 39), strict=False))}
    spacing = SPACING_UM[family]
    places = {name: [spacing * i, 1.5 * (i % 2)] for i, name in enumerate(atoms)}
    if "space" in features:
        places = {name: [*place, 4.0 * i] for i, (name, place) in enumerate(places.items())}
    return {"atoms": places}


TOO_LONG = ("exceeded the maximum duration allowed by the device", "the longest sequence of")
"""What the run, or the check before it, says of a sequence that a device does not take."""


@contextmanager
def if_a_device_takes_it() -> Iterator[None]:
    """Leave out programs whose rounds are one sequence that is too long: phases of memory decide how long."""
    try:
        yield
    except (RunError, ProgramError) as error:
        assume(not any(rule in str(error) for rule in TOO_LONG))
        raise
