"""Commands about records: info, analyse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rydberg_qmem.cli.command import Command, Store, app
from rydberg_qmem.cli.text import aligned, echo, sizes_text, with_error

if TYPE_CHECKING:
    import xarray as xr


@app.command(cls=Command)
def info(store: Store) -> None:
    """Say what is in a record."""
    import json

    from rydberg_qmem.running.stored import progress_of
    from rydberg_qmem.store.store import opened

    record = opened(store)
    attrs = record.attrs
    fields = {
        "title": "title", "program": "program_sha256", "device": "device", "levels": "levels", "shots": "shots",
        "seed": "seed", "emulator": "emulator", "made": "created_at", "runs on": "machines", "seconds": "wall_s",
    }  # fmt: skip
    rows = [(label, str(attrs[name])) for label, name in fields.items() if name in attrs]
    options = json.loads(attrs.get("emulator_json", "{}"))
    if options:
        rows.append(("options", ", ".join(f"{name} {value}" for name, value in options.items())))
    for label in ("parameters", "versions"):
        values = json.loads(attrs.get(f"{label}_json", "{}"))
        shown = (
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
        )
        rows.append((label, ", ".join(shown) or "none"))
    if (known := progress_of(store)) is not None:
        rows.append(("done", f"{known[0]} of {known[1]} cohorts"))
    noise = json.loads(attrs.get("noise_json", "null")) or {}
    hardware = json.loads(attrs.get("hardware_json", "null")) or {"name": "ideal"}
    rows.append(("noise", ", ".join(f"{name} {value}" for name, value in noise.items()) or "none"))
    rows.append(("hardware", str(hardware.get("name", "own"))))
    rows += [("dims", sizes_text(record.sizes)), ("size", f"{record.nbytes / 1e6:.3g} MB in memory")]
    echo(aligned(rows))
    variables = [
        (
            f"  {name}",
            str(v.dtype),
            sizes_text(v.sizes),
            str(v.attrs.get("units", "")),
            str(v.attrs.get("long_name", "")),
        )
        for name, v in record.data_vars.items()
    ]
    echo(["variables", *aligned(variables)])


@app.command(cls=Command)
def analyse(
    store: Store,
    drive: Annotated[str, typer.Option(help="A variable of the record; key.atom for one atom.")],
    response: Annotated[str, typer.Option(help="A variable of the record; key.atom for one atom.")],
    period: Annotated[int | None, typer.Option(help="Rounds of one cycle; found if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Measure the hysteresis loop of a record: its last cycle, with errors."""
    from rydberg_qmem.analysis.hysteresis import hysteresis
    from rydberg_qmem.analysis.sweep_points import points_of
    from rydberg_qmem.store.store import open_record

    record = open_record(store)
    figures = hysteresis(record, drive=drive, response=response, period=period)
    if as_json:
        typer.echo(_json_of(figures, drive=drive, response=response))
        return
    for label, point in points_of(figures):
        if label is not None:
            echo([f"{label}:"])
        echo(aligned(list(_measures(point))))
    if "errors" in figures.attrs:
        typer.echo(figures.attrs["errors"], err=True)


def _measures(figures: xr.Dataset) -> Iterator[tuple[str, str, str]]:
    for name, values in figures.data_vars.items():
        if str(name).endswith(("_error", "_bias")):
            continue
        error = f"{name}_error"
        value = float(values)
        shown = with_error(value, float(figures[error])) if error in figures else f"{value:.6g}"
        yield str(name), shown, str(values.attrs.get("long_name", ""))


def _json_of(figures: xr.Dataset, **asked: str) -> str:
    """Return figures as JSON: numbers, or lists over the points of a sweep; what is not finite is null."""
    import json
    from math import isfinite

    def plain(values: Any) -> Any:
        if isinstance(values, list):
            return [plain(value) for value in values]
        return values if isfinite(values) else None

    swept = {str(name): plain(c.values.tolist()) for name, c in figures.coords.items() if c.dtype.kind in "iufb"}
    measures = {str(name): plain(values.values.tolist()) for name, values in figures.data_vars.items()}
    return json.dumps({**asked, **swept, **measures}, indent=2, allow_nan=False)
