"""The page of a record: one file of HTML, its style and pictures inside, nothing to fetch."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.analysis.record_series import last_values, series
from rydberg_qmem.analysis.standard_error import cohort_of, mean_and_error
from rydberg_qmem.analysis.sweep_points import points_of
from rydberg_qmem.errors import InputError, QmemError, StoreError, as_html
from rydberg_qmem.language.program import Program
from rydberg_qmem.report._command import command, named
from rydberg_qmem.report._style import STYLE
from rydberg_qmem.units import with_error

if TYPE_CHECKING:
    import xarray as xr

MOST_LOOPS, MOST_POINTS = 4, 8
FACTS = {
    "program_sha256": "program", "device": "device", "levels": "levels", "shots": "shots", "seed": "seed",
    "emulator": "emulator", "state": "state", "machines": "runs on", "created_at": "made", "wall_s": "seconds",
    "git_commit": "commit", "pruned_probability": "probability left out",
}  # fmt: skip
CURVES = ("fidelity", "reward", "accuracy", "cost", "loss", "energy", "estimate", "error")
"""Names under which programs keep what they learn."""


@arguments.taking(record=arguments.record, path=arguments.path)
def write(record: xr.Dataset, path: str | Path, **options: Any) -> Path:
    """Write the page of a record to a file and return its path.

    Args:
        record: A record of `run`.
        path: The file; folders above it are made, and a file that is there is replaced.
        options: Of `page`: drive, response and call.

    Raises InputError for a record without its program, or without the variables that are named; StoreError where the
    file cannot be written.

    >>> import tempfile, rydberg_qmem as rq
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(rq.run("rabi", shots=10, seed=3), f"{folder}/rabi.html").name
    'rabi.html'
    """
    path, text = Path(path), page(record, **options)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error})") from None
    return path


@arguments.taking(
    record=arguments.record,
    drive=arguments.optional(arguments.text),
    response=arguments.optional(arguments.text),
    call=arguments.optional(arguments.named),
)
def page(
    record: xr.Dataset,
    *,
    drive: str | None = None,
    response: str | None = None,
    call: Mapping[str, Any] | None = None,
) -> str:
    """Return the HTML page of a record: its program drawn, facts, loops with errors, curves, how to run it again.

    A record without rounds has a table of outcomes in place of loops.

    Args:
        record: A record of `run`.
        drive: Name of a variable of which loops are drawn; if not given, the only input.
        response: Name of the variable against it; if not given, up to four series over the same rounds.
        call: What a store keeps of the call that made it; only what the record itself says if not given.

    Raises InputError for a record without its program, or without the variables that are named.

    >>> import rydberg_qmem as rq
    >>> text = page(rq.run("rabi", shots=10, seed=3))
    >>> text.count("<img"), "rqm run rabi --shots 10 --seed 3" in text
    (1, True)
    """
    if "program_json" not in record.attrs:
        raise InputError("report: the record must hold its program (attribute program_json), as those of `run` do")
    program = Program.from_json(str(record.attrs["program_json"]))
    head = f"<h1>{as_html(program.name)}</h1><p>{as_html(program.about)}</p>"
    parts = [
        head + "".join(f"<span class=tag>{as_html(tag)}</span>" for tag in program.tags),
        _section("Program", _drawing(program)),
        _section("Run", _facts(record)),
        *_loops(record, program, drive, response),
        *_curves(record),
        *_outcomes(record),
        _section("Run it again", _again(record, program, call)),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{as_html(program.name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{as_html(title)}</h2>{inside}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{as_html(cell)}</{tag}>" for cell in cells) + "</tr>"

    top = line(head, "th") if head else ""
    return f"<div class=wide><table>{top}{''.join(line(row, 'td') for row in rows)}</table></div>"


def _drawing(program: Program) -> str:
    from rydberg_qmem import plots
    from rydberg_qmem.plots import embedded

    try:
        return f"<div class=wide>{embedded(plots.pulses(program), alt=f'pulses of {program.name}')}</div>"
    except QmemError as error:
        return f"<p>Cannot be drawn: {as_html(str(error))}</p>"


def _facts(record: xr.Dataset) -> str:
    attrs = record.attrs
    rows = [(label, str(attrs[name])) for name, label in FACTS.items() if name in attrs]
    options = json.loads(attrs.get("emulator_json", "{}"))
    if options:
        rows.append(("options", ", ".join(f"{name} {value}" for name, value in options.items())))
    for label, name in (("parameters", "parameters_json"), ("versions", "versions_json")):
        values = json.loads(attrs.get(name, "{}"))
        rows.append((label, ", ".join(f"{key} {value}" for key, value in values.items()) or "none"))
    noise = json.loads(attrs.get("noise_json", "null")) or {}
    rows.append(("noise", ", ".join(f"{key} {value}" for key, value in noise.items()) or "none"))
    rows.append(("hardware", str((json.loads(attrs.get("hardware_json", "null")) or {}).get("name", "ideal"))))
    rows.append(("sizes", ", ".join(f"{name} {size}" for name, size in record.sizes.items()) or "none"))
    return _table((), rows)


def _points(record: xr.Dataset) -> list[tuple[str | None, xr.Dataset]]:
    return list(islice(points_of(record), MOST_POINTS))


def _pairs(record: xr.Dataset, program: Program, drive: str | None, response: str | None) -> list[tuple[str, str]]:
    """Return what to draw against what: as asked, else each input against series over the same rounds."""
    known = series(record)
    drives = [drive] if drive else [name for name in program.inputs if name in known and _returns(known[name])]
    pairs = []
    for one in drives:
        loop = set(known[one].dims) - {"point", "shot"} if one in known else set()
        others = [
            name
            for name, array in known.items()
            if name not in program.inputs and name != "time_us" and loop <= set(array.dims)
        ]
        pairs += [(one, other) for other in ([response] if response else reversed_atoms(others))]
    return pairs[:MOST_LOOPS]


def _returns(drive: xr.DataArray) -> bool:
    """Return whether a drive goes both up and down, as that of a loop does, and a counter or a constant does not."""
    steps = np.diff(drive.values.reshape(-1, drive.shape[-1])[0])
    return bool((steps > 0).any() and (steps < 0).any())


def reversed_atoms(names: Sequence[str]) -> list[str]:
    """Return names, keys of several atoms first and of each the last atom: by custom, what a memristor puts out.

    >>> reversed_atoms(["R", "clicks.a", "clicks.s"])
    ['clicks.s', 'clicks.a', 'R']
    """
    names = sorted(names, key=lambda name: "." not in name)
    keys = list(dict.fromkeys(name.partition(".")[0] for name in names))
    return [name for key in keys for name in reversed([name for name in names if name.partition(".")[0] == key])]


def first_loop(record: xr.Dataset, program: Program) -> tuple[str, str] | None:
    """Return drive and response of a record's first loop, None where there is none."""
    return next(iter(_pairs(record, program, None, None)), None)


