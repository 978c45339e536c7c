"""One entangled group of many atoms under a Blackman pulse of 400 ns that drives all of them, 7 µm apart.

This engine beside emu-sv (extra `emu`), its samples taken one by one and averaged over its own 10 ns: processor seconds
and the distance of each final state from a converged one, for which the samples are evolved one by one by Chebyshev
expansions, the rest of which is below 1e-10.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from unittest import mock

import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.emulators.emu_sv import EmuSv
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.protocol import Emulator

GRIDS = {10: (2, 5), 12: (3, 4), 14: (2, 7), 15: (3, 5), 16: (4, 4), 18: (3, 6), 20: (4, 5)}
REFERENCE_UP_TO = 16
"""Atoms up to which the converged state is made: it takes minutes beyond."""


def plan(atoms: int) -> Plan:
    """Return the pulse's plan."""
    rows, columns = GRIDS[atoms]
    program = rq.Program(
        name="large_group",
        device="MockDevice",
        register={"layout": "rectangle", "rows": rows, "columns": columns, "spacing_um": 7},
        body=[{"pulse": {"channel": "rydberg_global", "amplitude": {"blackman": {"duration_ns": 400, "area": "pi"}}}}],
    )
    compiled = compile_program(program)
    return plan_segment(next(step for step in compiled.steps if isinstance(step, Segment)), compiled.target)


@contextmanager
def sample_by_sample() -> Iterator[None]:
    """Leave the split operator aside."""
    with mock.patch("rydberg_qmem.emulators.exact._joint._is_global", return_value=False):
        yield


def evolved(emulator: Emulator, made: Plan) -> tuple[State, float]:
    """Return the state after the pulse, from the ground state, and the processor seconds that it took."""
    atoms = len(made.target.atoms)
    ground = np.zeros((1, made.target.dimension), dtype=complex)
    ground[0, -1] = 1.0  # r comes first
    began = time.process_time()
    state = emulator.evolve(made, {}, ground, tuple(range(atoms)))
    return state, time.process_time() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, nargs="*", default=[10, 12, 14, 16])
    beside = find_spec("emu_sv") is not None
    print(f"{'atoms':>7} {'what':<24} {'seconds':>9} {'distance':>9} {'ratio':>7}")
    for atoms in parser.parse_args().atoms:
        made = plan(atoms)
        evolved(Exact(), made)  # what is made once
        found = {"this engine": evolved(Exact(), made)}
        if atoms <= REFERENCE_UP_TO:
            with sample_by_sample():
                found["one by one, converged"] = evolved(Exact(), made)
        if beside:
            found |= {f"emu-sv, {ns} ns": evolved(EmuSv(averaged_ns=ns), made) for ns in (1, 10)}
        wanted = found.get("one by one, converged", found.get("emu-sv, 1 ns", found["this engine"]))[0]
        for what, (state, spent) in found.items():
            error, ratio = np.linalg.norm(state - wanted), spent / found["this engine"][1]
            print(f"{atoms:>7} {what:<24} {spent:>9.2f} {error:>9.1e} {ratio:>7.1f}", flush=True)
    if not beside:
        print("  (emu-sv is not installed: extra emu)")


if __name__ == "__main__":
    main()
