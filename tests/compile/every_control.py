"""Random programs in which every number that a block can take from memory is taken from it, now and then too large."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Any, TypeVar

import rydberg_qmem as rq

ATOMS = {"a": [0, 0], "b": [7, 0], "c": [0, 8]}
TIMES = ("x", "y", "mean(w)", "w[1]", "p", "q")
NUMBERS = ("0", "0.5", "1", "2", "3", "0.25", "7.5", "-1", "-2")
Block = dict[str, Any]
T = TypeVar("T")


def strict_device() -> Any:
    """Return DigitalAnalogDevice with limits that it has not: weak light, short sequences, all atoms together."""
    import pulser

    plain = pulser.DigitalAnalogDevice.to_virtual()
    wide = plain.channels["rydberg_global"]
    channels = tuple(
        replace(wide, min_avg_amp=0.5, max_duration=400) if c is wide else c for c in plain.channel_objects
    )
    maps = tuple(replace(c, total_bottom_detuning=-150, min_avg_abs_detuning=0.5) for c in plain.dmm_channels.values())
    return replace(plain, channel_objects=channels, dmm_objects=maps, max_sequence_duration=2000)


@dataclass
class Draft:
    """A program while it grows: the names that have a value here, and how bold its numbers are."""

    random: Random
    device: str
    bold: bool
    known: list[str] = field(default_factory=lambda: [*TIMES])
    fresh: Any = field(default_factory=count)

    def pick(self, *options: T) -> T:
        return self.random.choice(options)

    # --- numbers ---

    def number(self, depth: int = 2) -> str:
        """Draw an expression of anything that is known."""
        if depth == 0 or self.random.random() < 0.25:
            return self.pick(*self.known, *self.known, self.pick(*NUMBERS))

        def inner() -> str:
            return self.number(depth - 1)

        one = self.pick("abs", "sin", "cos", "tanh", "floor", "exp", "sign", "atan", "-")
        some = self.pick("sqrt", "log")  # not of every number
        several = self.pick("min", "max", "atan2")
        return self.pick(
            f"({inner()} {self.pick('+', '-', '*', '*')} {inner()})",
            f"({inner()} {self.pick('<', '<=', '==', '>', '!=')} {inner()})",
            f"({inner()} {self.pick('and', 'or')} {inner()})",
            f"({inner()} / max(1, {inner()}))",
            f"({inner()}) ** {self.pick(2, 3)}",
            f"({inner()}) % {self.pick(1, 2, 15)}",
            f"{one}({inner()})",
            f"{some}({inner()})" if self.bold else f"{some}(0.01 + abs({inner()}))",
            f"{several}({inner()}, {inner()})",
            f"where({inner()}, {inner()}, {inner()})",
            f"clip({inner()}, {self.pick(-2, 0)}, {self.pick(1, 12)})",
        )

    def part(self) -> str:
        """Draw an expression between 0 and 1, in one of the ways that users write one."""
        inner = self.number()
        return self.pick(
            f"clip({inner}, 0, 1)",
            f"min(1, max(0, {inner}))",
            f"(1 + sin({inner})) / 2",
            f"abs(tanh({inner}))",
            f"abs({inner}) % 1",
            f"1 / (1 + abs({inner}))",
            f"where({inner} > 1, 0.3, 0.9)",
            "clip(x, 0, 1)",
            "mean(w)",
        )

    def level(self, most: float, least: float = 0.0) -> str:
        """Draw a level that keeps within two limits; of a bold program, one that few histories break."""
        part = self.part()
        if self.bold and self.random.random() < 0.4:
            return self.pick(
                f"{most * 1.2:g} * ({part})", f"{most:g} * (x + {part}) / 2", f"{most / 3:g} * ({self.number()})",
                f"{most:g} * ({part}) + 0.1 - 0.3 * x",
            )  # fmt: skip
        return f"{least:g} + {(most - least) * self.pick(0.5, 0.9, 1.0):g} * ({part})"

    def duration(self) -> int | str:
        """Draw a duration on a clock of 4 ns; of a bold program, one that few histories take off it."""
        bits = [name for name in self.known if name[0] == "m"] or ["0"]
        if self.bold and self.random.random() < 0.2:
            return f"{self.pick(18, 16, 12)} + {self.pick(2, 4)} * floor(3 * ({self.part()}))"
        options: tuple[int | str, ...] = (
            16, 20, 52, f"16 + 4 * {self.pick(*bits)}", f"where({self.number()} > 0, 20, 40)",
            f"16 + 4 * floor(5 * ({self.part()}))", f"20 + 8 * {self.pick(*bits)} + 4 * {self.pick(*bits)}",
        )  # fmt: skip
        return self.pick(*options)

    # --- blocks ---

    def wave(self, most: float, least: float = 0.0) -> Block:
        """Draw a waveform of any kind."""
        timed: Block = {"duration_ns": self.duration()}

        def level() -> str:
            return self.level(most, least)

        kind = self.pick("constant", "constant", "area", "ramp", "blackman", "kaiser", "interpolated", "custom", "both")
        match kind:
            case "constant":
                return {"constant": timed | {"value": level()}}
            case "area":
                return {"constant": timed | {"area": f"0.016 * ({level()})"}}
            case "ramp":
                return {"ramp": timed | {"start": level(), "stop": level()}}
            case "blackman" | "kaiser":
                return {kind: timed | {"area": f"0.016 * {self.pick(0.2, 0.4)} * ({level()})"}}
            case "interpolated":
                return {"interpolated": timed | {"values": [f"{least:g}", level(), level(), f"{least:g}"]}}
            case "custom":
                return {"custom": {"samples": [0.5, 1.0] * 8, "scale": level()}}
            case _:
                return {"composite": [{"constant": {"duration_ns": 16, "value": level()}} for _ in range(2)]}

    def pulse(self) -> list[Block]:
        """Draw a pulse on any channel."""
        channels = {"rydberg_global": 15.7, "rydberg_local": 60.0, "raman_local": 60.0}
        if self.device == "AnalogDevice":
            channels = {"rydberg_global": 12.5}
        channel = self.pick(*channels)
        made: Block = {"channel": channel, "amplitude": self.wave(channels[channel])}
        if channel.endswith("_local"):
            made["atoms"] = self.pick(*ATOMS)
        turning = self.random.random()
        if turning < 0.1:
            made["phase"] = {"ramp": {"duration_ns": 16, "start": 0, "stop": self.level(2)}}
        else:
            made["detuning"] = self.pick("0", self.level(125, -125), self.level(20, -20))
            made["phase"] = self.pick("0", self.number())
        if self.random.random() < 0.2:
            made["post_phase_shift"] = self.number()
        return [{"pulse": made}]

    def plain(self) -> list[Block]:
        """Draw a pulse of plain levels and a duration of its own."""
        made: Block = {"channel": "rydberg_global", "amplitude": self.level(12.5), "detuning": self.level(100, -100)}
        return [{"pulse": made | {"duration_ns": self.duration()}}]

    def shaded(self) -> list[Block]:
        """Draw a detuning map, beside a pulse or alone."""
        weights = {atom: self.pick(0.25, 0.5, 1) for atom in ATOMS if self.random.random() < 0.8} or {"a": 1}
        shape = self.wave(0, -120)
        return [*self.plain(), {"detuning_map": {"weights": weights, "detuning": shape}}, self.memory()]

    def modulated(self) -> list[Block]:
        """Draw pulses in EOM mode, whose setpoint and durations are fed back."""
        on = {"channel": "rydberg_global"}
        made: list[Block] = [{"enable_eom_mode": on | {"amp_on": self.level(12.5, 2), "detuning_on": self.level(20)}}]
        for _ in range(self.pick(1, 2)):
            made.append({"add_eom_pulse": on | {"duration_ns": self.duration(), "phase": self.number()}})
            made.append({"delay": on | {"duration_ns": self.pick(20, self.duration())}})
        if self.random.random() < 0.5:
            made += [{"modify_eom_setpoint": on | {"amp_on": self.level(12.5, 2)}}]
            made += [{"add_eom_pulse": on | {"duration_ns": 20}}]
        return [*made, *self.pick([self.memory()], [{"disable_eom_mode": on}, *self.plain()])]

    def gate(self) -> list[Block]:
        """Draw a gate or a cell whose angle or strength is fed back."""
        one, other = self.random.sample(sorted(ATOMS), 2)
        pair = {"system": one, "ancilla": other}
        strength = self.number() if self.bold and self.random.random() < 0.4 else self.part()
        return [
            self.pick(
                {"rotate": {"atom": one, "angle": self.number(), "axis": self.pick("x", "y", "z")}},
                {"rotate": {"atom": one, "angle": self.number(), "basis": "ground-rydberg", "shape": "blackman"}},
                {"cphase": {"control": one, "target": other, "angle": self.number(), "infidelity": 1e-2}},
                {"exchange": {"atoms": [one, other], "angle": self.number(), "infidelity": 1e-2}},
                {"damp": pair | {"probability": strength}},
                {"beam_splitter": pair | {"reflectivity": strength}},
                {"weak_measure": pair | {"strength": strength, "key": self.key([])}},
            )
        ]

    def wait(self) -> list[Block]:
        shift = {"atoms": "all", "angle": self.number(), "basis": "ground-rydberg"}
        return [self.pick({"delay": {"duration_ns": self.duration()}}, {"phase_shift": shift})]

    def drive(self) -> list[Block]:
        """Draw some blocks that play something."""
        if self.device == "AnalogDevice":
            return self.pick(self.pulse, self.plain, self.modulated, self.modulated, self.wait)()
        return self.pick(self.pulse, self.pulse, self.pulse, self.plain, self.shaded, self.gate, self.wait)()

    # --- outcomes, memory, branches and loops ---

    def key(self, atoms: list[str]) -> str:
        """Return a new key, whose outcomes are known from here on."""
        key = f"m{next(self.fresh)}"
        self.known += [f"{key}.{atom}" for atom in atoms] if len(atoms) > 1 else [key] * len(atoms)
        return key

    def look(self) -> list[Block]:
        atoms = self.random.sample(sorted(ATOMS), self.pick(1, 2))
        basis = {"basis": "ground-rydberg"}
        made: list[Block] = [{"measure": {"atoms": atoms, "key": self.key(atoms)} | basis}]
        return made + ([{"reset": {"atoms": self.pick("all", atoms)}}] if self.random.random() < 0.5 else [])

    def memory(self) -> Block:
        """Draw an update of memory: one that forgets, one that counts, any."""
        bits = [name for name in self.known if name[0] == "m"] or ["0"]
        bit = self.pick(*bits)
        return self.pick(
            {"set": {"x": f"x / 2 + {bit} / 2"}},
            {"set": {"x": self.part()}},
            {"set": {"y": self.number()}},
            {"set": {"x": f"clip(x + 0.2 * ({bit} - 0.5), 0, 1)", "y": f"max(y, {self.number()})"}},
            {"set": {"y": f"min(y + {bit}, 3)"}},
            {"push": {"w": self.pick(bit, self.part())}},
            {"push": {"w": bit}},
            {"set": {self.pick("x", "y"): self.pick("uniform()", "abs(normal())", "ensemble_mean(x)")}},
        )

    def choice(self, depth: int) -> Block:
        before = [*self.known]
        then = self.phrases(depth - 1)
        self.known = [*before]
        otherwise = self.phrases(depth - 1) if self.random.random() < 0.6 else [self.memory()]
        self.known = before
        return {
            "when": {"if": self.pick(f"{self.number()} > 0.5", self.number()), "then": then, "otherwise": otherwise}
        }

    def loop(self, depth: int) -> Block:
        counter = f"k{next(self.fresh)}"
        self.known.append(counter)
        body = self.phrases(depth - 1)
        self.known.remove(counter)
        return {"repeat": {"times": self.pick(2, 3, "rounds"), "counter": counter, "body": body}}

    def phrases(self, depth: int) -> list[Block]:
        made: list[Block] = []
        for _ in range(self.pick(1, 2, 3) if depth else 1):
            match self.pick("drive", "drive", "drive", "look", "memory", *(["choice", "loop"] if depth else [])):
                case "drive":
                    made += self.drive()
                case "look":
                    made += self.look()
                case "memory":
                    made.append(self.memory())
                case "choice":
                    made.append(self.choice(depth))
                case _:
                    made.append(self.loop(depth))
        return made


def everything_fed_back(random: Random) -> rq.Program:
    """Return a random program: one that loops over an input, on one of four devices."""
    device = random.choice(("DigitalAnalogDevice", "DigitalAnalogDevice", "AnalogDevice", "strict", "MockDevice"))
    draft = Draft(random, device, bold=random.random() < 0.35)
    before = [*draft.plain(), *draft.look(), *draft.drive()] if random.random() < 0.5 else []
    draft.known += ["u", "k"]
    body = [*draft.plain(), *draft.drive(), *draft.look(), draft.memory(), *draft.phrases(2), draft.memory()]
    return rq.Program(
        name="fed_back",
        device=strict_device() if device == "strict" else device,
        register={"atoms": ATOMS},
        parameters={"p": random.choice((0.3, 1, 2)), "q": random.choice((0, -0.5, 5)), "rounds": 2},
        memory={"x": {"initial": 0.5}, "y": {"initial": random.choice((0, 1))}, "w": {"window": 3, "initial": 0.5}},
        inputs={"u": {"default": "k / 4", "rounds": random.choice((1, 2, 4, 6))}},
        body=[*before, {"repeat": {"over": "u", "body": body}}],
    )
