"""What each memristor must show: one figure per promise, computed from its sequence, beside its reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import cos, exp, pi, sin, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.analysis import entanglement, geometry, laws, systems
from rydberg_qmem.analysis.fingerprints import fingerprints
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.analysis.memristivity import memristivity
from rydberg_qmem.cells import coupled, ion_memristor
from rydberg_qmem.execute.run import run

Floats = NDArray[np.float64]
Trust = Literal["found", "from memory", "derived"]
Measured = tuple[float, float]
SHOTS = 4000
SQUID = 1.38975e-3
"""γ0 over the mode's frequency at alpha 1: recomputed from the circuit of the public code."""


@dataclass(frozen=True)
class Figure:
    """One number of one memristor: where its reference comes from, how to get ours, how near it must be.

    `measure(emulator, shots)` returns the number and its statistical error, 0 where shots is None. `sampled` says
    whether it can be had from shots, `pulses` whether it is looked at pulse by pulse.
    """

    row: int
    system: str
    quantity: str
    source: str
    trust: Trust
    reference: float
    tolerance: float
    measure: Callable[[str, int | None], Measured]
    sampled: bool = False
    pulses: bool = True


def settled_pfeiffer(emulator: str, shots: int | None) -> Measured:
    """Return <Z> after many rounds of weak measurement and damping without feedback."""
    values = {"gain": 0, "rounds": 400, "dt": 0.1, "kappa": 0.1, "gamma": 0.2}
    record = _dense("pfeiffer_memristor", emulator, parameters=values)
    return float(record.bloch.sel(bloch_axis="Z").values[-1, 0]), 0.0


def moving_pfeiffer(emulator: str, shots: int | None) -> Measured:
    """Return <Y> at t = 4 of the same."""
    values = {"gain": 0, "rounds": 81, "dt": 0.05, "kappa": 0.05, "gamma": 0.1}
    record = _dense("pfeiffer_memristor", emulator, parameters=values)
    return float(record.bloch.sel(bloch_axis="Y").values[80, 0]), 0.0


def pfeiffer_loop(emulator: str, shots: int | None) -> Measured:
    """Return the area of (V, I) over one period of 32 rounds, with feedback."""
    record = _dense("pfeiffer_memristor", emulator, parameters={"dt": 2 * pi / 32})
    v = record.bloch.sel(bloch_axis="Y").isel(bloch_atom=0)
    return float(hysteresis(record, drive=v, response=v * record.rate, period=32, cycle="first").area), 0.0


def squid(emulator: str, shots: int | None, *, steps: int, alpha: float, phase: float = pi / 2) -> tuple[Floats, Any]:
    """Return V/V0 of one period of the CA-SQUID type, and its record."""
    record = _dense("ca_squid", emulator, parameters={"steps": steps, "alpha": alpha, "phase": phase})
    return -record.bloch.values[:, 0, 0], record


def squid_gap(emulator: str, shots: int | None) -> Measured:
    """Return V/V0 three eighths of a period on."""
    return float(squid(emulator, None, steps=40, alpha=50)[0][15]), 0.0


def squid_form(emulator: str, shots: int | None, *, alpha: float, phase: float, steps: int) -> Measured:
    """Return the form factor of the first loop between zeros of V."""
    values = {"steps": steps, "alpha": alpha, "phase": phase, "periods": 2}
    record = _dense("ca_squid", emulator, parameters=values)
    v = -record.bloch.isel(bloch_atom=0, bloch_axis=0)
    found = memristivity(record, drive=v, response=alpha / 100 * record.rate_now * v)
    return float(found.form_factor[0]), 0.0


def quadratures(emulator: str, shots: int | None) -> Measured:
    """Return X_out at the second rise of the drive, three rounds after its zero."""
    record = _run("quadrature_memristor", emulator, shots)
    bits = record.m.sel(m_atom="s").isel(round=27)
    return _mean_and_error(1 - 2 * bits)


def loop_area(name: str, response: str, emulator: str, shots: int | None, *, flip: bool = False) -> Measured:
    """Return the area of the second period's loop of n_in and the photons passed on."""
    record = _run(name, emulator, shots)
    key, _, atom = response.partition(".")
    out = record[key].sel({f"{key}_atom": atom}, drop=True) if atom else record[key]
    loop = hysteresis(record, drive="n_in", response=1 - out if flip else out, period=24)
    return float(loop.area), float(loop.area_error) if shots else 0.0


