"""The memristor with continuous feedback: every shot has a reflectivity of its own, so no control value comes twice.

Against the naive QutipBackendV2 chain and, where installed, Qiskit Aer running the same loop at gate level (ideal
gates on two qubits, one circuit with mid-circuit measurement and reset; Aer cannot feed a running mean forward, so
its rotation angles are fixed: less work than ours).
"""

from __future__ import annotations

from memristor_loop import aer_seconds, memristor_plan
from timing import best_of, qutip_run, table

import rydberg_qmem as rq

ROUNDS = 100


def program() -> rq.Program:
    """Return the two-port memristor with an exponential memory driven by noise of its own in every shot."""
    body = [
        {"rotate": {"atom": "s", "angle": "2 * asin(sqrt(n_in))"}},
        {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": "R"}},
        {"measure": {"atoms": ["a", "s"], "key": "clicks"}},
        {"reset": {"atoms": ["a", "s"]}},
        {"set": {"R": "clip(0.9 * R + 0.1 * (clicks.a + clicks.s) + 0.01 * (uniform() - 0.5), 0, 1)"}},
    ]
    return rq.Program(
        name="continuous",
        device="DigitalAnalogDevice",
        register={"atoms": {"s": (0, 0), "a": (5, 0)}},
        inputs={"n_in": {"default": "sin(pi * k / 24) ** 2", "rounds": ROUNDS}},
        memory={"R": {"initial": 0.5}},
        body=[{"repeat": {"over": "n_in", "body": body}}],
    )


def main() -> None:
    """Print the table."""
    rq.run(program(), shots=5, seed=1)
    plan = memristor_plan()
    naive = best_of(10, lambda: qutip_run(plan, {"n_in": 0.4, "R": 0.5}))
    for shots in (1000, 10_000):
        mine = best_of(3, lambda shots=shots: rq.run(program(), shots=shots, seed=1))  # type: ignore[misc]  # bound now
        chain = naive * ROUNDS * shots
        rows = [("this engine (pulses)", mine, 1.0), ("naive QutipBackendV2 chain (scaled)", chain, chain / mine)]
        aer = aer_seconds(shots)
        if aer is not None:
            rows.append(("Qiskit Aer, ideal gates, feedback by bits only", aer, aer / mine))
        table(f"continuous feedback, {ROUNDS} rounds × {shots} shots", rows)
        if aer is None:
            print("  Qiskit Aer is not installed: skipped")


if __name__ == "__main__":
    main()
