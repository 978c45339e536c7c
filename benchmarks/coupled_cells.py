"""Memristor cells coupled by exchange gates, under `ideal`: processor seconds a round, exact and with shots.

Each round a cell takes in light, loses some of it to its ancilla, and is coupled to its neighbours; then all are read.
Early, ancillas are read before the coupling; late, at the round's end: what is recorded has the same law. The seconds
are those of rounds after the first, in which no light comes in; no memory limit is set, so that no pilot runs besides.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import rydberg_qmem as rq
from rydberg_qmem.programs import network

READS = {"exact": None, "shots": 1000}


def program(cells: int, reads: str) -> rq.Program:
    """Return coupled cells whose ancillas are read before their coupling, or after it."""
    made = network(cells, probes=False, device="MockDevice")
    if reads == "early":
        return made
    data = made.to_dict()
    body = data["body"][0]["repeat"]["body"]
    first = next(k for k, block in enumerate(body) if "measure" in block)
    ancillas, rest = body[first : first + 2], body[:first] + body[first + 2 :]
    last = next(k for k, block in enumerate(rest) if "measure" in block)
    data["body"][0]["repeat"]["body"] = [*rest[:last], *ancillas, *rest[last:]]
    return rq.Program.from_dict(data)


def spent(made: rq.Program, rounds: int, shots: int | None) -> float:
    """Return the processor seconds of a run."""
    options: dict[str, Any] = {"emulator": "ideal", "shots": shots, "seed": 1, "max_memory_gb": 1e6}
    began = time.process_time()
    rq.run(made, rounds=rounds, **options)
    return time.process_time() - began


def per_round(made: rq.Program, rounds: int, shots: int | None, times: int) -> float:
    """Return the processor seconds of a round: what more of them cost, the least of several runs of each."""
    few, many = (min(spent(made, count, shots) for _ in range(times)) for count in (2, 2 + rounds))
    return (many - few) / rounds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, nargs="*", default=[6, 9, 12])
    parser.add_argument("--reads", nargs="*", choices=["early", "late"], default=["early", "late"])
    parser.add_argument("--means", nargs="*", choices=list(READS), default=list(READS))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{'cells':>6} {'reads':<6} {'means':<6} {'ms a round':>11} {'memory (MB)':>12}")
    for cells in chosen.cells:
        for reads in chosen.reads:
            for means in chosen.means:
                found = per_round(program(cells, reads), chosen.rounds, READS[means], chosen.times)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
                print(f"{cells:>6} {reads:<6} {means:<6} {1e3 * found:>11.1f} {peak:>12.0f}", flush=True)


if __name__ == "__main__":
    main()
