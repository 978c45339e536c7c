"""Small random programs for Hypothesis: pulses, gates, measuring, resetting, feedforward on one to three atoms."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from hypothesis import strategies as st

from rydberg_qmem.language.program import Program

Drawn = Any
T = TypeVar("T")
LEVELS = ("rydberg", "digital", "three", "gates", "xy")
SPACING_UM = {"rydberg": 7.0, "digital": 6.0, "three": 6.5, "gates": 5.0, "xy": 16.0}
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
    fields: str = "apart"
    """How pulses of one basis on one atom may overlap: not at all, resonant, or in phase."""

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
            kinds = ("drive", "cycle", "echo") + (("when", "repeat") if depth else ())
            match self.pick(*kinds):
                case "drive":
                    made += self.unitary()
                case "cycle":
                    made += self.cycle()
                case "echo":
                    made += [*self.unitary(), self.cut(), *self.pick(self.virtual, self.delay)(), *self.unitary()]
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

    def cut(self) -> dict[str, Any]:
        """Draw a block that ends a segment and leaves the state alone."""
        return self.pick(
            {"probe": {"atoms": list(self.subset()), "density_matrix": True, "key": self.fresh("p")}},
            {"push": {"w": self.expression()}},
        )

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
        return {"when": {"if": condition, "then": then, "otherwise": otherwise}}

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
        match self.family:
            case "rydberg" | "xy":
                return self.pulse("rydberg_global" if self.family == "rydberg" else "mw_global")
            case "three":
                return self.together()
            case _:
                return self.rotation()

    def unitary(self) -> list[dict[str, Any]]:
        match self.family:
            case "rydberg":
                return self.pick(self.pulse("rydberg_global"), self.pulse("rydberg_local"))
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

    def together(self) -> list[dict[str, Any]]:
        apart: list[dict[str, Any]] = [{"align": {}}] if self.fields == "apart" else []
        return [*apart, *self.pulse("raman_local"), *self.pulse("rydberg_global", **{"with": "previous"})]

    def virtual(self) -> list[dict[str, Any]]:
        if self.family in ("rydberg", "xy"):
            basis = "XY" if self.family == "xy" else "ground-rydberg"
            return [{"phase_shift": {"atoms": "all", "angle": self.expression(), "basis": basis}}]
        return [{"rotate": {"atom": self.pick(*self.atoms), "axis": "z", "angle": self.expression()}}]

    def delay(self) -> list[dict[str, Any]]:
        return [{"delay": {"duration_ns": self.pick(48, 200)}}]

    def rotation(self) -> list[dict[str, Any]]:
        turn = {"atom": self.pick(*self.atoms), "axis": self.pick("x", "y", "z"), "angle": self.expression()}
        return [{"rotate": turn}]

    def gate(self) -> list[dict[str, Any]]:
        if len(self.atoms) == 1:
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
def programs(draw: Drawn, families: tuple[str, ...] = LEVELS, most_atoms: int = 3) -> Program:
    """Draw a small program that passes `check`."""
    family = draw(st.sampled_from(families))
    atoms = ("a", "b", "c")[: draw(st.integers(1, most_atoms))]
    spacing = SPACING_UM[family]
    fields = draw(st.sampled_from(("apart", "resonant", "in phase"))) if family == "three" else "apart"
    draft = Draft(draw, family, atoms, fields=fields)
    body = [*draft.opening(), *draft.phrases(2, 4, 2)]
    return Program.from_dict(
        {
            "name": "drawn",
            "device": "DigitalAnalogDevice" if family == "gates" else "MockDevice",
            "register": {"atoms": {name: [spacing * i, 1.5 * (i % 2)] for i, name in enumerate(atoms)}},
            "memory": {
                "x": {"initial": draw(tenths)},
                "y": {"initial": 0.25},
                "w": {"window": 2, "initial": draw(tenths)},
            },
            "body": [
                *body,
                *draft.unitary(),
                {"measure": {"atoms": "all", "key": "last"}},
                {"set": {"y": "y + mean(w)"}},
            ],
        }
    )
