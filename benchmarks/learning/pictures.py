"""One picture for each section of the page, and sentences that name what its rows show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator
from rows import PICTURES, Rows

from rydberg_qmem.plots import okabe_ito, paper

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, YELLOW = okabe_ito()
DEVICES = ("memristor", "quantum array")
LASER = ("quantum array", "classical spins", "echo state", "polynomial", "linear")


def number(text: Any) -> float:
    return 0.0 if text == "–" else float(text)


def remarks(name: str, rows: Rows) -> list[str]:
    """Return sentences that depend on what was measured."""
    if name == "capacity":
        linear = max(rows, key=lambda row: float(row[2]))
        total = max(rows, key=lambda row: float(row[6]))
        return [
            f"**Peaks**: linear memory {linear[2]} at {linear[0]}, strength {linear[1]}; "
            f"processing capacity {total[6]} ± {total[7]} at {total[0]}, strength {total[1]}."
        ]
    if name == "components":
        return [
            said for count in ("4", "5") for said in _ahead({r[0]: float(r[2]) for r in rows}, f"{count} components, ")
        ]
    if name == "laser":
        found = {row[0]: (float(row[2]), float(row[3])) for row in rows}
        local = found.get("quantum array, local detunings", (np.nan, np.nan))
        controls = {n: found[n] for n in ("classical spins, local detunings", "echo state, 440 units") if n in found}
        near = [n for n, (value, error) in controls.items() if abs(local[0] - value) < np.hypot(local[1], error)]
        return [
            f"**As good as the array with local detunings, within the errors: {' and '.join(near) or 'none'}.**",
            *_across(found),
        ]
    if name == "power":
        errors = {row[0]: float(row[3]) for row in rows}
        ratios = {
            f: errors[f"frozen, {f}, in order"] / errors[f"memristor, {f}, in order"]
            for f in ("means", "means + products")
        }
        listed = ", ".join(f"{ratio:.2g} times with {features}" for features, ratio in ratios.items())
        return [f"In order, the memristor is below frozen feedback {listed}."]
    if name == "narma":
        error = {model: number(row[3]) for row in rows if row[0] == "3 cells" for model in [row[1]]}
        tuned = "echo state, best of 32"
        if tuned not in error:
            return []
        ratio = error["memristor"] / error[tuned]
        told = f"{ratio:.2g} times below" if ratio > 1 else f"{1 / ratio:.2g} times above"
        return [f"**With as many features as the three cells, `{tuned}` is {told} them.**"]
    if name == "memristivity":
        run, limit = ([float(row[k]) for row in rows] for k in (3, 5))
        return [
            f"**{len(rows)} starts end between {min(run):.4f} and {max(run):.4f}; "
            f"extrapolated, between {min(limit):.4f} and {max(limit):.4f}.**"
        ]
    return []


def _across(found: dict[str, tuple[float, float]]) -> list[str]:
    """Return what global detunings give beside their classical limit."""
    names = [f"{who}, global detuning in time" for who in ("quantum array", "classical spins")]
    if not all(name in found for name in names):
        return []
    quantum, classical = (f"{found[name][0]:.3f} ± {found[name][1]:.3f}" for name in names)
    return [f"With a global detuning in time the array gives {quantum}, classical spins {classical}."]


def in_order(name: str, rows: Rows) -> Rows:
    """Return rows in the order of the page, whichever was measured first."""
    if name == "laser":
        return sorted(rows, key=lambda row: next(k for k, start in enumerate(LASER) if row[0].startswith(start)))
    if name == "components":
        return sorted(rows, key=lambda row: row[0].split(",")[0])
    if name == "narma":
        return sorted(rows, key=lambda row: row[0])
    if name == "memristivity":
        return sorted(rows, key=lambda row: int(row[0]))
    if name == "capacity":
        return sorted(rows, key=lambda row: row[0].split()[0], reverse=True)
    return rows


def _ahead(found: dict[str, float], start: str) -> list[str]:
    """Return by how many points the array leads its controls, or they lead it."""
    if f"{start}RBF support vectors" not in found:
        return []
    gains = {c: 100 * (found[f"{start}quantum array"] - found[start + c]) for c in
             ("linear", "classical spins", "polynomial, degree 3", "RBF support vectors")}  # fmt: skip
    listed = ", ".join(f"{points:+.1f} against {control}" for control, points in gains.items())
    return [f"{start[0]} components, the array in points of accuracy: {listed}."]


def draw(name: str, rows: Rows, title: str) -> bool:
    """Draw a section's picture; return whether there is one."""
    PICTURES.mkdir(exist_ok=True)
    made, height = PICTURE[name](rows), 0.0
    panels, height = made
    with paper(4.6, height):
        figure, axes = plt.subplots(len(panels), 1, squeeze=False)
        for ax, panel in zip(axes[:, 0], panels, strict=True):
            panel(ax)
        figure.savefig(PICTURES / f"{name}.png", dpi=200)
        plt.close(figure)
    return True


