"""The two-port memristor, 1,000 shots × 100 rounds: this engine, hand-written NumPy, and the naive Pulser loop.

Run with `python benchmarks/memristor_loop.py`; add `--quick` for fewer repetitions, and `--cpu` to compare processor
seconds, summed over threads, where other programs slow the machine. All three play the same pulses on
DigitalAnalogDevice. Where Qiskit Aer is installed, it runs the loop at gate level: ideal gates on two qubits, and
mid-circuit measurement, reset by conditional X; it cannot feed a running mean forward, so its angles are fixed, less
work. The naive loop runs one QutipBackendV2 per shot, round and segment; 50 of its rounds are timed and
scaled up.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Segment

ROUNDS, WINDOW = 100, 9
Clock = Callable[[], float]
C6 = 5420158.53  # rad/µs µm⁶, Pulser's coefficient for n = 70


def program() -> rq.Program:
    """Return the ready sequence, 100 rounds long."""
    return rq.load("two_port_memristor")


def this_engine(shots: int) -> float:
    """Return the mean of the last output over shots, by this engine."""
    record = rq.run(program(), shots=shots, seed=1, rounds=ROUNDS)
    return float(record.clicks.sel(clicks_atom="s").mean())


def hand_written(shots: int) -> float:
    """Evolve every shot's nine amplitudes with NumPy, pulse by pulse: what one would write for this one program."""
    rng = np.random.default_rng(1)
    n_in = np.sin(np.pi * np.arange(ROUNDS) / 24) ** 2
    seen, total = np.full((shots, WINDOW), 0.5), 0.0
    plan = cz_timing()
    for k in range(ROUNDS):
        reflect = np.clip(seen.mean(axis=1), 0, 1)
        theta = np.arcsin(np.sqrt(reflect))
        psi = np.zeros((shots, 3, 3), dtype=complex)  # levels r, g, h of (s, a)
        psi[:, 1, 1] = 1
        psi = raman(psi, 1, np.full(shots, 2 * np.arcsin(np.sqrt(n_in[k]))))
        psi = raman(psi, 2, -theta)
        psi = cz(psi, 1, 2, plan)
        psi = raman(psi, 2, theta)
        psi = raman(psi, 1, np.full(shots, -np.pi / 2))
        psi = cz(psi, 2, 1, plan)
        psi = raman(psi, 1, np.full(shots, np.pi / 2))
        p = np.abs(psi) ** 2
        p_s, p_a = p[:, 2, :].sum(axis=1), p[:, :, 2].sum(axis=1)
        both = p[:, 2, 2]
        u = rng.random(shots)
        ladder = np.cumsum(np.stack([1 - p_s - p_a + both, p_s - both, p_a - both], axis=1), axis=1)
        outcome = (u[:, None] >= ladder).sum(axis=1)  # neither, s, a, both
        s, a = np.isin(outcome, (1, 3)), np.isin(outcome, (2, 3))
        seen = np.concatenate([(s + a)[:, None].astype(float), seen[:, :-1]], axis=1)
        total += s.mean()
    return total / ROUNDS


def cz_timing() -> tuple[float, float, float]:
    """Return Rabi frequency, π time (µs) and interaction of the CZ that the compiler chooses at 5 µm."""
    interaction = C6 / 5.0**6
    duration = np.ceil(1000 * np.pi / (interaction * np.sqrt(1e-4 / 0.370)) / 4) * 4 / 1000
    return np.pi / duration, duration, interaction


def raman(psi: np.ndarray, axis: int, angle: np.ndarray) -> np.ndarray:
    """Rotate g-h of one atom about y."""
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    out, view = psi.copy(), np.moveaxis(psi, axis, -1)
    new = np.moveaxis(out, axis, -1)
    new[..., 1] = c[:, None] * view[..., 1] - s[:, None] * view[..., 2]
    new[..., 2] = s[:, None] * view[..., 1] + c[:, None] * view[..., 2]
    return out


def rydberg(psi: np.ndarray, axis: int, rabi: float, time_us: float, interaction: float) -> np.ndarray:
    """Drive g-r of one atom; the other atom in r shifts it."""
    out, view = psi.copy(), np.moveaxis(psi, axis, -1)
    new = np.moveaxis(out, axis, -1)
    for level, shift in ((0, interaction), (1, 0.0), (2, 0.0)):
        w = np.hypot(rabi, shift)
        c, s = np.cos(w * time_us / 2), np.sin(w * time_us / 2) / w
        phase = np.exp(-0.5j * shift * time_us)
        g, r = view[:, level, 1], view[:, level, 0]
        new[:, level, 1] = phase * ((c + 1j * shift * s) * g - 1j * rabi * s * r)
        new[:, level, 0] = phase * ((c - 1j * shift * s) * r - 1j * rabi * s * g)
    return out


