"""Small random programs for Hypothesis: pulses, gates, measuring, resetting, feedforward on one to three atoms."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

from rydberg_qmem.language.program import Program

Drawn = Any
LEVELS = ("rydberg", "digital", "three", "gates", "xy")
SPACING_UM = {"rydberg": 7.0, "digital": 6.0, "three": 6.5, "gates": 5.0, "xy": 16.0}
EVENTS = 6
"""How many times a program may measure, rounds counted: the reference follows every branch."""

tenths = st.integers(-30, 30).map(lambda n: n / 10)
amplitudes = st.integers(10, 140).map(lambda n: n / 10)


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

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def bit(self) -> str:
        """Draw the name of a known outcome, or a number in its place."""
        if not self.keys:
            return str(self.pick(0, 1))
        key, atoms = self.pick(*self.keys)
        return f"{key}.{self.pick(*atoms)}" if len(atoms) > 1 else str(key)

    def expression(self) -> float | str:
        """Draw a number, or feedforward from memory, windows, outcomes and counters."""
        number = self.draw(tenths)
        options = [number, "x", f"{number} - y", "mean(w)", f"{number} * {self.bit()}", f"where({self.bit()}, x, 1)"]
        options += [f"{number} + 0.5 * {counter}" for counter in self.counters]
        return self.pick(*options)  # type: ignore[no-any-return]

    def blocks(self, most: int, depth: int) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for _ in range(self.draw(st.integers(1, most))):
            made += self.some(depth)
        return made

    def some(self, depth: int) -> list[dict[str, Any]]:
        kinds = ["unitary", "unitary", "unitary", "measure", "measure", "reset", "set", "push", "probe"]
        kind = self.pick(*kinds, *(("when", "repeat") if depth else ()))
        match kind:
            case "unitary":
                return self.unitary()
            case "measure":
                return self.measure()
            case "reset":
                return [{"reset": {"atoms": list(self.subset())}}]
            case "set":
                return [{"set": {"x": f"clip({self.expression()} + 0.5 * {self.bit()}, -3, 3)", "y": "x"}}]
            case "push":
                return [{"push": {"w": self.expression()}}]
            case "probe":
                return [{"probe": {"atoms": list(self.subset()), "density_matrix": True, "key": self.fresh("p")}}]
            case "when":
                return [self.when(depth - 1)]
            case _:
                return [self.repeat(depth - 1)]

    def fresh(self, letter: str) -> str:
        return f"{letter}{next(self.names)}"

    def subset(self) -> tuple[str, ...]:
        chosen = self.draw(st.permutations(self.atoms))
        return tuple(chosen[: self.draw(st.integers(1, len(chosen)))])

    def measure(self) -> list[dict[str, Any]]:
        atoms, key = self.subset(), self.fresh("m")
        self.events -= self.rounds * len(atoms)
        if self.events < 0:
            return []
        self.keys.append((key, atoms))
        basis = {"basis": "ground-rydberg"} if self.family == "three" and self.pick(True, False) else {}
        return [{"measure": {"atoms": list(atoms), "key": key, **basis}}]

    def when(self, depth: int) -> dict[str, Any]:
        condition = self.pick(f"{self.bit()} == 1", "x > y", "uniform() < 0.3", f"{self.bit()} != {self.bit()}")
        known = list(self.keys)
        then = self.blocks(2, depth)
        self.keys = list(known)  # what only one side measures is not known afterwards
        otherwise = self.blocks(2, depth) if self.pick(True, False) else []
        self.keys = known
        return {"when": {"if": condition, "then": then, "otherwise": otherwise}}

    def repeat(self, depth: int) -> dict[str, Any]:
        counter, times = self.fresh("k"), self.pick(1, 2, 3)
        self.counters.append(counter)
        self.rounds *= times
        body = self.blocks(3, depth)
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
                return self.pick(self.pulse("rydberg_global"), self.pulse("rydberg_local"), self.shift(), self.delay())  # type: ignore[no-any-return]
            case "xy":
                return self.pick(self.pulse("mw_global"), self.shift(), self.delay())  # type: ignore[no-any-return]
            case "digital":
                return self.pick(self.rotation(), self.pulse("raman_local"), self.delay())  # type: ignore[no-any-return]
            case "three":
                pulses = (self.pulse("rydberg_local"), self.pulse("raman_local"), self.pulse("rydberg_global"))
                return self.pick(*pulses, self.rotation(), self.together(), self.delay())  # type: ignore[no-any-return]
            case _:
                return self.pick(self.rotation(), self.rotation(), self.gate())  # type: ignore[no-any-return]

    def pulse(self, channel: str, **more: Any) -> list[dict[str, Any]]:
        duration = self.pick(16, 20, 28)
        made: dict[str, Any] = {"channel": channel, "phase": self.expression(), **more}
        made["amplitude"] = self.draw(waveforms(duration))
        made["detuning"] = self.pick(0, -12.5, self.expression())
        if channel.endswith("_local"):
            made["atoms"] = self.pick(*self.atoms)
        if channel in ("raman_local", "mw_global"):
            made["post_phase_shift"] = self.pick(0, 0.4)
        return [{"pulse": made}]

    def together(self) -> list[dict[str, Any]]:
        return [*self.pulse("raman_local"), *self.pulse("rydberg_global", **{"with": "previous"})]

    def shift(self) -> list[dict[str, Any]]:
        basis = {"rydberg": "ground-rydberg", "xy": "XY"}[self.family]
        return [{"phase_shift": {"atoms": "all", "angle": self.expression(), "basis": basis}}]

    def delay(self) -> list[dict[str, Any]]:
        return [{"delay": {"duration_ns": self.pick(40, 200)}}]

    def rotation(self) -> list[dict[str, Any]]:
        turn = {"atom": self.pick(*self.atoms), "axis": self.pick("x", "y", "z"), "angle": self.expression()}
        return [{"rotate": turn}]

    def gate(self) -> list[dict[str, Any]]:
        if len(self.atoms) == 1:
            return self.rotation()
        control, target = self.draw(st.permutations(self.atoms))[:2]
        return [{self.pick("cz", "cnot"): {"control": control, "target": target, "infidelity": 0.01}}]


@st.composite
def programs(draw: Drawn, families: tuple[str, ...] = LEVELS, most_atoms: int = 3) -> Program:
    """Draw a small program that passes `check`."""
    family = draw(st.sampled_from(families))
    atoms = ("a", "b", "c")[: draw(st.integers(1, most_atoms))]
    spacing = SPACING_UM[family]
    draft = Draft(draw, family, atoms)
    body = [*draft.opening(), *draft.blocks(6, 2)]
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
            "body": [*body, {"measure": {"atoms": "all", "key": "last"}}, {"set": {"y": "y + mean(w)"}}],
        }
    )
