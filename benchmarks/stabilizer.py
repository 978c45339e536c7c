"""A surface code with feedforward of corrections: stabiliser states beside Stim's own tableau loop, written by hand.

    python benchmarks/stabilizer.py --distance 7 --rounds 7 --shots 100000 --by-hand 300

Each round resets the syndrome atoms, maps the checks onto them, reads them with errors, and turns data atoms as the
bits say: each check that reads 1 is moved to the nearest edge. Meanwhile data atoms dephase. Both loops do the same;
processor seconds, those of the loop by hand scaled to the same number of shots.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rydberg_qmem as rq

SPACING_UM = 6.0
READ, DEPHASE = 0.002, 0.004
"""Chance of a misread bit, and part of the coherence that data atoms lose while others are read."""
Site = tuple[int, int]


@dataclass(frozen=True)
class Code:
    """A rotated surface code: data atoms, checks of both kinds by their atoms, and what moves each check to an edge."""

    distance: int
    checks: dict[str, dict[str, tuple[str, ...]]]
    moves: dict[str, dict[str, tuple[str, ...]]]
    places: dict[str, tuple[float, float]]

    @property
    def data(self) -> list[str]:
        return [f"d{i}_{j}" for i in range(self.distance) for j in range(self.distance)]

    @property
    def syndrome(self) -> list[str]:
        return [*self.checks["x"], *self.checks["z"]]


def code(distance: int) -> Code:
    """Return a code; checks of Z stand at the top and bottom edge, those of X at the left and right one."""
    checks: dict[str, dict[str, tuple[str, ...]]] = {"x": {}, "z": {}}
    places = {f"d{i}_{j}": (SPACING_UM * i, SPACING_UM * j) for i in range(distance) for j in range(distance)}
    for i in range(distance + 1):
        for j in range(distance + 1):
            kind = "x" if (i + j) % 2 else "z"
            around = ((i - 1, j - 1), (i - 1, j), (i, j - 1), (i, j))
            here = tuple(f"d{a}_{b}" for a, b in around if 0 <= a < distance and 0 <= b < distance)
            at_side, at_top = i in (0, distance), j in (0, distance)
            if len(here) == 4 or (len(here) == 2 and (kind == "x" if at_side else at_top and kind == "z")):
                checks[kind][f"{kind}{i}_{j}"] = here
                places[f"{kind}{i}_{j}"] = (SPACING_UM * (i - 0.5), SPACING_UM * (j - 0.5))
    moves = {kind: {name: _way_out(found, name) for name in found} for kind, found in checks.items()}
    return Code(distance, checks, moves, places)


def _way_out(checks: dict[str, tuple[str, ...]], start: str) -> tuple[str, ...]:
    """Return the data atoms of the shortest way from a check to an atom that only one check holds."""
    ways: list[tuple[str, tuple[str, ...]]] = [(start, ())]
    seen = {start}
    for name, way in ways:
        for atom in checks[name]:
            others = [other for other in checks if other != name and atom in checks[other]]
            if not others:
                return (*way, atom)
            for other in others:
                if other not in seen:
                    seen.add(other)
                    ways.append((other, (*way, atom)))
    raise AssertionError("every check has a way to an edge")


def program(made: Code, rounds: int) -> rq.Program:
    """Return the program of a code, all in g at the start, its data read at the end."""
    turned = [{"rotate": {"atom": name, "axis": "y", "angle": "pi / 2"}} for name in made.checks["x"]]
    back = [{"rotate": {"atom": name, "axis": "y", "angle": "-pi / 2"}} for name in made.checks["x"]]
    maps = [
        {"cnot": {"control": name, "target": atom} if kind == "x" else {"control": atom, "target": name}}
        for kind, found in made.checks.items()
        for name, atoms in found.items()
        for atom in atoms
    ]
    steps = [{"reset": {"atoms": made.syndrome}}, *turned, *maps, *back]
    read = {"measure": {"atoms": made.syndrome, "key": "s"}}
    repeat = {"repeat": {"times": rounds, "body": [*steps, read, *_corrections(made)]}}
    return rq.Program(
        name="surface_code", device="MockDevice", register={"atoms": made.places},
        body=[repeat, {"measure": {"atoms": made.data, "key": "data"}}],
    )  # fmt: skip


def _corrections(made: Code) -> list[Any]:
    """Return turns of data atoms by π for each check that reads 1 and whose way goes by them."""
    blocks: list[Any] = []
    for kind, axis in (("x", "z"), ("z", "x")):
        for atom in made.data:
            bits = [f"s.{name}" for name, way in made.moves[kind].items() if atom in way]
            if bits:
                blocks.append({"rotate": {"atom": atom, "axis": axis, "angle": f"pi * ({' + '.join(bits)})"}})
    return blocks


def by_hand(made: Code, rounds: int, shots: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return syndromes (shots, rounds, checks) and data (shots, atoms) of Stim's tableau simulator, shot by shot."""
    import stim

    number = {name: k for k, name in enumerate((*made.data, *made.syndrome))}
    ancillas, data = [number[name] for name in made.syndrome], [number[name] for name in made.data]
    round_ = stim.Circuit()
    round_.append("R", ancillas)
    round_.append("H", [number[name] for name in made.checks["x"]])
    for kind, found in made.checks.items():
        for name, atoms in found.items():
            for atom in atoms:
                pair = [number[name], number[atom]]
                round_.append("CX", pair if kind == "x" else pair[::-1])
    round_.append("H", [number[name] for name in made.checks["x"]])
    round_.append("M", ancillas, READ)
    round_.append("Z_ERROR", data, DEPHASE / 2)
    moves = {
        kind: np.array([[atom in made.moves[kind].get(name, ()) for name in made.syndrome] for atom in made.data], int)
        for kind in "xz"
    }
    seen = np.zeros((shots, rounds, len(ancillas)), dtype=bool)
    last = np.zeros((shots, len(data)), dtype=bool)
    for shot in range(shots):
        state = stim.TableauSimulator(seed=seed + shot)
        for k in range(rounds):
            state.do(round_)
            bits = np.array(state.current_measurement_record()[-len(ancillas) :])
            state.z(*np.flatnonzero(moves["x"] @ bits % 2))
            state.x(*np.flatnonzero(moves["z"] @ bits % 2))
            seen[shot, k] = bits
        last[shot] = state.measure_many(*data)
        last[shot] ^= np.random.default_rng(seed + shot).random(len(data)) < READ
    return seen, last