def ion_area(emulator: str, shots: int | None) -> Measured:
    """Return the area of the three-level memristor's loop under Gaussian pulses."""
    record = run(ion_memristor(), emulator=emulator, shots=shots, seed=None if shots is None else 1)
    loop = hysteresis(record, drive="n_in", response=1 - record.vacuum - record.click, period=24)
    return float(loop.area), float(loop.area_error) if shots else 0.0


def qutrit_area(emulator: str, shots: int | None) -> Measured:
    """Return the area of the loop of the memristor of one atom: what is neither vacuum nor reflected."""
    record = _run("qutrit_memristor", emulator, shots)
    loop = hysteresis(record, drive="n_in", response=1 - record.vacuum - record.click, period=24)
    return float(loop.area), float(loop.area_error) if shots else 0.0


def largest_area(emulator: str, shots: int | None) -> Measured:
    """Return the largest loop area over windows of 1 to 40 of 96 rounds."""
    sweep = {"window": [34, 35, 36, 37]}
    record = run("photonic_memristor", parameters={"period": 96}, sweep=sweep, shots=None, emulator=emulator)
    return float(hysteresis(record, drive="n_in", response="clicks.s", period=96).area.max()), 0.0


def tap_coherence(emulator: str, shots: int | None) -> Measured:
    """Return <X> behind the weak tap at a quarter period, strength 0.8, over that of a tap-less device with its R."""
    record = _run("weak_tap_memristor", emulator, None)
    return float(record.out_pauli.sel(out_axis="X").values[3, 0]), 0.0


def ion_population(emulator: str, shots: int | None) -> Measured:
    """Return the population of h half-way through the Gaussian Raman pulse of the round of n_in = 0."""
    record = run(ion_memristor(period=4, window=2, pieces=4), shots=None, emulator=emulator, rounds=1)
    return float(record.raman_0.values[0, 0]), 0.0


def polariton(emulator: str, shots: int | None) -> Measured:
    """Return the occupation of the second site after 20 steps."""
    record = _run("polariton_pair", emulator, None, rounds=21)
    return float(record.n.sel(n_atom="two")[20]), 0.0


def polariton_fast(emulator: str, shots: int | None) -> Measured:
    """Return the area of (D/d1, n(1 - n)) for a drive 40 times faster than the hopping, over one period."""
    rounds, omega = 40, 40.0
    values = {"d0": 0, "d1": 1, "omega": omega, "dt": 2 * pi / omega / rounds, "rounds": rounds}
    record = _run("polariton_pair", emulator, None, parameters=values)
    n = record.n.sel(n_atom="two", drop=True)
    return float(hysteresis(record, drive="D", response=n * (1 - n), period=rounds).area), 0.0


def pair_concurrence(emulator: str, shots: int | None, *, damping: float, largest: bool) -> Measured:
    """Return the concurrence of two coupled cells: the largest, or that at kt = 0.8."""
    steps, step = (80, 0.25) if largest else (9, 1.0)
    record = _joint(coupled(2, damping=damping, steps=steps, step=step), emulator)
    values = entanglement.concurrence(record)
    return float(values.max() if largest else values[8]), 0.0


def three_negativity(emulator: str, shots: int | None, *, topology: Any, measure: str) -> Measured:
    """Return a negativity of three coupled cells at kt = π/4, undamped."""
    program = coupled(3, topology=topology, damping=0, steps=41, step=pi / 4 / 0.1 / 40)
    state = _joint(program, emulator, rounds=41)[-1]
    match measure:
        case "N3":
            return float(entanglement.tripartite_negativity(state)), 0.0
        case "end":
            return float(entanglement.negativity(state, [0])), 0.0
        case "middle":
            return float(entanglement.negativity(state, [1])), 0.0
        case _:
            return float(entanglement.monogamy(state)), 0.0


def collision(emulator: str, shots: int | None) -> Measured:
    """Return V at t = π in units with m = ħ = w = 1."""
    record = _dense("guo_memristor", emulator, rounds=31)
    return float(-0.5 * sqrt(0.5) * record.bloch.values[30, 0, 0]), 0.0


def collision_lobe(emulator: str, shots: int | None, *, depth: float) -> Measured:
    """Return the area of one lobe over γ0 V0² at γ0 = 1e-5."""
    values = {"gamma0": 1e-5, "b": 0, "steps": 120, "depth": depth}
    record = _dense("guo_memristor", emulator, parameters=values)
    v = record.bloch.isel(bloch_atom=0, bloch_axis=0)
    return float(hysteresis(record, drive=v, response=v * record.rate_now, period=120).area) / 2, 0.0


