"""One picture per row of the gallery, each from its sequence."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from pathlib import Path
from typing import Any

import numpy as np

from rydberg_qmem.analysis import entanglement, geometry, laws, systems
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.cells import coupled, ion_memristor, network
from rydberg_qmem.execute.run import run
from rydberg_qmem.gallery.figures import SQUID, classical_fingerprints
from rydberg_qmem.plots.panels import Line, Panel, save_panels


def _exact(program: Any, **options: Any) -> Any:
    return run(program, shots=None, emulator="ideal", **options)


def _dense(program: Any, **options: Any) -> Any:
    return _exact(program, state="density_matrix", **options)


def _states(program: Any) -> Any:
    record = _dense(program)
    return entanglement.within(record.rho.values, str(record.levels))[0]


def _closed(x: Any, y: Any, label: str = "") -> Line:
    return Line(np.append(x, x[0]), np.append(y, y[0]), label)


def pfeiffer() -> list[Panel]:
    """Draw decay without feedback and the loop with it."""
    free = _dense("pfeiffer_memristor", parameters={"gain": 0, "dt": 0.1, "rounds": 160, "kappa": 0.05})
    t = 0.1 * np.arange(160)
    w = np.sqrt(1 - 0.05**2)
    law = np.exp(-0.1 * t) / w * np.sin(w * t)
    loop = _dense("pfeiffer_memristor", parameters={"dt": 2 * pi / 32})
    v = loop.bloch.sel(bloch_axis="Y").values[:, 0]
    return [
        Panel((Line(t, law, "closed form"), Line(t[::6], free.bloch.values[::6, 0, 1], "program", True)), "ω t", "⟨Y⟩"),
        Panel((Line(v, v * loop.rate.values),), "voltage ⟨Y⟩", "current γ(μ)⟨Y⟩ / ω"),
    ]


def salmilehto() -> list[Panel]:
    """Draw V and I of the open loop, and the closed loop."""
    record = _dense("ca_squid", parameters={"steps": 60})
    v, u = -record.bloch.values[:, 0, 0], 2 * pi * np.arange(60) / 60
    law = systems.squid_voltage(u, pi / 2, pi / 2, 100 * SQUID)
    own = _dense("ca_squid_closed")
    w = -own.bloch.values[:, 0, 0]
    return [
        Panel((Line(u, law, "closed form"), Line(u[::3], v[::3], "program", True)), "phase u", "V / V0"),
        Panel((Line(v, v * record.rate_now.values),), "V / V0", "I / I0", "open loop"),
        Panel((Line(w, w * (1 - np.sin(own.flux.values))),), "V / V0", "I / I0", "closed loop"),
    ]


def sanz() -> list[Panel]:
    """Draw the loop of quadratures."""
    record = _exact("quadrature_memristor").isel(round=slice(24, None))
    return [Panel((_closed(record.x_in.values, 1 - 2 * record.m.sel(m_atom="s").values),), "X in", "X out")]


def spagnolo() -> list[Panel]:
    """Draw the photonic loop, its area law, and the weak tap's trade-off."""
    record = _exact("two_port_memristor").isel(round=slice(24, None))
    sweep = _exact("photonic_memristor", sweep={"window": [3, 6, 9, 12, 16, 20, 24, 30, 36]})
    areas = hysteresis(sweep, drive="n_in", response="clicks.s", period=24)
    x = np.linspace(0.05, 1.5, 200)
    strengths = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95]
    taps = _exact("weak_tap_memristor", sweep={"strength": strengths})
    want = laws.discrete_reflectivity(np.arange(12, 24), 12, 5)
    bias = np.abs(taps.R.values[:, 12:] - want).max(axis=1)
    kept = np.abs(taps.out_pauli.sel(out_axis="X").values[..., 12:, 0]).max(axis=1)
    return [
        Panel((_closed(record.n_in.values, record.clicks.sel(clicks_atom="s").values),), "n in", "n out"),
        Panel(
            (Line(x, laws.photonic_loop_area(pi * x), "continuous"), Line(sweep.window / 24, areas.area, "24 rounds", True)),  # noqa: E501
            "window / period", "loop area",
        ),
        Panel((Line(kept, bias, points=True),), "largest coherence out", "largest bias of R", "weak tap"),
    ]  # fmt: skip


def stremoukhov() -> list[Panel]:
    """Draw the three-level loop and the polariton's hopping."""
    record = _exact(ion_memristor()).isel(round=slice(24, None))
    hop = _exact("polariton_pair")
    t = 0.1 * np.arange(50)
    law = 0.8 * np.sin(np.sqrt(5) * t / 2) ** 2
    n = hop.n.sel(n_atom="two").values
    return [
        Panel(
            (_closed(record.n_in.values, 1 - record.vacuum.values - record.click.values),), "x", "y", "trapped-ion type"
        ),
        Panel(
            (Line(t, law, "closed form"), Line(t[::2], n[::2], "program", True)), "J t", "n of site 2", "polariton pair"
        ),
    ]


def kumar_two() -> list[Panel]:
    """Draw the concurrence of two coupled cells and their Bloch length."""
    lines, lengths = [], []
    for damping in (0.0, 0.02, 0.1):
        state = _states(coupled(2, damping=damping, steps=80, step=0.4))
        kt = 0.04 * np.arange(80)
        one = entanglement.reduced(state, [0])
        lines.append(Line(kt, entanglement.concurrence(state), f"γ0 = {damping} ω"))
        lengths.append(Line(kt, 2 * np.abs(one[:, 0, 1]), f"γ0 = {damping} ω"))
    return [Panel(tuple(lines), "k t", "concurrence"), Panel(tuple(lengths), "k t", "amplitude of V / V0")]