def logical(made: Code, data: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the logical Z of each shot: the parity of a line of data atoms, from edge to edge."""
    line = [k for k, name in enumerate(made.data) if name.startswith("d0_")]
    return np.asarray(data[:, line].sum(axis=1) % 2 == 1)


def compare(distance: int, rounds: int, shots: int, hand: int) -> dict[str, float]:
    """Return processor seconds of both for the same number of shots, and how the two agree."""
    made, noise = code(distance), {"p_false_pos": READ, "p_false_neg": READ}
    p, machine = program(made, rounds), {"name": "machine", "spectator_dephasing": DEPHASE}
    rq.run(p, shots=10, seed=0, emulator="stabilizer", noise=noise, hardware=machine)
    by_hand(made, 1, 2, 0)
    began = time.process_time()
    record = rq.run(p, shots=shots, seed=1, emulator="stabilizer", noise=noise, hardware=machine)
    ours = time.process_time() - began
    began = time.process_time()
    seen, last = by_hand(made, rounds, hand, 2)
    theirs = (time.process_time() - began) * shots / hand
    rates = record.s.values[:, -1].mean(), seen[:, -1].mean()
    failed = logical(made, record.data.values).mean(), logical(made, last).mean()
    return {
        "atoms": len(made.places), "ours_s": ours, "by_hand_s": theirs, "ours_syndrome": float(rates[0]),
        "by_hand_syndrome": float(rates[1]), "ours_logical": float(failed[0]), "by_hand_logical": float(failed[1]),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--distance", type=int, nargs="+", default=[3, 5, 7])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--shots", type=int, default=100_000)
    options.add_argument("--by-hand", type=int, default=300, help="shots of the loop by hand, scaled up")
    asked = options.parse_args()
    print("| distance | atoms | stabilizer | Stim's tableau loop | ratio | last syndrome: both | logical 1: both |")
    print("|---|---|---|---|---|---|---|")
    for distance in asked.distance:
        row = compare(distance, asked.rounds, asked.shots, asked.by_hand)
        print(
            f"| {distance} | {row['atoms']:.0f} | {row['ours_s']:.2f} s | {row['by_hand_s']:.1f} s | "
            f"{row['ours_s'] / row['by_hand_s']:.3f} | {row['ours_syndrome']:.4f}, {row['by_hand_syndrome']:.4f} | "
            f"{row['ours_logical']:.4f}, {row['by_hand_logical']:.4f} |"
        )


if __name__ == "__main__":
    main()
