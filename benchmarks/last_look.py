"""The final measurement of 13 to 20 entangled atoms: peak memory and processor time, and what `estimate` told of them.

Every run is a process of its own: its peak is its VmHWM, libraries and all (0.45 GB with PyTorch).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

RUN = """
import json, sys, time
import rydberg_qmem as rq
atoms, shots, duration_ns, told = json.loads(sys.argv[1])
program = rq.Program(
    name="last_look",
    device="MockDevice",
    register={"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": 6},
    body=[
        {"pulse": {"channel": "rydberg_global", "amplitude": 5, "duration_ns": duration_ns}},
        {"measure": {"atoms": "all", "key": "m"}},
    ],
)
rq.run("rabi", shots=1, seed=1)
began = time.process_time()
if told:
    print(rq.estimate(program, shots=shots).memory_bytes, time.process_time() - began)
else:
    rq.run(program, shots=shots, seed=None if shots is None else 1)
    with open("/proc/self/status") as status:
        [peak] = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    print(int(peak) * 1024, time.process_time() - began)
"""


def measured(atoms: int, shots: int | None, duration_ns: int, *, told: bool) -> tuple[float, float]:
    """Return bytes and seconds of a process: its peak, or what it told."""
    words = [sys.executable, "-W", "ignore", "-c", RUN, json.dumps([atoms, shots, duration_ns, told])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    size, seconds = map(float, done.stdout.split())
    return size, seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, nargs="*", default=list(range(13, 21)))
    parser.add_argument("--duration-ns", type=int, default=300)
    options = parser.parse_args()
    print(f"one pulse of {options.duration_ns} ns and a final measurement of all atoms")
    print(f"  {'atoms':>5} {'shots':>7} {'peak MB':>9} {'told MB':>9} {'seconds':>9} {'told in s':>9}")
    for atoms in options.atoms:
        for shots in (None, 10_000):
            peak, seconds = measured(atoms, shots, options.duration_ns, told=False)
            told, asked = measured(atoms, shots, options.duration_ns, told=True)
            name = "exact" if shots is None else str(shots)
            print(
                f"  {atoms:>5} {name:>7} {peak / 1e6:>9.0f} {told / 1e6:>9.0f} {seconds:>9.2f} {asked:>9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