Panel = Callable[[Axes], None]


def dots(
    labels: list[str], values: list[float], errors: list[float], axis: str, *, log: bool = False, title: str = "",
    mark: tuple[float, str] | None = None,
) -> Panel:  # fmt: skip
    """Return a panel of one dot per row, devices in blue squares, controls in red rings."""

    def panel(ax: Axes) -> None:
        for k, (label, value, error) in enumerate(zip(labels, values, errors, strict=True)):
            device = any(name in label for name in DEVICES)
            below = min(error, 0.9 * value) if log else error
            ax.errorbar(value, k, xerr=[[below], [error]], fmt="s" if device else "o", color=BLUE if device else RED,
                        mfc=BLUE if device else "white", markersize=4, capsize=2)  # fmt: skip
        if mark is not None:
            ax.axvline(mark[0], color=BLACK, linewidth=0.7, linestyle="--")
            ax.annotate(mark[1], (mark[0], 1), xycoords=("data", "axes fraction"), xytext=(2, -1),
                        textcoords="offset points", va="bottom", fontsize=6)  # fmt: skip
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylim(len(labels) - 0.5, -0.5)
        if log:
            ax.set_xscale("log")
        ax.set_xlabel(axis)
        ax.set_title(title, loc="left", pad=10 if mark else 4)

    return panel


def table(
    rows: Rows, value: int, axis: str, *, log: bool = False, mark: Any = None, title: str = "", label: int = 0
) -> Panel:
    return dots([str(row[label]) for row in rows], [number(row[value]) for row in rows],
                [number(row[value + 1]) for row in rows], axis, log=log, mark=mark, title=title)  # fmt: skip


def height(rows: Rows) -> float:
    return 0.7 + 0.2 * len(rows)


def narma(rows: Rows) -> tuple[list[Panel], float]:
    panels = []
    for start, limit in (("1 cell", 3.2e-5), ("3 cells", 4e-6)):
        some = [
            [f"{row[1]}{', pulse by pulse' * row[0].endswith('pulse')}", *row[2:]]
            for row in rows
            if row[0].startswith(start)
        ]
        if not some:
            continue
        panels.append(table(some, 2, "mean squared error", log=True, title=start, mark=(limit, f"{limit:.1e}")))
    return panels, height(rows) + 0.6


def shots(rows: Rows) -> tuple[list[Panel], float]:
    def panel(ax: Axes) -> None:
        for start, colour, marker in (("1 cell", BLUE, "s"), ("3 cells", RED, "o")):
            some = [row for row in rows if row[0].startswith(start + ",")]
            finite = [row for row in some if not row[0].endswith("exact")]
            x = [int(row[0].split(", ")[1]) for row in finite]
            for column, style, who in ((1, "-", "memristor"), (3, ":", "feedback frozen")):
                y, e = ([number(row[c]) for row in finite] for c in (column, column + 1))
                ax.errorbar(x, y, yerr=e, fmt=marker + style, color=colour, label=f"{start}, {who}", capsize=2)
            for row in some:
                if row[0].endswith("exact"):
                    ax.axhline(number(row[1]), color=colour, linewidth=0.7, linestyle="--")
                    ax.annotate(f"exact, {start}", (0.02, number(row[1])), xycoords=("axes fraction", "data"), va="top",
                                fontsize=6, color=colour)  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("shots per round")
        ax.set_ylabel("mean squared error")
        ax.legend(loc="lower left", ncols=2, bbox_to_anchor=(0, 1))

    return [panel], 3.6