def kumar_three() -> list[Panel]:
    """Draw tripartite negativity and voltage of a line and a triangle."""
    panels = []
    for topology in ("line", "triangle"):
        state = _states(coupled(3, topology=topology, damping=0.02, steps=40, step=0.4))
        kt = 0.04 * np.arange(40)
        one = entanglement.reduced(state, [0])
        lines = (
            Line(kt, entanglement.tripartite_negativity(state), "N3"),
            Line(kt, entanglement.monogamy(state), "monogamy"),
            Line(kt, np.abs(one[:, 0, 1]), "|V| / 2V0, end"),
        )
        panels.append(Panel(lines, "k t", "", topology))
    return panels


def guo() -> list[Panel]:
    """Draw the collision model's loop and the lobe against depth."""
    record = _dense("guo_memristor", parameters={"gamma0": 0.02, "b": 0, "steps": 60})
    v = record.bloch.values[:, 0, 0]
    depth = np.linspace(0.05, 1.5, 100)
    return [
        Panel((Line(v, v * record.rate_now.values),), "V / V0", "I / (γ0 V0)"),
        Panel((Line(depth, systems.collision_lobe(depth)),), "depth A = A0 / ω", "lobe / (γ0 V0²)", "closed form"),
    ]


def newer() -> list[Panel]:
    """Draw cascade, crossed feedback and the remote pair."""
    row = _exact("cascaded_memristors").isel(round=slice(48, None))
    s, a2 = (row.m.sel(m_atom=atom).values for atom in ("s", "a2"))
    cross = _exact("crossed_memristors").isel(round=slice(24, None))
    r = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    pair = _dense("remote_memristors", sweep={"R1": r})
    found = [entanglement.concurrence(entanglement.within(rho, str(pair.levels))[0]) for rho in pair.rho.values]
    law = [systems.remote_concurrence(pi / 4, x, 0.5) for x in np.linspace(0, 1, 60)]
    return [
        Panel(
            (_closed(row.n_in.values, s + a2, "first"), _closed(row.n_in.values, s, "second")),
            "n in",
            "n out",
            "cascade",
        ),
        Panel((_closed(cross.n_1.values, cross.m.sel(m_atom="s2").values),), "n in of 1", "n out of 2", "crossed"),
        Panel(
            (Line(np.linspace(0, 1, 60), law, "closed form"), Line(r, found, "program", True)),
            "R1",
            "concurrence",
            "remote",
        ),
    ]


def classical() -> list[Panel]:
    """Draw the classical memristor at three frequencies, and its area against frequency."""
    lines = []
    for omega in (1, 2, 8):
        record = _exact("classical_memristor", parameters={"omega": omega}, rounds=97).isel(round=slice(1, None))
        lines.append(_closed(record.V.values, record.I.values, f"ω = {omega}"))
    prints = classical_fingerprints()
    return [
        Panel(tuple(lines), "V", "I"),
        Panel((Line(np.log2(prints.omega), np.log2(prints.area), points=True),), "log2 ω", "log2 loop area"),
    ]


def analog() -> list[Panel]:
    """Draw the memristor that reads only at the end."""
    record = _exact("analog_memristor").isel(round=slice(24, None))
    shots = run("analog_memristor", shots=1000, seed=2, emulator="ideal").isel(round=slice(24, None))
    mean = 1 - 2 * shots.m.values.mean(axis=0)
    return [
        Panel(
            (_closed(record.V.values, 1 - 2 * record.m.values, "exact"), Line(record.V.values, mean, "shots", True)),
            "V", "I",
        )
    ]  # fmt: skip


def network_panels(units: int = 6, strengths: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6)) -> list[Panel]:
    """Draw entanglement between cells against hysteresis, for strengths of coupling in a line of cells."""
    area, linked = [], []
    for strength in strengths:
        record = _exact(network(units, strength=strength, phase=0.5, period=6, window=2))
        state = entanglement.within(record.rho.values, str(record.levels))[0]
        area.append(_network_area(record, units))
        linked.append(float(entanglement.negativity(state[6:]).mean()))
    return [
        Panel((Line(strengths, area, "mean loop area", True), Line(strengths, linked, "negativity of a pair", True)),
              "coupling strength (rad)", ""),
        Panel((Line(area, linked, points=True),), "mean loop area", "negativity of a pair"),
    ]  # fmt: skip


def _network_area(record: Any, units: int) -> float:
    k = np.arange(6, 12)
    drives = [np.sin(pi * k / 6 + i * 0.25) ** 2 for i in range(units)]
    return float(np.mean([geometry.unsigned_area(x, record.out.values[6:, i]) for i, x in enumerate(drives)]))


PICTURES: tuple[tuple[str, str, Callable[[], list[Panel]]], ...] = (
    ("row_01", "Weak measurement, damping and memory", pfeiffer),
    ("row_02", "CA-SQUID type, open and closed loop", salmilehto),
    ("row_03", "Quadratures", sanz),
    ("row_04", "Photonic type: loop, area law, weak tap", spagnolo),
    ("row_05", "Trapped-ion type and polariton pair", stremoukhov),
    ("row_06", "Two coupled memristors", kumar_two),
    ("row_07", "Three coupled memristors, γ0 = 0.02 ω", kumar_three),
    ("row_08", "Collision model", guo),
    ("row_09", "Cascade, crossed feedback, remote pair", newer),
    ("row_10", "Classical flux-controlled memristor", classical),
    ("network", "Six memristors in a line, coupled by exchange", network_panels),
    ("row_11", "One atom, global light, read at the end", analog),
)


def draw_all(folder: str | Path) -> list[tuple[str, str]]:
    """Draw every picture into a folder; return file names and titles."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, title, panels in PICTURES:
        save_panels(panels(), folder / f"{name}.png")
        made.append((f"{name}.png", title))
    return made
