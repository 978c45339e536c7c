"""Long chains under relaxation on matrix-product states: a third of the atoms measured, reset and fed back each round.

Processor seconds of the run, the largest bond dimension and what truncations dropped at the most; with `--beside`, a
short chain on `exact` with the same seed: the largest difference of any atom's mean occupation.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.emulators import EmuMps


def chain(atoms: int, rounds: int, duration_ns: int) -> rq.Program:
    """Return a chain driven by one pulse a round, whose strength the last mean outcome changes."""
    third = [f"q{k}" for k in range(0, atoms, 3)]
    amplitude = {"blackman": {"duration_ns": duration_ns, "area": "2 + x"}}
    body: list[dict[str, Any]] = [
        {"pulse": {"channel": "rydberg_global", "amplitude": amplitude}},
        {"measure": {"atoms": third, "key": "m"}},
        {"reset": {"atoms": third}},
        {"set": {"x": "mean(m)"}},
    ]
    probe = {"probe": {"atoms": "all", "key": "n", "occupation": True, "basis": "ground-rydberg"}}
    return rq.Program(
        name="long_chain",
        device="MockDevice",
        register={"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": 7},
        memory={"x": {"initial": 0}},
        body=[{"repeat": {"times": rounds, "body": body}}, probe],
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, nargs="*", default=[20, 40, 60])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--shots", type=int, default=1)
    parser.add_argument("--duration-ns", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.05, help="of relaxation (1/µs)")
    parser.add_argument("--beside", type=int, default=8, help="atoms of the chain that exact plays, too; 0: none")
    chosen = parser.parse_args()
    noise, emulator = {"relaxation_rate": chosen.rate}, EmuMps(averaged_ns=10)
    options: dict[str, Any] = {"seed": 1, "noise": noise, "state": "vector"}
    if chosen.beside:
        program = chain(chosen.beside, 3, chosen.duration_ns)
        exact = rq.run(program, shots=10, emulator="exact", **options)
        fine = rq.run(program, shots=10, emulator="emu_mps", **options)
        apart = float(np.abs(exact["n"] - fine["n"]).max())
        same = np.array_equal(exact.m, fine.m)
        print(
            f"{chosen.beside} atoms, 3 rounds, 10 shots beside exact: outcomes {'equal' if same else 'differ'}, "
            f"occupations {apart:.1e} apart"
        )
    print(f"{'atoms':>6} {'rounds':>7} {'shots':>6} {'processor s':>12} {'bond':>5} {'dropped at most':>16}")
    for atoms in chosen.atoms:
        began = time.process_time()
        record = rq.run(
            chain(atoms, chosen.rounds, chosen.duration_ns), shots=chosen.shots, emulator=emulator, **options
        )
        spent = time.process_time() - began
        bond, dropped = int(record.mps_max_bond_dim.max()), float(record.mps_truncation_error.max())
        print(f"{atoms:>6} {chosen.rounds:>7} {chosen.shots:>6} {spent:>12.1f} {bond:>5} {dropped:>16.1e}", flush=True)


if __name__ == "__main__":
    main()