def cz(psi: np.ndarray, control: int, target: int, plan: tuple[float, float, float]) -> np.ndarray:
    """Apply π on the control, 2π on the target, π on the control."""
    rabi, duration, interaction = plan
    psi = rydberg(psi, control, rabi, duration, interaction)
    psi = rydberg(psi, target, rabi, 2 * duration, interaction)
    return rydberg(psi, control, rabi, duration, interaction)


def naive_seconds(rounds: int, shots: int, clock: Clock = time.perf_counter) -> float:
    """Return the time that one QutipBackendV2 run per shot and round would take, from `rounds` timed ones."""
    from pulser.backend import StateResult
    from pulser_simulation import QutipBackendV2, QutipConfig

    plan = memristor_plan()
    began = clock()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(rounds):
            scope = {"n_in": 0.1 + 0.8 * k / rounds, "R": 0.5}
            QutipBackendV2(to_pulser(plan, scope), config=QutipConfig(observables=[StateResult()])).run()
    return (clock() - began) / rounds * ROUNDS * shots


def memristor_plan() -> Plan:
    """Return the memristor's one segment, lowered to pulses."""
    compiled = compile_program(program())
    loop = next(step for step in compiled.steps if isinstance(step, RepeatStep))
    segment = next(step for step in loop.body if isinstance(step, Segment))
    return plan_segment(segment, compiled.target)


def aer_seconds(shots: int, times: int = 3, clock: Clock = time.perf_counter) -> float | None:
    """Return Aer's time for the same loop of ideal gates at fixed angles, or None where it is not installed."""
    try:
        from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
        from qiskit_aer import AerSimulator
    except ImportError:
        return None
    bits = ClassicalRegister(2 * ROUNDS)
    circuit = QuantumCircuit(QuantumRegister(2), bits)
    theta = np.arcsin(np.sqrt(0.5))
    for k in range(ROUNDS):
        circuit.ry(2 * np.arcsin(abs(np.sin(np.pi * k / 24))), 0)
        circuit.ry(-theta, 1)
        circuit.cz(0, 1)
        circuit.ry(theta, 1)
        circuit.ry(-np.pi / 2, 0)
        circuit.cz(1, 0)
        circuit.ry(np.pi / 2, 0)
        circuit.measure([0, 1], [2 * k, 2 * k + 1])
        for qubit in (0, 1):
            with circuit.if_test((bits[2 * k + qubit], 1)):
                circuit.x(qubit)
    simulator = AerSimulator(method="statevector")
    return best_of(times, lambda: simulator.run(circuit, shots=shots, seed_simulator=1).result(), clock)[0]


def best_of(times: int, work: Callable[[], Any], clock: Clock = time.perf_counter) -> tuple[float, Any]:
    """Return the shortest time of several runs, and what the last one gave."""
    spent = []
    value: Any = 0.0
    for _ in range(times):
        began = clock()
        value = work()
        spent.append(clock() - began)
    return min(spent), value


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="time fewer naive rounds")
    parser.add_argument("--cpu", action="store_true", help="compare processor seconds")
    options = parser.parse_args()
    clock, times = (time.process_time, 2) if options.cpu else (time.perf_counter, 5)
    this_engine(10)  # imports and caches of the libraries, not of the program
    naive = naive_seconds(10 if options.quick else 50, 1, clock)
    what = ", processor seconds" if options.cpu else ""
    print(f"two-port memristor on DigitalAnalogDevice pulses, {ROUNDS} rounds{what}")
    print(f"{'shots':>7} {'method':<28} {'seconds':>12} {'mean n_out':>11} {'ratio to this engine':>21}")
    for shots in (1000, 10_000):
        mine, out = best_of(times, lambda shots=shots: this_engine(shots), clock)  # type: ignore[misc]  # bound now
        hand, hand_out = best_of(times, lambda shots=shots: hand_written(shots), clock)  # type: ignore[misc]  # bound now
        rows = (
            ("this engine", mine, f"{out:.4f}"),
            ("hand-written NumPy", hand, f"{hand_out:.4f}"),
            ("naive QutipBackendV2 (scaled)", naive * shots, "-"),
        )
        aer = aer_seconds(shots, 1 if options.cpu else 3, clock)
        rows += (("Qiskit Aer, ideal gates, fixed angles", aer, "-"),) if aer is not None else ()
        for name, seconds, value in rows:
            print(f"{shots:>7} {name:<28} {seconds:>12.4f} {value:>11} {seconds / mine:>21.2f}")


if __name__ == "__main__":
    main()