def cascade(emulator: str, shots: int | None) -> Measured:
    """Return R2 at the top of the third period's drive."""
    return float(_run("cascaded_memristors", emulator, None).R2.values[60]), 0.0


def crossed(emulator: str, shots: int | None) -> Measured:
    """Return the area of (n_1, out_2) over the second period."""
    record = _run("crossed_memristors", emulator, shots)
    out = record.m.sel(m_atom="s2", drop=True)
    found = hysteresis(record, drive="n_1", response=out, period=24)
    return float(found.area), float(found.area_error) if shots else 0.0


def remote(emulator: str, shots: int | None) -> Measured:
    """Return the concurrence of the remote pair behind its beam splitters."""
    record = _dense("remote_memristors", emulator)
    return float(entanglement.concurrence(entanglement.within(record.rho.values, record.levels)[0])), 0.0


def thermal(emulator: str, shots: int | None) -> Measured:
    """Return the occupation after ten exchanges with a thermal ancilla."""
    return float(_dense("thermal_ancilla", emulator).n.values[10, 0]), 0.0


def classical_lobes(emulator: str, shots: int | None) -> Measured:
    """Return the area of both lobes of the flux-controlled memristor."""
    record = _run("classical_memristor", emulator, None)
    drive, response = _of_loop(record)
    return float(geometry.unsigned_area(drive, response)), 0.0


def classical_exponent(emulator: str, shots: int | None) -> Measured:
    """Return d ln(area)/d ln(frequency) of the fingerprints of the classical memristor."""
    return float(classical_fingerprints(emulator).exponent), 0.0


def classical_fingerprints(emulator: str = "ideal") -> Any:
    """Return the fingerprints of the classical memristor."""
    sweep = {"omega": [1, 2, 4, 8, 16]}
    record = run("classical_memristor", sweep=sweep, shots=None, emulator=emulator, rounds=97)
    return fingerprints(record.isel(round=slice(1, None)), drive="V", response="I", frequency="omega")


def analog_area(emulator: str, shots: int | None) -> Measured:
    """Return the area of both lobes of the memristor that reads only at the end."""
    record = _run("analog_memristor", emulator, shots)
    drive = record.V
    found = hysteresis(record, drive=drive, response=1 - 2 * record.m, period=24)
    return float(found.area), float(found.area_error) if shots else 0.0


def analog_reference() -> float:
    """Return the area of the polygon of that memristor's closed form."""
    k = np.arange(24)
    v = np.sin(2 * pi * k / 24)
    lag = pi * 10 / 24
    depth = sin(pi * 9 / 24) / (9 * sin(pi / 24))
    return float(geometry.unsigned_area(v, v * (1 + depth * np.sin(2 * pi * k / 24 - lag)) / 2))


def _quadrature_reference() -> float:
    depth, lag = sin(pi * 9 / 24) / (9 * sin(pi / 24)), pi * 10 / 24
    phase = 2 * pi * 3 / 24
    return sin(phase) * sqrt((1 - depth * sin(phase - lag)) / 2)


def _cascade_reference() -> float:
    n_in = np.sin(pi * np.arange(72) / 24) ** 2
    out = (1 - laws.discrete_reflectivity(np.arange(72), 24, 9)) * n_in
    return float(out[51:60].mean())


def _tap_reference() -> float:
    """Return sqrt(1 - ε²) <sqrt(1 - R)> <X_in> at round 3 by all histories of three outcomes. Derived."""
    strength, total = 0.8, 0.0
    z = [cos(2 * pi * k / 12) for k in range(3)]
    for history in np.ndindex(2, 2, 2):
        signs = [1 - 2 * bit for bit in history]
        chance = np.prod([(1 + strength * s * value) / 2 for s, value in zip(signs, z, strict=True)])
        seen = [0.5, 0.5, *((1 - s / strength) / 2 for s in signs)]
        total += float(chance) * sqrt(1 - min(1.0, max(0.0, sum(seen) / 5)))
    return sqrt(1 - strength**2) * total


def _pfeiffer_reference() -> float:
    """Return y(4) of the closed form for ω = 1, κ = 0.05, γ = 0.1, x0 = 1, y0 = 0."""
    w = sqrt(1 - 0.05**2)
    return exp(-(0.05 + 0.05) * 4) / w * sin(w * 4)


