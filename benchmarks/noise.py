"""Decohering atoms and noisy pulses: this engine beside qutip's mesolve and mcsolve, and Pulser's own, in one run.

Run with `python benchmarks/noise.py`; add `--quick` for fewer rounds. The two-port memristor on two atoms of three
levels decays, dephases and feeds back. The chain plays each round's own samples, runs of equal samples in one
call (a call that a spline over 1 ns samples would only make slower), once for each branch (density matrices) or
trajectory that this engine also follows; some calls are timed and scaled up. Five atoms of the bit-flip code then have
Doppler shifts and laser intensities of their own in every shot; QutipBackendV2 plays its one segment of four CNOTs.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
from timing import best_of, seconds, table

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Segment
from rydberg_qmem.emulators.collapse import collapse_operators
from rydberg_qmem.language.noise import Noise

NOISE = {"relaxation_rate": 0.01, "dephasing_rate": 0.02, "hyperfine_dephasing_rate": 0.001}
SHAKEN: dict[str, Any] = {"temperature": 50.0, "amp_sigma": 0.01}
SHOTS = 1000


def pieces(n_in: float, reflectivity: float) -> tuple[list[tuple[Any, float]], list[Any], Any]:
    """Return Hamiltonians and durations (µs) of one round's samples, the collapse operators, and the ground state."""
    import qutip
    from pulser.sampler import sample

    compiled = compile_program(rq.load("two_port_memristor"))
    loop = next(step for step in compiled.steps if isinstance(step, RepeatStep))
    segment = next(step for step in loop.body if isinstance(step, Segment))
    target = compiled.target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sequence = to_pulser(plan_segment(segment, target), {"n_in": n_in, "R": reflectivity})
        samples = sample(sequence).to_nested_dict(all_local=True)["Local"]
    levels = target.levels
    basis = {level: qutip.basis(3, i) for i, level in enumerate(levels)}

    def local(operator: Any, k: int) -> Any:
        return qutip.tensor([operator, qutip.qeye(3)] if k == 0 else [qutip.qeye(3), operator])

    def unit(a: str, b: str) -> Any:
        return basis[a] * basis[b].dag()

    fixed = target.van_der_waals[0, 1] * local(unit("r", "r"), 0) * local(unit("r", "r"), 1)
    columns = []
    for name, pair in (("ground-rydberg", ("g", "r")), ("digital", ("h", "g"))):
        for atom, values in samples[name].items():
            k = target.atoms.index(atom)
            drive = 0.5 * values["amp"] * np.exp(-1j * values["phase"])
            columns.append((local(unit(*pair), k), drive, local(unit(pair[1], pair[1]), k), values["det"]))
    grid = np.stack([x for _, drive, _, det in columns for x in (drive, det)], axis=1)
    edges = [0, *(np.flatnonzero(np.abs(np.diff(grid, axis=0)).max(axis=1)) + 1), len(grid)]
    made = []
    for start, stop in pairwise(edges):
        h = fixed
        for up, drive, here, det in columns:
            h = h + drive[start] * up + np.conj(drive[start]) * up.dag() - det[start] * here
        made.append((h, (stop - start) / 1000))
    collapse = [local(qutip.Qobj(c), k) for c in collapse_operators(levels, Noise(**NOISE), None) for k in (0, 1)]
    return made, collapse, qutip.tensor(basis["g"], basis["g"])


def master_equation() -> None:
    """Play one round of one branch with mesolve."""
    import qutip

    steps, collapse, state = pieces(0.4, 0.5)
    for h, time_us in steps:
        state = qutip.mesolve(h, state, [0, time_us], collapse, options={"nsteps": 100_000}).states[-1]


def monte_carlo(trajectories: int) -> None:
    """Play one round of some trajectories with mcsolve, one after the other: each continues from its own state."""
    import qutip

    steps, collapse, ground = pieces(0.4, 0.5)
    options = {"nsteps": 100_000, "progress_bar": "", "keep_runs_results": True}
    for _ in range(trajectories):
        state = ground
        for h, time_us in steps:
            run = qutip.mcsolve(h, state, [0, time_us], collapse, ntraj=1, options=options)
            state = run.runs_states[0][-1]


def pulser_trajectories(shots: int) -> None:
    """Play the code's CNOTs with QutipBackendV2, lasers and velocities drawn anew for each shot."""
    from pulser import NoiseModel
    from pulser_simulation import QutipBackendV2, QutipConfig

    compiled = compile_program(rq.load("bit_flip_code"))
    loop = next(step for step in compiled.steps if isinstance(step, RepeatStep))
    segment = max((step for step in loop.body if isinstance(step, Segment)), key=lambda step: len(step.blocks))
    config = QutipConfig(noise_model=NoiseModel(**SHAKEN), n_trajectories=shots)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        QutipBackendV2(to_pulser(plan_segment(segment, compiled.target), {}), config=config).run()


def code(shots: int, hardware: str | None = None) -> None:
    """Run one round of the code with the same noise, measurements, resets and corrections too."""
    rq.run("bit_flip_code", shots=shots, seed=1, noise=SHAKEN, hardware=hardware, parameters={"rounds": 1})


def engine(rounds: int, shots: int | None, state: str) -> None:
    """Run the memristor with this engine."""
    rq.run("two_port_memristor", rounds=rounds, shots=shots, seed=1, noise=NOISE, state=state, parameters={"window": 4})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and calls")
    quick = parser.parse_args().quick
    rounds, times = (8, 1) if quick else (24, 3)
    engine(2, 10, "density_matrix")
    one = best_of(times, master_equation)
    mine = best_of(times, lambda: engine(rounds, SHOTS, "density_matrix"))
    distinct = branches(rounds)
    table(
        f"density matrices: two atoms of three levels, {rounds} rounds, {SHOTS} shots",
        [
            ("this engine", mine, 1.0),
            (f"mesolve, once for each of {distinct} settings met", one * distinct, one * distinct / mine),
            ("mesolve, once per shot and round", one * rounds * SHOTS, one * rounds * SHOTS / mine),
        ],
    )
    few = 2 if quick else 5
    each = seconds(lambda: monte_carlo(few)) / few
    jumping = best_of(times, lambda: engine(rounds, SHOTS, "vector"))
    table(
        f"trajectories: the same, {rounds} rounds, {SHOTS} shots",
        [
            ("this engine", jumping, 1.0),
            ("mcsolve, once per shot and round", each * rounds * SHOTS, each * rounds * SHOTS / jumping),
        ],
    )
    code(2)
    ours = best_of(times, lambda: code(SHOTS))
    decaying = best_of(times, lambda: code(SHOTS, "zoned_2024"))
    theirs = seconds(lambda: pulser_trajectories(few)) / few
    table(
        f"five atoms of three levels, one round of the bit-flip code, own noise in each of {SHOTS} shots",
        [
            ("this engine, with measurements and corrections", ours, 1.0),
            ("the same on zoned_2024: atoms decay, wait and are lost", decaying, decaying / ours),
            ("QutipBackendV2, the four CNOTs alone", theirs * SHOTS, theirs * SHOTS / ours),
        ],
    )


def branches(rounds: int) -> int:
    """Return how many distinct settings (round, reflectivity) the shots meet: the least that a chain must compute."""
    record = rq.run("two_port_memristor", rounds=rounds, shots=SHOTS, seed=1, noise=NOISE, parameters={"window": 4})
    return int(sum(len(np.unique(record.R.isel(round=k))) for k in range(rounds)))


if __name__ == "__main__":
    main()
