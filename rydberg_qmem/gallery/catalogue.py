"""The page of ready sequences: each drawn, with what comes out, its source, its tags, and the line that runs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rydberg_qmem.analysis.series import series
from rydberg_qmem.errors import InputError
from rydberg_qmem.execute.run import run
from rydberg_qmem.language.library import load, names
from rydberg_qmem.language.program import Program
from rydberg_qmem.report.page import first_loop

HEAD = """# Gallery

Every ready sequence, written by `rqm list -o docs/gallery.md` from the files in `sequences/`. The left picture is the
program (pulses in laboratory time, measurements, feedforward), the right one what the line above it gives: 1,000 shots
with ideal gates, as a loop of the last cycle, round by round, or as outcomes at the end; bars and bands are one
standard error. Without `--emulator ideal` the same runs pulse by pulse. `rqm list` shows the list in a terminal,
`rqm list --tag memristor` those of a tag, `rqm list photon` those with a word.

"""
SHOTS, SEED = 1000, 7
LOOPS = {"classical_memristor": ("V", "I")}
"""Drive and response where the drive is not an input."""
NO_FIGURE = frozenset({"remote_memristors"})
"""What gives density matrices alone."""
_SOURCE = re.compile(r"Source: (.*?)(?= Expected|$)", re.DOTALL)


def source_of(program: Program) -> str:
    """Return where a sequence comes from: what its description says after `Source:`, else that it is this project's.

    >>> source_of(load("teleportation"))
    'Bennett et al., Phys. Rev. Lett. 70, 1895 (1993).'
    """
    found = _SOURCE.search(" ".join(program.about.split()))
    return found[1].strip() if found else "textbook, or derived for this project."


def text() -> str:
    """Return the page in Markdown."""
    tags = sorted({tag for name in names() for tag in load(name).tags}, key=lambda tag: (tag.lower(), tag))
    tagged = ((tag, [f"[{name}](#{_anchor(name)})" for name in names() if tag in load(name).tags]) for tag in tags)
    return (
        HEAD
        + "\n\n".join(f"**{tag}**: {', '.join(links)}" for tag, links in tagged)
        + "\n\n"
        + "\n".join(_entry(load(name)) for name in names())
    )


def _anchor(name: str) -> str:
    return name.replace("_", "-")


def _entry(program: Program) -> str:
    name = program.name
    return (
        f"({_anchor(name)})=\n\n## {name}\n\n{_plain(program.about)}\n\n"
        f"Tags: {', '.join(program.tags)}. Source: {_plain(source_of(program))}\n\n"
        f"```bash\nrqm run {name} --shots {SHOTS} --seed {SEED} --emulator ideal -o runs/{name}.zarr\n```\n\n"
        f'<div class="pair">\n{_picture(name, "program")}{_picture(name, "result") * (name not in NO_FIGURE)}</div>\n'
    )


def _picture(name: str, kind: str) -> str:
    return f'<img src="_static/gallery/{name}_{kind}.png" alt="{name}: {kind}" loading="lazy">\n'


def _plain(about: str) -> str:
    """Return a description as one paragraph, with nothing in it that Markdown would take for markup."""
    return re.sub(r"([<>|*_\[\]^~$\\])", r"\\\1", " ".join(about.split()))


def result(program: Program) -> Any:
    """Draw what a sequence's line gives and return the axes: a loop, else means round by round, else outcomes."""
    from rydberg_qmem import plots
    from rydberg_qmem.plots.outcomes import outcomes
    from rydberg_qmem.plots.rounds import over_rounds

    record = run(program, shots=SHOTS, seed=SEED, emulator="ideal")
    pair = LOOPS.get(program.name) or (first_loop(record, program) if "memristor" in program.tags else None)
    if pair is not None:
        try:
            return plots.hysteresis(record, drive=pair[0], response=pair[1])
        except InputError:  # fewer rounds than a cycle: shown round by round
            pass
    long = {n: a for n, a in series(record).items() if n not in {"time_us", *program.inputs} and a.shape[-1] > 1}
    return over_rounds(dict(list(long.items())[:6])) if long else outcomes(record)


def write(path: str | Path, *, pictures: bool = True, progress: Callable[[str], None] | None = None) -> Path:
    """Write the page, and its pictures into `_static/gallery/` beside it; return its path."""
    path = Path(path)
    folder = path.parent / "_static" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names() if pictures else ():
        if progress is not None:
            progress(name)
        draw(load(name), folder)
    path.write_text(text(), encoding="utf-8")
    return path


def draw(program: Program, folder: Path) -> None:
    """Draw a sequence's two pictures into a folder."""
    from rydberg_qmem import plots
    from rydberg_qmem.plots.embedded import save_and_close

    save_and_close(plots.pulses(program), folder / f"{program.name}_program.png")
    if program.name not in NO_FIGURE:
        save_and_close(result(program), folder / f"{program.name}_result.png")