def _loops(record: xr.Dataset, program: Program, drive: str | None, response: str | None) -> list[str]:
    from rydberg_qmem import plots
    from rydberg_qmem.plots import embedded

    made, rows, skipped, rough = [], [], [], []
    for one, other in _pairs(record, program, drive, response):
        ax = None
        try:
            for label, point in _points(record):
                figures = hysteresis(point, drive=one, response=other)
                rough += [figures.attrs["errors"]] if "errors" in figures.attrs else []
                ax = plots.hysteresis(point, drive=one, response=other, ax=ax, label=label)
                rows.append((f"{other} against {one}", label or "", *_figures(figures)))
        except QmemError as error:
            if drive or response:
                raise
            skipped.append(f"{other} against {one}: {error}")
        if ax is not None:
            made.append(embedded(ax, alt=f"{other} against {one}"))
    if not made and not skipped:
        return []
    cut = record.sizes.get("point", 0) > MOST_POINTS
    note = f"<p>The first {MOST_POINTS} of {record.sizes['point']} points.</p>" if cut else ""
    note += "".join(f"<p>No loop of {as_html(text)}.</p>" for text in skipped)
    if not made:
        return [_section("Loops", note)]
    table = _table(("loop", "point", "area", "form factor"), rows)
    about = "<p>The last cycle; bars and ± are one standard error.</p>"
    note += "".join(f"<p>{as_html(text)}.</p>" for text in dict.fromkeys(rough))
    return [_section("Loops", f"{about}<div class=row>{''.join(made)}</div>{table}{note}")]


def _figures(figures: Any) -> tuple[str, str]:
    return tuple(
        with_error(float(figures[name]), float(figures[f"{name}_error"])) if f"{name}_error" in figures else "–"
        for name in ("area", "form_factor")
    )  # type: ignore[return-value]  # two names, two texts


def _curves(record: xr.Dataset) -> list[str]:
    """Draw learning curves where there are any, and how everything else goes on from round to round."""
    from rydberg_qmem.plots import embedded, over_rounds

    label, point = _points(record)[0]
    known = {name: array for name, array in series(point).items() if name != "time_us"}
    learnt = {name: array for name, array in known.items() if name.partition(".")[0].rstrip("0123456789_") in CURVES}
    rest = {name: array for name, array in known.items() if name not in learnt}
    made = []
    where = f", {label}" if label else ""
    for title, chosen in ((f"Learning curve{where}", learnt), (f"Round by round{where}", dict(list(rest.items())[:6]))):
        if chosen and max(array.shape[-1] for array in chosen.values()) > 1:
            made.append(_section(title, embedded(over_rounds(chosen, cohort=cohort_of(record)), alt=title)))
    return made


def _outcomes(record: xr.Dataset) -> list[str]:
    """Return a table of what has no rounds: outcomes and last values, means over shots."""
    rows = []
    for label, point in _points(record):
        for name, array in last_values(point).items():
            if np.isfinite(array.values).any():
                rows.append((name, label or "", with_error(*mean_and_error(array, cohort=cohort_of(record)))))
    return [_section("Outcomes", _table(("name", "point", "mean"), rows))] if rows else []


def _again(record: xr.Dataset, program: Program, call: Mapping[str, Any] | None) -> str:
    line, unsaid = command(record, program, call)
    kept = ""
    if named(program) is None:
        data = b64encode(program.to_json(indent=1).encode()).decode()
        file = as_html(program.name)
        kept = f'<p><a download="{file}.json" href="data:application/json;base64,{data}">{file}.json</a></p>'
    return f"<pre>{as_html(line)}</pre>{kept}{''.join(f'<p>{as_html(text)}</p>' for text in unsaid)}"
