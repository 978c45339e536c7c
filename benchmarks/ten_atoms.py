"""Ten atoms {g, r}, one measured, reset and fed forward in each of 50 rounds of 400 ns Blackman pulses, 200 shots.

Two kinds of feedback: by the last outcome (two control values, whose propagators are kept), and by a running
average (nearly every shot has a value of its own, so states are evolved). Against QutipBackendV2 and, where
installed, emu-sv, for one shot and segment; the accuracy is against QuTiP at rtol 1e-10 on the staircase samples.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from timing import best_of, qutip_run, seconds, table

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Segment
from rydberg_qmem.emulators.exact import Exact

SHOTS = 200


def program(rounds: int, rule: str) -> rq.Program:
    """Return the ten-atom program; `rule` sets the next pulse's detuning from the last outcome."""
    pulse = {
        "channel": "rydberg_global",
        "amplitude": {"blackman": {"duration_ns": 400, "area": "pi"}},
        "detuning": "d",
    }
    body: list[Any] = [
        {"pulse": pulse},
        {"measure": {"atoms": "q5", "key": "m"}},
        {"reset": {"atoms": "q5"}},
        {"set": {"d": rule}},
    ]
    return rq.Program(
        name="ten_atoms",
        device="MockDevice",
        register={"layout": "rectangle", "rows": 1, "columns": 10, "spacing_um": 10},
        memory={"d": {"initial": 0.0}},
        body=[{"repeat": {"times": rounds, "body": body}}],
    )


def plan() -> Plan:
    """Return the pulse's plan."""
    compiled = compile_program(program(1, "2 * m"))
    loop = next(step for step in compiled.steps if isinstance(step, RepeatStep))
    return plan_segment(next(step for step in loop.body if isinstance(step, Segment)), compiled.target)


def infidelity() -> float:
    """Return the infidelity of one segment against QuTiP's solver at tight tolerance, piece by piece."""
    import qutip
    from pulser.sampler import sample

    made = plan()
    state = np.zeros((1, 1024), dtype=complex)
    state[0, -1] = 1
    mine = Exact().evolve(made, {"d": 1.3}, state, tuple(range(10)))[0]
    sequence = to_pulser(made, {"d": 1.3})
    samples = sample(sequence).to_nested_dict(all_local=True)["Local"]["ground-rydberg"]["q0"]
    up, one = qutip.basis(2, 1) * qutip.basis(2, 0).dag(), qutip.basis(2, 0).proj()

    def total(op: Any) -> Any:
        return sum(qutip.tensor([op if k == i else qutip.qeye(2) for k in range(10)]) for i in range(10))

    pairs = qutip.Qobj(np.diag(_interactions(made)), dims=[[2] * 10] * 2)
    drive, count = (total(up + up.dag()) / 2).to("CSR"), total(one).to("CSR")
    amp, det = (np.asarray(samples[key]) for key in ("amp", "det"))
    edges = np.arange(len(amp) + 1) / 1000
    h = qutip.QobjEvo(
        [pairs.to("CSR"), [drive, np.append(amp, 0.0)], [count, -np.append(det, 0.0)]], tlist=edges, order=0
    )
    options = {"rtol": 1e-10, "atol": 1e-12, "nsteps": 10**6, "max_step": 1e-3, "progress_bar": ""}
    psi = qutip.tensor([qutip.basis(2, 1)] * 10)
    final = qutip.sesolve(h, psi, [0, edges[-1]], options=options).states[-1].full().ravel()
    return float(1 - abs(np.vdot(final, mine)) ** 2 / (np.vdot(final, final).real * np.vdot(mine, mine).real))


def _interactions(made: Plan) -> np.ndarray:
    digits = np.indices((2,) * 10).reshape(10, -1) == 0
    strength = made.target.van_der_waals
    return 0.5 * np.einsum("ik,ij,jk->k", digits.astype(float), strength, digits.astype(float))


def emu_sv_seconds() -> float | None:
    """Return the time of one segment on emu-sv, or None where it is not installed."""
    try:
        from emu_sv import SVConfig
        from pulser.backend import StateResult
        from pulser.backends import SVBackend
    except ImportError:
        return None
    sequence = to_pulser(plan(), {"d": 1.3})
    config = SVConfig(observables=[StateResult(evaluation_times=[1.0])], log_level=40, gpu=False)
    return best_of(3, lambda: SVBackend(sequence, config=config).run())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--skip-accuracy", action="store_true")
    options = parser.parse_args()
    rq.run(program(1, "2 * m"), shots=2, seed=1)
    unit = options.rounds * SHOTS
    last = seconds(lambda: rq.run(program(options.rounds, "2 * m"), shots=SHOTS, seed=1)) / unit
    average = seconds(lambda: rq.run(program(options.rounds, "0.7 * d + 0.6 * m"), shots=SHOTS, seed=1)) / unit
    made = plan()
    naive = best_of(3, lambda: qutip_run(made, {"d": 1.3}))
    rows = [
        ("this engine, feedback by the last outcome", last, 1.0),
        ("this engine, feedback by a running average", average, average / last),
        ("QutipBackendV2, over the last outcome", naive, naive / last),
        ("QutipBackendV2, over the running average", naive, naive / average),
    ]
    sv = emu_sv_seconds()
    if sv is not None:
        rows += [("emu-sv, over the last outcome", sv, sv / last), ("emu-sv, over the average", sv, sv / average)]
    table(f"ten atoms, {options.rounds} rounds × {SHOTS} shots: seconds per shot and segment", rows)
    if sv is None:
        print("  emu-sv is not installed (extra `emu`): skipped")
    if not options.skip_accuracy:
        print(f"  infidelity of one segment against QuTiP at rtol 1e-10: {infidelity():.1e}")


if __name__ == "__main__":
    main()
