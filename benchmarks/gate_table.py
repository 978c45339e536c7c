"""Fill the tables of docs/gates.md from the engine: `python benchmarks/gate_table.py`; `--picture` draws too."""

from __future__ import annotations

import re
import sys
from math import ceil, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.devices import Target, make_target
from rydberg_qmem.emulators.gate_set import CLOSE, FAR, PAIR
from rydberg_qmem.emulators.process import GateReport, gate_report, pulses_infidelity
from rydberg_qmem.gates._calibration import at_duration
from rydberg_qmem.gates._pair_gates import played
from rydberg_qmem.language.blocks import Pulse
from rydberg_qmem.units import MHZ

ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = ROOT / "docs" / "gates.md", ROOT / "docs" / "cz_methods.png"
FLOOR = 1e-9
"""Infidelities below it are rounding, or might be."""

PLACES = (("DigitalAnalogDevice", 4), ("DigitalAnalogDevice", 5), ("DigitalAnalogDevice", 6),
          ("MockDevice", 4), ("MockDevice", 5), ("MockDevice", 6))  # fmt: skip

FAR_PLACES: dict[str, tuple[tuple[str, int], ...]] = {
    "cphase by π, analog": (
        ("DigitalAnalogDevice", 10), ("DigitalAnalogDevice", 12), ("MockDevice", 10), ("MockDevice", 12),
    ),
    "exchange by π/2, XY": (("MockDevice", 12), ("MockDevice", 15), ("MockDevice", 20)),
}  # fmt: skip
TURNS = (5, 10, 20, 50, 100)
METHODS = ("pi-2pi-pi", "levine", "time_optimal")
EQUAL = ((4.0, 2.5), (5.0, 2.5), (6.0, 2.5), (6.0, 1.25))
"""Distances (µm) and Rabi frequencies (MHz) at which the methods are compared."""


def target(block: Any, gap_um: float, device: str) -> tuple[Any, Target]:
    """Return a block as parsed and two atoms at a distance."""
    register = {"atoms": {"c": [0, 0], "t": [gap_um, 0]}}
    program = rq.Program(name="gate", device=device, register=register, body=[block])
    return program.body[0], make_target(program, bases_of(program))


def report(block: Any, gap_um: float, device: str) -> GateReport:
    return gate_report(*target(block, gap_um, device))


def shown(infidelity: float) -> str:
    return f"{infidelity:.1e}" if infidelity >= FLOOR else "< 1e-09"


def cell(name: str, place: tuple[str, int]) -> str:
    """Return one cell of the first table."""
    found = report(CLOSE[name], place[1], place[0])
    return f"{shown(found.process_infidelity)}, {found.duration_ns} ns"


def gates() -> list[str]:
    head = ["gate", *(f"{device}, {gap} µm" for device, gap in PLACES)]
    return rows(head, [[name, *(cell(name, place) for place in PLACES)] for name in CLOSE])


def far() -> list[str]:
    made = []
    for name, places in FAR_PLACES.items():
        for device, gap in places:
            found = report(FAR[name], gap, device)
            made.append(
                [name, device, f"{gap} µm", f"{shown(found.process_infidelity)}", f"{found.duration_ns} ns"],
            )
    return rows(["gate", "device", "distance", "process infidelity", "duration"], made)


def closed(turns: int) -> tuple[float, float]:
    """Return U/Ω and average infidelity of a CZ whose blockaded target makes whole turns."""
    rabi = 1000 * pi / 100
    gap = (5420158.53 / (rabi * sqrt(turns**2 - 1))) ** (1 / 6)
    found = report({"cz": PAIR | {"infidelity": 1.0001 * 0.370 / (turns**2 - 1)}}, gap, "MockDevice")
    _, here = target({"cz": PAIR}, gap, "MockDevice")
    pulse_ns = dict(found.parameters)["pulse_ns"]
    return float(here.van_der_waals[0, 1]) * pulse_ns / 1000 / pi, found.average_infidelity


def scaling() -> list[str]:
    made = []
    for turns in TURNS:
        ratio, infidelity = closed(turns)
        made.append([f"{ratio:.2f}", f"{infidelity:.2e}", f"{infidelity * ratio**2:.3f}"])
    return rows(["U/Ω", "average infidelity", "times (U/Ω)²"], made)


