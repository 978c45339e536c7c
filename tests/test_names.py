"""Every name that the language takes works in every place, or is refused there by the check."""

from __future__ import annotations

from keyword import kwlist
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import ProgramError
from rydberg_qmem.language.arithmetic import FUNCTIONS

OF_STORES = ("progress", "attrs", "data", "dims", "coords", "variables", "index", "values", "name", "zarr", "c", "meta")
OF_RECORDS = ("shot", "point", "round", "round_2", "time_us", "time_us_round", "m_atom", "n_atom", "x_final", "qmem")
OF_THE_LANGUAGE = (
    "all",
    "k",
    "pi",
    "e",
    "lag__",
    "ensemble_mean_x",
    "uniform_",
    "atom",
    "body",
    "format",
    "q",
    "None_",
)
NAMES = (*OF_STORES, *OF_RECORDS, *OF_THE_LANGUAGE, *sorted(FUNCTIONS), *kwlist)


def program(**names: str) -> dict[str, Any]:
    """Return a program in which each place has its ordinary name, but for those given."""
    n = {"atom": "s", "key": "n", "memory": "x", "window": "w", "input": "u", "parameter": "p", "counter": "j",
         "loop": "lap", "probe": "seen", "variable": "each", **names}  # fmt: skip
    body = [
        {"rotate": {"atom": n["atom"], "angle": f"{n['input']} * {n['parameter']} + {n['memory']} + {n['counter']}"}},
        {"for_each": {"atom": "all", "as": n["variable"], "body": [{"reset": {"atoms": f"${n['variable']}"}}]}},
        {"measure": {"atoms": [n["atom"], "t"], "key": n["key"]}},
        {"set": {n["memory"]: f"{n['key']}.{n['atom']} + mean({n['window']})"}},
        {"push": {n["window"]: f"{n['key']}.t"}},
        {"probe": {"atoms": n["atom"], "key": n["probe"], "occupation": True, "purity": True}},
    ]
    return {
        "format": "rydberg_qmem-program/1",
        "name": "names",
        "register": {"atoms": {n["atom"]: [0, 0], "t": [30, 0]}},
        "parameters": {n["parameter"]: 1},
        "inputs": {n["input"]: {"default": "k / 2", "rounds": 2}},
        "memory": {n["memory"]: {"initial": 0}, n["window"]: {"initial": 0, "window": 2}},
        "body": [{"repeat": {"over": n["input"], "counter": n["counter"], "name": n["loop"], "body": body}}],
    }


PLACES = ("atom", "key", "memory", "window", "input", "parameter", "counter", "loop", "probe", "variable")


def verdict(place: str, name: str, store: Path | None) -> str:
    """Load, check, run and sweep a program with a name in a place; return at which of these it was refused."""
    try:
        made = rq.Program.from_dict(program(**{place: name}))
    except ProgramError as error:
        named = any(name in f"{problem.place} {problem.value}" for problem in error.problems)
        return "load" if named else f"load, but says {error}"
    problems = rq.check(made)
    if problems:
        return "check" if all(problem.place for problem in problems) else f"check, but says {problems}"
    swept = name if place == "parameter" else "p"
    options: dict[str, Any] = {"shots": 3, "seed": 1, "emulator": "ideal"}
    plain = rq.run(made, **options)
    assert rq.run(made, sweep={swept: [0.5, 1]}, **options).sizes["point"] == 2
    if store is not None:
        kept = rq.run(made, store=store / f"{place}-{name}.zarr", **options)
        rq.run(made, sweep={swept: [0.5, 1]}, store=store / f"{place}-{name}-swept.zarr", **options)
        opened = rq.open_record(store / f"{place}-{name}.zarr")
        for variable in plain.data_vars:
            assert np.array_equal(plain[variable], opened[variable], equal_nan=True), (place, name, variable)
        assert set(kept.variables) == set(plain.variables)
    return "runs"


@pytest.mark.parametrize("place", PLACES)
def test_a_name_of_the_grammar_is_refused_where_it_is_given(place: str) -> None:
    for name in ("lambda", "in", "is", "and", "None"):
        if place != "variable":  # stands behind a $, so that no expression reads it by itself
            assert verdict(place, name, None) == "load", (place, name)


@pytest.mark.parametrize("place", PLACES)
def test_an_allowed_name_runs_or_is_refused_with_its_place(place: str, tmp_path: Path) -> None:
    for name in ("progress", "round", "time_us", "all", "ensemble_mean_x", "m_atom"):
        assert verdict(place, name, tmp_path if name == "progress" else None) in ("load", "check", "runs")


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_every_name_runs_and_is_kept_or_is_refused_with_its_place(place: str, tmp_path: Path) -> None:
    verdicts = {name: verdict(place, name, tmp_path) for name in NAMES}

    assert set(verdicts.values()) <= {"load", "check", "runs"}
    assert {name for name in kwlist if verdicts[name] != "load"} <= (set(kwlist) if place == "variable" else set())
    assert verdicts["attrs"] == verdicts["ensemble_mean_x"] == "runs"
