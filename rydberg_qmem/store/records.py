"""The one record layout: an xarray Dataset that explains itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled, Variable
from rydberg_qmem.compile.steps import uses_ensemble
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.emulators.registry import options_of
from rydberg_qmem.engine.context import NEGLIGIBLE
from rydberg_qmem.engine.noise_settings import NOTHING, NoiseSettings
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.verification import obstacles

if TYPE_CHECKING:
    import xarray as xr

OUTCOME_ATTRS = {"flag_values": [-1, 0, 1], "flag_meanings": "not_measured zero one"}
PACKAGES = ("rydberg_qmem", "pulser", "numpy", "scipy", "xarray", "zarr")


def dataset(compiled: Compiled, trace: Recorder) -> xr.Dataset:
    """Return the record of one point, without its provenance."""
    import xarray as xr

    arrays = trace.finished()
    variables: dict[str, Any] = {}
    for variable in compiled.variables:
        values = compiled.inputs[variable.source] if variable.origin == "input" else arrays[variable.name]
        dims = (*(("shot",) if trace.per_shot(variable) else ()), *variable.loops, *variable.extra_dims)
        variables[variable.name] = (dims, values, attributes_of(variable))
    coordinates = {name: (name, np.array(labels, dtype=object)) for name, labels in compiled.coordinates.items()}
    made = xr.Dataset(variables, coordinates)
    for name in compiled.coordinates:
        made.coords[name] = made.coords[name].astype(np.dtypes.StringDType())
    for loop, times in compiled.rounds.items():
        made = made.assign_coords({loop: (loop, np.arange(times), {"long_name": f"{loop} of the program"})})
    if trace.shots is not None:
        made = made.assign_coords(shot=("shot", np.arange(trace.shots), {"long_name": "shot"}))
    return made


def attributes_of(variable: Variable) -> dict[str, Any]:
    """Return what a variable says of itself in a record."""
    attrs: dict[str, Any] = {"long_name": variable.long_name, "units": variable.units}
    if variable.origin == "key" and variable.dtype == "int8":
        attrs |= OUTCOME_ATTRS
    return attrs


def record_bytes(compiled: Compiled, shots: int | None) -> int:
    """Return the size of a point's record in memory."""
    total = 0
    for variable in compiled.variables:
        size = int(np.prod([compiled.rounds[loop] for loop in variable.loops], dtype=float))
        size *= int(np.prod(variable.extra_shape, dtype=float)) * np.dtype(variable.dtype).itemsize
        if variable.origin in ("key", "memory", "final"):
            size *= shots or 1
        total += size
    return total


def combine(records: list[xr.Dataset], points: list[Mapping[str, float]]) -> xr.Dataset:
    """Put the points of a sweep along `point`; shorter ones are filled with -1 and NaN."""
    import xarray as xr

    fills = {name: np.int8(-1) if value.dtype == np.int8 else np.nan for name, value in records[0].data_vars.items()}
    made = xr.concat(
        records, dim="point", join="outer", fill_value=fills, data_vars="all", coords="minimal", compat="override",
        combine_attrs="drop_conflicts",
    )  # fmt: skip
    coords: dict[str, Any] = {
        name: ("point", np.array([point[name] for point in points]), {"long_name": f"parameter {name}"})
        for name in points[0]
    }
    return made.assign_coords({"point": ("point", np.arange(len(points))), **coords})


def provenance(
    compiled: Compiled,
    *,
    seed: int | None,
    shots: int | None,
    emulator: Emulator,
    pruned: float,
    wall_s: float,
    varied: frozenset[str] = frozenset(),
    noise_settings: NoiseSettings = NOTHING,
    state: str = "vector",
    neglect: float = NEGLIGIBLE,
    neglected: float = 0.0,
) -> dict[str, Any]:
    """Return the attributes that make a record explain itself."""
    program = compiled.program
    attrs: dict[str, Any] = {
        "title": program.name,
        "summary": program.about,
        "program_json": program.to_json(),
        "program_sha256": program.fingerprint(),
        "parameters_json": json.dumps({k: v for k, v in compiled.parameters.items() if k not in varied}),
        "device": program.device_name,
        "machines": "emulators only" if obstacles(compiled) else "emulators, or one job per round",
        "levels": " ".join(compiled.target.levels),
        "shots": "exact" if shots is None else shots,
        "seed": "none" if seed is None else str(seed),
        "rng": f"numpy Philox, SeedSequence spawn_key (point, cohort, stream), cohorts of {COHORT}",
        "emulator": emulator.name,
        "emulator_json": json.dumps(options_of(emulator)),
        "state": state,
        "neglect": neglect,
        "neglected": neglected,
        "noise_json": json.dumps(None if noise_settings.noise is None else noise_settings.noise.to_dict()),
        "hardware_json": json.dumps(noise_settings.hardware.to_dict()),
        "versions_json": json.dumps({name: version_of(name) for name in (*PACKAGES, *emulator.capabilities.packages)}),
        "git_commit": commit(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(wall_s, 3),
    }
    if shots is None:
        attrs["pruned_probability"] = pruned
    elif uses_ensemble(compiled.steps):
        attrs["ensemble_cohort"] = COHORT  # shots that share what is fed back: errors are those of whole cohorts
    return attrs


@cache
def version_of(name: str) -> str:
    """Return the installed version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


@cache
def commit() -> str:
    """Return the commit of the source that runs, where it runs from its repository."""
    root = Path(__file__).resolve().parents[2]
    if not ((root / ".git").exists() and (root / "pyproject.toml").exists()):
        return "none"
    try:
        told = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "none"
    return told.stdout.strip()


def outcome_arrays(record: xr.Dataset) -> dict[str, NDArray[np.int8]]:
    """Return the outcomes of a sampled record by key."""
    return {str(k): v.values for k, v in record.data_vars.items() if v.dtype == np.int8}
