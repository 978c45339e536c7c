"""Quantum-jump trajectories of one large entangled group, measured and fed back every 400 ns, beside mcsolve.

A grid of two-level atoms 7 µm apart relaxes, dephases and has Doppler shifts of its own in every trajectory. Each round
plays a Blackman pulse of 400 ns on all of them, whose detuning depends on the last outcome of one atom, and reads that
atom. Run with `python benchmarks/large_trajectories.py --trajectories 50 --rounds 2` for a small case; without options,
for 1,000 trajectories of 12 atoms and 10 rounds. qutip plays a few trajectories of one round, and is scaled up.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from pulser.sampler import sample

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Segment
from rydberg_qmem.emulators.collapse import collapse_operators
from rydberg_qmem.emulators.fluctuations import doppler_sigma
from rydberg_qmem.language.noise import Noise

GRIDS = {4: (2, 2), 6: (2, 3), 8: (2, 4), 9: (3, 3), 10: (2, 5), 12: (3, 4), 14: (2, 7)}
NOISE: dict[str, Any] = {"relaxation_rate": 0.01, "dephasing_rate": 0.02, "temperature": 50.0}


def program(atoms: int, rounds: int) -> rq.Program:
    """Return the loop: a pulse on all atoms, and a reading of the first that detunes the next pulse."""
    rows, columns = GRIDS[atoms]
    pulse = {
        "channel": "rydberg_global",
        "amplitude": {"blackman": {"duration_ns": 400, "area": "pi"}},
        "detuning": {"constant": {"duration_ns": 400, "value": "3 * last"}},
    }
    return rq.Program.from_dict(
        {
            "name": "large_trajectories",
            "device": "MockDevice",
            "register": {"layout": "rectangle", "rows": rows, "columns": columns, "spacing_um": 7},
            "memory": {"last": {"initial": 0}},
            "body": [
                {
                    "repeat": {
                        "times": rounds,
                        "body": [
                            {"pulse": pulse},
                            {"measure": {"atoms": "q0", "key": "m"}},
                            {"set": {"last": "m"}},
                        ],
                    }
                }
            ],
        }
    )


def seconds(work: Any) -> float:
    """Return the processor seconds that some work takes, in all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def engine(atoms: int, rounds: int, trajectories: int) -> None:
    """Run the loop with this engine."""
    rq.run(program(atoms, rounds), shots=trajectories, seed=1, noise=NOISE, state="vector")


def pulse_of_one_round(atoms: int) -> tuple[Any, list[Any], Any]:
    """Return qutip's Hamiltonian of the first pulse in pieces of a sample, the collapse operators, and the state."""
    import qutip

    compiled = compile_program(program(atoms, 1))
    loop = next(step for step in compiled.steps if isinstance(step, RepeatStep))
    plan = plan_segment(next(step for step in loop.body if isinstance(step, Segment)), compiled.target)
    omega = np.abs(next(iter(samples_of(plan))))
    levels, target = [qutip.basis(2, k) for k in range(2)], compiled.target

    def local(operator: Any, atom: int) -> Any:
        return qutip.tensor([operator if k == atom else qutip.qeye(2) for k in range(atoms)])

    up, here = levels[1] * levels[0].dag(), levels[0] * levels[0].dag()
    drive = sum(local(0.5 * (up + up.dag()), k) for k in range(atoms))
    counts = [local(here, k) for k in range(atoms)]
    pairs = sum(target.van_der_waals[i, j] * counts[i] * counts[j] for i in range(atoms) for j in range(i))
    shifts = np.random.default_rng(1).normal(size=atoms) * doppler_sigma(NOISE["temperature"])
    fixed = pairs - sum(shift * count for shift, count in zip(shifts, counts, strict=True))
    collapse = collapse_operators(target.levels, Noise.of(NOISE), None)
    operators = [local(qutip.Qobj(one), k) for one in collapse for k in range(atoms)]
    times = np.arange(len(omega) + 1) / 1000
    hamiltonian = qutip.QobjEvo([fixed, [drive, np.append(omega, 0.0)]], tlist=times, order=0)
    return (hamiltonian, times), operators, qutip.tensor([levels[1]] * atoms)


def samples_of(plan: Plan) -> Iterator[Any]:
    """Yield the amplitudes (rad/µs) of the first atom's samples of 1 ns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        local = sample(to_pulser(plan, {"last": 0.0})).to_nested_dict(all_local=True)["Local"]["ground-rydberg"]
    for values in local.values():
        yield values["amp"]


def monte_carlo(made: Any, trajectories: int) -> None:
    """Play the pulse of one round with mcsolve."""
    import qutip

    (hamiltonian, times), collapse, ground = made
    options = {"nsteps": 1_000_000, "progress_bar": "", "store_states": False, "max_step": 0.002}
    qutip.mcsolve(hamiltonian, ground, [0.0, times[-1]], collapse, ntraj=trajectories, options=options)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, default=12, choices=sorted(GRIDS))
    parser.add_argument("--trajectories", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--mcsolve", type=int, default=2, help="qutip's trajectories of one round; 0 for none")
    asked = parser.parse_args()
    engine(4, 1, 2)  # what is loaded once
    count = asked.trajectories * asked.rounds
    began = time.perf_counter()
    mine = seconds(lambda: engine(asked.atoms, asked.rounds, asked.trajectories))
    waited = time.perf_counter() - began
    print(f"{asked.atoms} atoms, {asked.trajectories} trajectories, {asked.rounds} rounds")
    print(f"  {'what':<36} {'processor s':>12} {'ms each round':>14} {'ratio':>8}")
    print(f"  {'this engine':<36} {mine:>12.1f} {1000 * mine / count:>14.2f} {1.0:>8.1f}")
    print(f"    on the clock {waited:.1f} s", flush=True)
    if asked.mcsolve:
        made = pulse_of_one_round(asked.atoms)
        theirs = seconds(lambda: monte_carlo(made, asked.mcsolve)) / asked.mcsolve
        print(f"  {'mcsolve, the pulses alone, scaled up':<36} {theirs * count:>12.1f} {1000 * theirs:>14.2f} "
              f"{theirs * count / mine:>8.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
