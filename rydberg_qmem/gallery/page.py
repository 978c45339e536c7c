"""The page of memristors: a table computed from the sequences, and a picture per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from math import isfinite
from pathlib import Path

from rydberg_qmem.gallery.figures import FIGURES, SHOTS, Figure

HEAD = (
    "row", "system", "figure", "source of the model", "reference", "origin of the reference", "ours, ideal gates",
    "ratio", "by pulses, less ideal", "from shots, ± error",
)  # fmt: skip
TEXT = f"""# Quantum memristors of the literature, on Rydberg atoms

Made by `rqm gallery`: every number of ours is computed when the page is written. *Origin*: `found` is read in a public
source, `from memory` is recalled, `derived` is worked out for this project; no number here is quoted from a paper.
*Ideal gates* are exact means without sampling. *By pulses* is the same on Pulser's own samples, without noise; a dash
where it was left out for its time. Shots: {SHOTS} for each program, error one standard deviation; shots of ensemble
feedback share their fed-back means, so that their errors are too small.

"""


def table(figures: Iterable[Figure] = FIGURES, *, progress: Callable[[Figure], None] | None = None) -> str:
    """Return the table of figures in Markdown, each number computed now."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for figure in figures:
        if progress is not None:
            progress(figure)
        lines.append("| " + " | ".join(_cells(figure)) + " |")
    return "\n".join(lines) + "\n"


def write(path: str | Path, *, pictures: bool = True, progress: Callable[[Figure], None] | None = None) -> Path:
    """Write the page, and its pictures into `figures/` beside it; return the page's path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = TEXT + table(progress=progress)
    if pictures:
        drawn = import_module("rydberg_qmem.gallery.pictures").draw_all(path.parent / "figures")
        text += "\n" + "\n\n".join(f"![{title}](figures/{name})\n\n{title}." for name, title in drawn) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def _cells(figure: Figure) -> tuple[str, ...]:
    ideal = figure.measure("ideal", None)[0]
    pulses = f"{figure.measure('exact', None)[0] - ideal:.1e}" if figure.pulses else "–"
    shots = "–"
    if figure.sampled:
        mean, error = figure.measure("ideal", SHOTS)
        shots = f"{mean:.4f} ± {error:.4f}"
    ratio = f"{ideal / figure.reference:.6f}" if figure.reference else "–"
    assert isfinite(ideal)
    return (
        str(figure.row), figure.system, figure.quantity, figure.source, f"{figure.reference:.6f}", figure.trust,
        f"{ideal:.6f}", ratio, pulses, shots,
    )  # fmt: skip
