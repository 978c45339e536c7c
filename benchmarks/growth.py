"""How time grows with shots (10² to 10⁶) and with atoms (2 to 14 under one global drive)."""

from __future__ import annotations

import argparse

import numpy as np
from timing import best_of, seconds

import rydberg_qmem as rq


def atoms_program(count: int) -> rq.Program:
    """Return a chain under one Blackman pulse, measured."""
    return rq.Program(
        name="chain",
        device="MockDevice",
        register={"layout": "rectangle", "rows": 1, "columns": count, "spacing_um": 10},
        body=[
            {"pulse": {"channel": "rydberg_global", "amplitude": {"blackman": {"duration_ns": 400, "area": "pi"}}}},
            {"probe": {"atoms": "all", "occupation": True, "key": "n"}},
        ],
    )


def exponent(sizes: list[float], spent: list[float]) -> list[float]:
    """Return the local exponents d log(time) / d log(size)."""
    return list(np.diff(np.log(spent)) / np.diff(np.log(sizes)))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most-shots", type=int, default=1_000_000)
    most = parser.parse_args().most_shots
    rq.run("two_port_memristor", shots=10, seed=1)
    shots = [n for n in (100, 1000, 10_000, 100_000, 1_000_000) if n <= most]
    spent = [
        best_of(3 if n < 100_000 else 1, lambda n=n: rq.run("two_port_memristor", shots=n, seed=1))  # type: ignore[misc]  # bound now
        for n in shots
    ]
    print(f"\ntwo-port memristor, 48 rounds\n  {'shots':>9} {'seconds':>9} {'exponent':>9}")
    for n, t, e in zip(shots, spent, [float("nan"), *exponent([float(n) for n in shots], spent)], strict=True):
        print(f"  {n:>9} {t:>9.3f} {e:>9.2f}")
    counts = [2, 4, 6, 8, 10, 12, 14]
    times = []
    for count in counts:
        program = atoms_program(count)
        rq.run(program, shots=None)
        times.append(seconds(lambda program=program: rq.run(program, shots=None)))  # type: ignore[misc]  # bound now
    print(f"\none global 400 ns pulse, exact\n  {'atoms':>9} {'seconds':>9} {'per atom':>9}")
    for i, (count, t) in enumerate(zip(counts, times, strict=True)):
        factor = (times[i] / times[i - 1]) ** 0.5 if i else float("nan")
        print(f"  {count:>9} {t:>9.3f} {factor:>8.2f}×")


if __name__ == "__main__":
    main()