def _pfeiffer_loop_reference() -> float:
    """Return the loop's area by the map of Bloch vector and memory, step by step."""
    dt, kappa, gamma = 2 * pi / 32, 0.02, 0.1
    x, y, mu, rate = 1.0, 0.0, 0.0, gamma
    kept = cos(2 * sqrt(kappa * dt))
    points = []
    for _ in range(32):
        points.append((y, y * rate))
        x, y = x * cos(dt) - y * sin(dt), x * sin(dt) + y * cos(dt)
        mu += dt * y
        rate = gamma * (1 - sin(mu))
        x, y = x * kept * exp(-rate * dt / 2), y * exp(-rate * dt / 2)
    v, i = np.array(points).T
    return float(geometry.unsigned_area(v, i))


def _of_loop(record: Any) -> tuple[Floats, Floats]:
    """Return V and I of one period; memory is recorded at a round's start, so the last value stands at the end."""
    v = np.append(record.V.values[1:], float(record.V_final))
    i = np.append(record.I.values[1:], float(record.I_final))
    return v, i


def _mean_and_error(values: Any) -> Measured:
    samples = np.atleast_1d(values.values.astype(float))
    error = samples.std(ddof=1) / sqrt(len(samples)) if len(samples) > 1 else 0.0
    return float(samples.mean()), float(error)


def _run(name: str, emulator: str, shots: int | None, **options: Any) -> Any:
    return run(name, emulator=emulator, shots=shots, seed=None if shots is None else 1, **options)


def _dense(name: str, emulator: str, **options: Any) -> Any:
    """Return an exact record by density matrices: what is never read makes no branches."""
    return run(name, emulator=emulator, shots=None, state="density_matrix", **options)


def _joint(program: Any, emulator: str, **options: Any) -> NDArray[np.complex128]:
    record = run(program, emulator=emulator, shots=None, state="density_matrix", **options)
    return entanglement.within(record.rho.values, str(record.levels))[0]


PFEIFFER = "Pfeiffer 2016, Sci. Rep. 6, 29507"
SALMILEHTO = "Salmilehto 2017, Sci. Rep. 7, 42044"
SPAGNOLO = "Spagnolo 2022, Nat. Photonics 16, 318"
STREMOUKHOV = "Stremoukhov 2023, Entropy 25, 1134"
KUMAR_2 = "Kumar 2021, PRA 104, 062605"
KUMAR_3 = "Kumar 2022, PR Applied 18, 034004"
GUO = "Guo 2022, PR Applied 18, 024082"
AREA = float(laws.discrete_loop_area(24, 9))
END, MIDDLE = (float(n) for n in systems.line_negativity(pi / 4))