def capacity(rows: Rows) -> tuple[list[Panel], float]:
    def lines(column: int, axis: str, legend: bool) -> Panel:
        def panel(ax: Axes) -> None:
            styles = {("window", "1"): (BLUE, "s-"), ("window", "0.5"): (SKY, "s--"),
                      ("exponential", "1"): (RED, "o-"), ("exponential", "0.5"): (ORANGE, "o--")}  # fmt: skip
            for (kind, strength), (colour, style) in styles.items():
                some = [row for row in rows if row[0].startswith(kind) and row[1] == strength]
                spans = [float(row[0].split()[-1]) for row in some]
                ax.plot(
                    spans,
                    [float(row[column]) for row in some],
                    style,
                    color=colour,
                    label=f"{kind}, strength {strength}",
                )
            frozen = [float(row[column]) for row in rows if row[1] == "0"]
            ax.axhline(frozen[0], color=BLACK, linewidth=0.8, linestyle=":", label="strength 0: frozen")
            ax.set_xlabel("window or time constant (rounds)")
            ax.set_ylabel(axis)
            if legend:
                ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)

        return panel

    return [lines(2, "linear memory", True), lines(6, "processing capacity", False)], 5.0


def memristivity(rows: Rows) -> tuple[list[Panel], float]:
    def panel(ax: Axes) -> None:
        ax.axhspan(0.3205, 0.3265, color=SKY, alpha=0.4, label="derived: 0.3235 ± 0.003")
        starts = [int(row[0]) for row in rows]
        for column, marker, colour, label in (
            (3, "s", BLUE, "best of a search, 100 steps"),
            (5, "o", RED, "extrapolated"),
        ):
            ax.plot(starts, [float(row[column]) for row in rows], marker, color=colour, mfc="none", label=label)
        ax.set_xlabel("random start")
        ax.set_ylabel("form factor 4πA/P²")
        ax.set_ylim(0.31, 0.33)
        ax.yaxis.set_major_locator(MultipleLocator(0.005))
        ax.legend()

    return [panel], 2.6


def cost(rows: Rows) -> tuple[list[Panel], float]:
    def panel(ax: Axes) -> None:
        ax.plot([int(row[0]) for row in rows], [float(row[1]) for row in rows], "s-", color=BLUE)
        ax.set_xlabel("cells")
        ax.set_ylabel("seconds for 1,000 series")
        ax.set_xlim(0)
        ax.set_ylim(0)

    return [panel], 2.6


PICTURE: dict[str, Callable[[Rows], tuple[list[Panel], float]]] = {
    "narma": narma,
    "shots": shots,
    "power": lambda rows: ([table(rows, 3, "mean squared error", log=True)], height(rows)),
    "digits": lambda rows: ([table(rows, 1, "accuracy", mark=(1 / 3, "chance"))], height(rows)),
    "capacity": capacity,
    "werner": lambda rows: ([table(rows, 1, "accuracy", mark=(0.95, "bar: 0.95"))], height(rows)),
    "matched": lambda rows: (
        [table(rows, 1, "accuracy, linear readout", mark=(0.5, "chance")),
         table(rows, 3, "accuracy, RBF support vectors", mark=(0.5, "chance"))], 2 * height(rows)),
    "components": lambda rows: ([table(rows, 2, "accuracy, 5-fold")], height(rows)),
    "laser": lambda rows: ([table(rows, 2, "normalised mean squared error", log=True)], height(rows)),
    "memristivity": memristivity,
    "cost": cost,
}  # fmt: skip
