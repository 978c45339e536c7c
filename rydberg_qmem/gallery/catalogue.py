"""The page of ready sequences: each drawn, with what comes out, its source, its tags, and the line that runs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from rydberg_qmem.gallery.result import SEED, SHOTS, draw
from rydberg_qmem.language.library import load, names
from rydberg_qmem.language.program import Program

HEAD = """# Gallery

Every ready sequence, written by `rqm list -o docs/gallery.md` from the files in `sequences/`. The left picture is the
program (pulses in laboratory time, measurements, feedforward), the right one what the line above it gives, 1,000 shots
with ideal gates: the loop of the last cycle (or current against voltage), means round by round, outcomes at the end, or
a state; bars and bands are one standard error. Without `--emulator ideal` the same runs pulse by pulse. `rqm list`
shows the list in a terminal, `rqm list --tag memristor` those of a tag, `rqm list photon` those with a word.
Pictures and figures of the protocols that Python builds (learning from rewards, codes, VQE, QAOA, independent sets,
Boltzmann machines, kernels, adaptive schedules) stand on the page of [protocols](protocols.md), those of memristors of
the literature on [theirs](memristors.md).

"""
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
        f'<div class="pair">\n{_picture(name, "program")}{_picture(name, "result")}</div>\n'
    )


def _picture(name: str, kind: str) -> str:
    return f'<img src="_static/gallery/{name}_{kind}.png" alt="{name}: {kind}" loading="lazy">\n'


def _plain(about: str) -> str:
    """Return a description as one paragraph, with nothing in it that Markdown would take for markup."""
    return re.sub(r"([<>|*_\[\]^~$\\])", r"\\\1", " ".join(about.split()))


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