FIGURES: tuple[Figure, ...] = (
    Figure(1, "weak measurement and damping", "z settled, κ=0.1, γ=0.2", PFEIFFER, "derived",
           0.5, 0.01, settled_pfeiffer),
    Figure(1, "weak measurement and damping", "y at t=4", PFEIFFER, "derived",
           _pfeiffer_reference(), 0.02, moving_pfeiffer),
    Figure(1, "with memory", "loop area of (V, I)", PFEIFFER, "derived",
           _pfeiffer_loop_reference(), 1e-9, pfeiffer_loop),
    Figure(2, "CA-SQUID", "V/V0 at 3/8 period, α=50", SALMILEHTO, "derived",
           float(systems.squid_voltage(2 * pi * 15 / 40, pi / 2, pi / 2, 50 * SQUID)), 1e-9, squid_gap),
    Figure(2, "CA-SQUID", "form factor at θ2=π/2, α=100", SALMILEHTO, "derived", 0.3179, 2e-3,
           partial(squid_form, alpha=100, phase=pi / 2, steps=200), pulses=False),
    Figure(2, "CA-SQUID", "largest form factor, θ2=π/2, α=81", SALMILEHTO, "derived", 0.3235, 2e-3,
           partial(squid_form, alpha=81, phase=pi / 2, steps=200), pulses=False),
    Figure(3, "quadratures", "X_out, X_in=0.707", "Sanz 2018, APL Photonics 3, 080801", "derived",
           _quadrature_reference(), 1e-9, quadratures, sampled=True),
    Figure(4, "photonic, ensemble", "loop area, K=24, W=9", SPAGNOLO, "derived", AREA, 1e-9,
           partial(loop_area, "photonic_memristor", "clicks.s"), sampled=True),
    Figure(4, "photonic, ensemble", "largest loop area", SPAGNOLO, "derived",
           0.28455, 0.02, largest_area, pulses=False),
    Figure(4, "photonic, two ports", "loop area, K=24, W=9", SPAGNOLO, "derived", AREA, 1e-9,
           partial(loop_area, "two_port_memristor", "clicks.s"), sampled=True),
    Figure(4, "photonic, weak tap", "coherence at a quarter period, ε=0.8", SPAGNOLO, "derived", _tap_reference(), 1e-9,
           tap_coherence),
    Figure(4, "photonic, one qutrit", "loop area, K=24, W=9", SPAGNOLO, "derived", AREA, 1e-9,
           qutrit_area, sampled=True),
    Figure(4, "photonic, native cell", "loop area, K=24, W=9", SPAGNOLO, "derived", AREA, 1e-6,
           partial(loop_area, "native_memristor", "vacuum", flip=True), sampled=True),
    Figure(5, "trapped-ion type", "loop area, Gaussian pulses", STREMOUKHOV, "derived",
           AREA, 1e-3, ion_area, sampled=True),
    Figure(5, "trapped-ion type", "h after a quarter of a Gaussian pulse", STREMOUKHOV, "derived",
           sin(pi / 4 * (1 - 0.9661051464753108 / 0.9999779095030014)) ** 2, 1e-5, ion_population),
    Figure(5, "polariton pair", "n_2 at Jt=2, D=J", "Norambuena 2021, arXiv 2108.09382", "derived",
           0.8 * sin(sqrt(5)) ** 2, 1e-6, polariton),
    Figure(5, "polariton pair", "loop area at ω=40 J", "Norambuena 2021, arXiv 2108.09382", "derived", 0.0, 0.02,
           polariton_fast, pulses=False),
    Figure(6, "two coupled", "concurrence at kt=0.8", KUMAR_2, "derived", sin(0.8), 1e-9,
           partial(pair_concurrence, damping=0, largest=False)),
    Figure(6, "two coupled, γ0=0.02", "largest concurrence", KUMAR_2, "derived", 0.6991, 2e-3,
           partial(pair_concurrence, damping=0.02, largest=True)),
    Figure(6, "two coupled, γ0=0.1", "largest concurrence", KUMAR_2, "derived", 0.2819, 2e-3,
           partial(pair_concurrence, damping=0.1, largest=True)),
    Figure(7, "three, triangle", "N3 at kt=π/4", KUMAR_3, "derived", float(systems.triangle_negativity(pi / 4)), 1e-3,
           partial(three_negativity, topology="triangle", measure="N3"), pulses=False),
    Figure(7, "three, line", "N of an end at kt=π/4", KUMAR_3, "derived", END, 1e-3,
           partial(three_negativity, topology="line", measure="end"), pulses=False),
    Figure(7, "three, line", "N of the middle at kt=π/4", KUMAR_3, "derived", MIDDLE, 1e-3,
           partial(three_negativity, topology="line", measure="middle"), pulses=False),
    Figure(8, "collision model", "V at t=π", GUO, "derived", 0.110866, 1e-6, collision),
    Figure(8, "collision model", "lobe over γ0 V0², A=1", GUO, "derived", 0.602337, 1.5e-3,
           partial(collision_lobe, depth=1), pulses=False),
    Figure(8, "collision model", "lobe over γ0 V0², A=0.1", GUO, "derived", 0.066600, 2e-4,
           partial(collision_lobe, depth=0.1), pulses=False),
    Figure(9, "cascade", "R2 at the third maximum", "Di Micco 2025, arXiv 2503.02466", "derived", _cascade_reference(),
           1e-9, cascade),
    Figure(9, "crossed feedback", "area of (n_1, out_2)", "Baldazzi 2026, arXiv 2602.14736", "derived",
           systems.crossed_area(24, 9, pi / 2), 1e-9, crossed, sampled=True),
    Figure(9, "remote pair", "concurrence, R=0.3, 0.5", "Ferrara 2024, arXiv 2409.08979", "derived",
           systems.remote_concurrence(pi / 4, 0.3, 0.5), 1e-9, remote),
    Figure(9, "thermal ancilla", "n after 10 rounds", "textbook", "derived",
           0.3 + (sin(1.25) ** 2 - 0.3) * 0.8**10, 1e-9, thermal),
    Figure(10, "classical, flux-controlled", "area of both lobes, 96 steps", "Chua 1971", "derived",
           systems.flux_polygon(96, 0.5, 1, 1), 1e-9, classical_lobes, pulses=False),
    Figure(10, "classical, flux-controlled", "exponent of area against frequency", "Chua 1971", "derived", -1.0, 1e-9,
           classical_exponent, pulses=False),
    Figure(11, "one atom, global light, one reading", "area of both lobes", "this project", "derived",
           analog_reference(), 1e-9, analog_area, sampled=True),
)  # fmt: skip