def at_rabi(method: str, gap_um: float, rabi_mhz: float) -> tuple[float, int]:
    """Return process infidelity, from the engine, and duration of a CZ at a Rabi frequency."""
    _, here = target({"cz": PAIR}, gap_um, "MockDevice")
    signs = np.array([-1, -1, -1, 1], dtype=complex)
    if method == "pi-2pi-pi":
        half = round(500 / rabi_mhz)
        made = [_square(atom, time, area) for atom, time, area in (("c", half, 1), ("t", 2 * half, 2), ("c", half, 1))]
        return pulses_infidelity(tuple(made), signs, here), 4 * half
    rabi, u = rabi_mhz * MHZ, float(here.van_der_waals[0, 1])
    gate = at_duration(method, angle=pi, interaction=u, duration_ns=_duration_ns(method, rabi, u))
    phases = np.exp(-1j * gate.h_phase * np.array([0, 1, 1, 2])) * np.array([1, 1, 1, -1])
    pulses = tuple(played(part, "rydberg_global", None) for part in gate.parts)
    return pulses_infidelity(tuple(p for p in pulses if isinstance(p, Pulse)), phases, here), gate.duration_ns


def _duration_ns(method: str, rabi: float, u: float) -> int:
    """Return the duration at which the calibrated pulse has a Rabi frequency, or just less."""
    area = {"levine": 4.293, "time_optimal": 7.65}[method]
    for _ in range(3):
        duration = ceil(1000 * area / rabi - 1e-9)
        area = at_duration(method, angle=pi, interaction=u, duration_ns=duration).peak_rabi * duration / 1000
    return ceil(1000 * area / rabi - 1e-9)


def _square(atom: str, duration_ns: int, turns: int) -> Pulse:
    shape = {"constant": {"duration_ns": duration_ns, "area": f"{turns} * pi"}}
    return Pulse.model_validate({"pulse": {"channel": "rydberg_local", "atoms": atom, "amplitude": shape}})


def methods() -> list[str]:
    made = []
    for gap, rabi in EQUAL:
        found = [at_rabi(method, gap, rabi) for method in METHODS]
        made.append([f"{gap:g} µm", f"{rabi:g} MHz", *(f"{shown(x)}, {ns} ns" for x, ns in found)])
    return rows(["distance", "Ω/2π", *METHODS], made)


def rows(head: list[str], body: list[list[str]]) -> list[str]:
    """Return a Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]


TABLES = {"gates": gates, "far": far, "scaling": scaling, "methods": methods}


def section(page: str, name: str) -> list[str]:
    """Return the lines of a table on the page."""
    found = re.search(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", page, re.S)
    if found is None:
        raise SystemExit(f"{PAGE} has no table {name}")
    return found[1].strip().splitlines()


def filled(page: str) -> str:
    """Return the page with its tables from the engine."""
    for name, made in TABLES.items():
        before, opened, rest = page.partition(f"<!-- table: {name} -->")
        _, closed_by, after = rest.partition("<!-- end -->")
        page = "".join([before, opened, "\n\n", "\n".join(made()), "\n\n", closed_by, after])
    return page


def picture() -> None:
    """Draw the infidelity of the three CZ against Ω/U at 6 µm."""
    import matplotlib.pyplot as plt

    from rydberg_qmem.plots import okabe_ito, paper

    _, here = target({"cz": PAIR}, 6, "MockDevice")
    u = float(here.van_der_waals[0, 1])
    rabis = np.geomspace(0.2, 4, 14)
    with paper():
        figure, axes = plt.subplots(figsize=(3.4, 2.6), layout="constrained")
        marks = {"pi-2pi-pi": ("o", "π-2π-π"), "levine": ("s", "Levine"), "time_optimal": ("^", "time-optimal")}
        for colour, (method, (mark, label)) in zip(okabe_ito(), marks.items(), strict=False):
            found = np.array([at_rabi(method, 6, rabi)[0] for rabi in rabis])
            known = found >= FLOOR
            axes.loglog((rabis * MHZ / u)[known], found[known], mark, color=colour, label=label, markersize=4)
            low = (rabis * MHZ / u)[~known]
            axes.loglog(low, np.full(len(low), FLOOR), mark, color=colour, markerfacecolor="white", markersize=4)
        x = rabis * MHZ / u
        axes.loglog(x, 1.25 * 0.370 * x**2, "-", color="0.4", linewidth=0.8, label="5/4 · 0.370 (Ω/U)²")
        axes.set(xlabel="Ω/U", ylabel="process infidelity of the CZ")
        axes.set_ylim(3e-11, 30)
        axes.text(0.98, 0.02, "open: below $10^{-9}$", transform=axes.transAxes, ha="right", fontsize=7)
        axes.legend(fontsize=7, ncols=2, loc="upper left")
        figure.savefig(PICTURE, dpi=200)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if "--picture" in sys.argv:
        picture()
