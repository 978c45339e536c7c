"""The page of memristors: a table computed from the sequences, and a picture per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from math import isfinite
from multiprocessing import get_context
from pathlib import Path

from rydberg_qmem.gallery.figure import COHORT, FEW, IDEAL, JUMPING, PULSES, SAMPLED, SHOTS, Figure, RunConfig
from rydberg_qmem.gallery.figures import FIGURES
from rydberg_qmem.gallery.rows import analog

MACHINE = "zoned_2024"
ROWS = tuple(range(1, 13))
EMULATORS = ("exact", "ideal")
HEAD = (
    "row", "system", "figure", "source of the model", "reference", "origin of the reference", "ours, ideal gates",
    "ratio", "tolerance", "by pulses, less ideal", f"under {MACHINE}", "from shots, ± error",
)  # fmt: skip
TEXT = f"""# Quantum memristors of the literature, on Rydberg atoms

Made by `rqm gallery`: every number of ours is computed when the page is written. *Origin*: `found` is read in a public
source, `from memory` is recalled, `derived` is worked out for this project. *Ideal gates* are exact means without
sampling; *steps → 0*, *rounds → ∞* and *copies → ∞* are Richardson's limits of two runs, one with half the step of the
other. *By pulses* is the same on Pulser's own samples, without noise, for the program's device: DigitalAnalogDevice,
but AnalogDevice in row 11 and MockDevice in the XY mode, which the former two lack. *{MACHINE}* puts that machine's
measuring, resetting, waiting, misread bits, lost atoms and Rydberg decay on the pulses; where the number stands with
`gates`, its gates are ideal and take no time, and only measuring, resetting and waiting cost; the states of rows 6 and
7 and of the remote pair are there means of {JUMPING} quantum-jump trajectories. Shots: {SHOTS} for each
loop, error one standard deviation; where feedback is the mean of a cohort of {COHORT}, errors come from drawing whole
cohorts. Text in a cell is why there is no number.

Row 6: undamped, the area of the loops of two coupled cells goes against their concurrence, and the loops are run
through the other way from where it is largest. So says, as we recall it, the abstract of Kumar 2021. The form factor
does not: it is blind to a loop's size. Row 7: lightly damped, area and entanglement go the same way in the triangle and
against each other in the line, as the abstract of Kumar 2022 says of memristivity (`found`); more or less damping can
turn either sign.

Three numbers under noise are no loss of a few percent. The native cell keeps "no photon" in r, which decays (125 µs)
while the ancilla is read (760 µs): without shelving there is no loop left on that machine. The pair in the XY mode goes
on hopping while it is read. The Poisson limit counts misread bits of every copy: many copies need better reading.

"""


def table(figures: Iterable[Figure] = FIGURES) -> str:
    """Return the table of figures in Markdown, each number computed now."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD), *(_line(figure) for figure in figures)]
    return "\n".join(lines) + "\n"


def write(
    path: str | Path, *, pictures: bool = True, workers: int = 1, progress: Callable[[str], None] | None = None
) -> Path:
    """Write the page, and its pictures into `figures/` beside it, a row per process; return the page's path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent / "figures" if pictures else None
    parts: dict[int, str] = {}
    if workers == 1:
        for row in ROWS:
            parts[row] = _row(row, folder)
            _say(progress, row)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            jobs = {pool.submit(_row, row, folder): row for row in ROWS}
            for job in as_completed(jobs):
                parts[jobs[job]] = job.result()
                _say(progress, jobs[job])
    text = TEXT + table(()) + "".join(parts[row] for row in ROWS[:-1]) + "\n" + parts[ROWS[-1]]
    if pictures:
        from rydberg_qmem.gallery.pictures import PICTURES

        text += "\n\n".join(f"![{title}](figures/{name}.png)\n\n{title}." for name, title, _ in PICTURES) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def _row(row: int, folder: Path | None) -> str:
    """Return the lines of a row and draw its picture; of the last, what row 11 gives up, and the network's picture."""
    if folder is not None:
        from rydberg_qmem.gallery.pictures import draw

        draw(folder, f"row_{row:02}" if row < ROWS[-1] else "network")
    if row == ROWS[-1]:
        return analog.gives_up()
    return "".join(f"{_line(figure)}\n" for figure in FIGURES if figure.row == row)


def _say(progress: Callable[[str], None] | None, row: int) -> None:
    if progress is not None:
        progress(f"row {row}" if row < ROWS[-1] else "network, and what row 11 gives up")


def _line(figure: Figure) -> str:
    return "| " + " | ".join(_cells(figure)) + " |"


def _cells(figure: Figure) -> tuple[str, ...]:
    ideal = figure.measure(IDEAL)[0]
    assert isfinite(ideal)
    pulses = figure.pulses or f"{figure.measure(PULSES)[0] - ideal:.1e}"
    if figure.pulses == FEW:
        found, error = figure.measure(RunConfig("exact", COHORT))
        pulses = _with_error(found - ideal, error)
    shots = "–"
    if figure.sampled:
        shots = _with_error(*figure.measure(SAMPLED))
    ratio = f"{ideal / figure.reference:.6f}" if figure.reference else "–"
    return (
        str(figure.row), figure.system, figure.quantity.replace("|", "\\|"), figure.source, f"{figure.reference:.6f}",
        figure.trust, f"{ideal:.6f}", ratio, f"{figure.tolerance:.3g}", pulses, noisy(figure), shots,
    )  # fmt: skip


def noisy(figure: Figure) -> str:
    """Return the figure under the machine's noise, as text."""
    if figure.noisy in EMULATORS:
        value = f"{figure.measure(RunConfig(figure.noisy, hardware=MACHINE))[0]:.4f}"
        return value if figure.noisy == "exact" else f"{value} (gates)"
    if figure.noisy == FEW:
        return _with_error(*figure.measure(RunConfig("exact", COHORT, MACHINE)))
    return figure.noisy


def _with_error(value: float, error: float) -> str:
    return f"{value:.4f} ± {error:.4f}"
