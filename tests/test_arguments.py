"""Every argument of every public function is refused by its name where its type or value cannot be."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem import analysis, cells, gallery, learning, plots


class Stranger:
    """An object that nothing here knows, whose text cannot be had."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


BAD: dict[str, Any] = {
    "None": None,
    "nan": float("nan"),
    "inf": float("inf"),
    "-1": -1,
    "0": 0,
    "1.5": 1.5,
    "text": "x",
    "empty text": "",
    "bytes": b"x",
    "empty list": [],
    "empty mapping": {},
    "empty tuple": (),
    "empty set": set(),
    "set": {1},
    "object": Stranger(),
    "class": Stranger,
    "function of nothing": lambda: 1,
    "True": True,
    "NumPy's True": np.True_,
    "huge": 10**5000,
    "array": np.array([1, 2]),
    "array of text": np.array("x"),
    "ragged": [[1, 2], [3]],
    "list of text": ["a"],
    "mapping to text": {"a": "b"},
    "mapping of numbers": {1: 2},
    "mapping to a list": {"a": []},
    "range": range(3),
    "masked": np.ma.array([1.0, 2.0], mask=[False, True]),
    "dataset": xr.Dataset(),
    "complex": complex(1, 2),
}
"""Values by what they are; most are wrong everywhere."""


@cache
def record() -> xr.Dataset:
    return rq.run("two_port_memristor", shots=40, seed=1, emulator="ideal", parameters={"period": 4, "window": 2})


@cache
def looked_at() -> xr.Dataset:
    """Return a record with tomography of a pair, and with its settings swept."""
    program = rq.Program(
        name="pair",
        register={"atoms": {"a": (0, 0), "b": (20, 0)}},
        parameters={"setting": 0},
        body=[{"rotate": {"atom": "a", "angle": "pi / 2"}}, *cells.tomography(["a", "b"])],
    )
    return rq.run(program, shots=60, seed=1, emulator="ideal", sweep={"setting": list(range(9))})


@cache
def circle() -> xr.Dataset:
    phase = 2 * np.pi * np.arange(201) / 100
    return xr.Dataset({"u": ("round", np.sin(phase)), "v": ("round", np.cos(phase))})


@cache
def seen() -> xr.Dataset:
    """Return a record with a density matrix."""
    rho = xr.DataArray(np.diag([0.0, 1.0, 0.0]), dims=("rho_row", "rho_column"))
    return xr.Dataset({"rho": rho}, attrs={"levels": "r g h"})


@dataclass(frozen=True)
class Call:
    """A call that works: a public function with arguments of which each is then made wrong."""

    function: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]

    @property
    def name(self) -> str:
        module = self.function.__module__.removeprefix("rydberg_qmem.").partition(".")[0]
        return f"{module}.{self.function.__name__}"


def _calls() -> list[Call]:
    program = rq.load("two_port_memristor")
    loop = {"drive": "n_in", "response": "clicks.s"}
    series = {"features": np.eye(6)[:, :3], "targets": np.arange(6.0)}
    some = {"states": np.linspace(0, 1, 80).reshape(40, 2), "inputs": np.linspace(-1, 1, 40)}
    return [
        Call(rq.run, lambda: {"program": "two_port_memristor", "shots": 3, "seed": 1, "emulator": "ideal"}),
        Call(rq.check, lambda: {"program": "rabi"}),
        Call(rq.estimate, lambda: {"program": "rabi", "shots": 3, "emulator": "ideal"}),
        Call(rq.load, lambda: {"name_or_path": "rabi"}),
        Call(rq.open_record, lambda: {"path": "r.zarr"}),
        Call(rq.verify, lambda: {"path": "r.zarr"}),
        Call(rq.save_record, lambda: {"record": record(), "path": "s.zarr"}),
        Call(rq.Replay, lambda: {"outcomes": {"m": [[0, 1]]}}),
        Call(rq.map_blocks, lambda: {"program": program, "change": lambda block: block}),
        Call(rq.optimise, lambda: {"objective": lambda p: p["x"] ** 2, "start": {"x": 1.0}, "evaluations": 4}),
        Call(gallery.entries, lambda: {"search": "memristor"}),
        Call(analysis.hysteresis, lambda: {"record": record(), **loop, "bootstrap": 4}),
        Call(analysis.loop, lambda: {"record": record(), **loop}),
        Call(analysis.memristivity, lambda: {"record": circle(), "drive": "u", "response": "v", "bootstrap": 4}),
        Call(analysis.memory_time, lambda: {"record": circle(), "drive": "u", "response": "v", "lags": 1, "blocks": 2}),
        Call(analysis.outcome_mean, lambda: {"record": record(), "key": "clicks"}),
        Call(analysis.program_json, lambda: {"record": record()}),
        Call(analysis.standard_error, lambda: {"samples": [1.0, 2.0, 3.0]}),
        Call(analysis.mutual_information, lambda: {"earlier": record().clicks[..., 0, 0],
                                                   "later": record().clicks[..., 1, 0], "bootstrap": 4}),
        Call(analysis.density_matrix, lambda: {"record": seen(), "key": "rho"}),
        Call(analysis.tomography, lambda: {"record": looked_at(), "key": "tomo", "bootstrap": 2}),
        Call(analysis.group, lambda: {"terms": ["XZ", "ZZ"]}),
        Call(analysis.unstack, lambda: {"record": looked_at()}),
        Call(plots.hysteresis, lambda: {"record": record(), **loop}),
        Call(plots.program, lambda: {"prog": program}),
        Call(plots.pulses, lambda: {"program": program, "parameters": {"period": 4}}),
        Call(plots.register, lambda: {"register_or_program": program}),
        Call(cells.tomography, lambda: {"atoms": ["a"]}),
        Call(cells.crosstalk, lambda: {"program": program}),
        Call(cells.ion_memristor, dict),
        Call(cells.network, lambda: {"units": 2}),
        Call(cells.coupled, dict),
        Call(learning.accuracy, lambda: {"targets": [0, 1], "predictions": [0, 1]}),
        Call(learning.mse, lambda: {"targets": [0, 1], "predictions": [0, 1]}),
        Call(learning.nmse, lambda: {"targets": [0, 1], "predictions": [0, 1]}),
        Call(learning.fit_ridge, lambda: dict(series)),
        Call(learning.kernel_rank, lambda: {"features": series["features"]}),
        Call(learning.separation, lambda: {"features": series["features"], "labels": [0, 0, 0, 1, 1, 1]}),
        Call(learning.polynomial, lambda: {"features": series["features"], "degree": 2}),
        Call(learning.window, lambda: {"inputs": [1.0, 2.0, 3.0], "length": 2}),
        Call(learning.memory_capacity, lambda: {**some, "delays": [1], "washout": 2}),
        Call(learning.processing_capacity, lambda: {**some, "degree": 1, "delays": 1, "washout": 2}),
        Call(learning.echo_state, lambda: {"inputs": [1.0, 2.0], "size": 3, "seed": 1}),
        Call(learning.narma, lambda: {"order": 2, "length": 30, "seed": 1}),
        Call(learning.narma_memristor, lambda: {"length": 30, "seed": 1}),
        Call(learning.mackey_glass, lambda: {"length": 30, "seed": 1}),
        Call(learning.parity, lambda: {"length": 30, "order": 2, "seed": 1}),
        Call(learning.short_term_memory, lambda: {"length": 30, "delays": [1], "seed": 1}),
        Call(learning.random_photons, lambda: {"cells": 2, "channels": 1, "seed": 1}),
        Call(learning.memristor_network, lambda: {"photons": ["x0"], "time_constants": [2.0]}),
        Call(learning.frozen, lambda: {"program": program}),
    ]  # fmt: skip


CALLS = _calls()


def _cases() -> Iterator[tuple[Call, str, str]]:
    for call in CALLS:
        for name in inspect.signature(call.function).parameters:
            for what in BAD:
                yield call, name, what


CASES = list(_cases())
RIGHT = {
    **{key: {"text", "empty text", "None"} for key in ("search", "tag")},
    **{key: {"True", "NumPy's True"} for key in ("overwrite", "errors", "standardise", "probes")},
    **{key: {"0", "1.5"} for key in ("neglect", "tolerance", "radius", "rate", "damping", "regularisation", "least")},
    **{key: {"-1", "0", "1.5"} for key in ("gain", "leak", "strength", "phase", "angle", "axis", "cycle")},
    **{key: {"1.5"} for key in ("perturbation", "spacing_um", "step", "width_in", "rabi")},
    **{key: {"1.5", "inf"} for key in ("max_memory_gb", "max_seconds")},
    **{key: {"0"} for key in ("seed", "bootstrap")},
    **{key: {"empty mapping"} for key in ("parameters", "noise", "hardware", "sweep", "bounds", "measures")},
    **{key: {"list of text"} for key in ("atoms", "photons")},
    **{key: {"text"} for key in ("key", "setting", "device", "label")},
    **{key: {"array"} for key in ("targets", "predictions", "labels")},
    **{key: {"array", "range"} for key in ("delays",)},
    "inputs": {"empty mapping", "array", "range"},
    "features": {"array", "range"},
    "samples": {"array", "range", "empty list", "empty tuple"},
    "terms": {"empty list", "empty tuple", "empty mapping"},
    "outcomes": {"empty mapping", "mapping to a list"},
    "roles": {"empty mapping", "mapping to text"},
    "record": {"dataset"},
    "store": {"text"},
    "path": {"text"},
    "kept": {"empty list", "empty tuple"},
    "progress": {"True"},
}
"""What of `BAD` is right, by the name of the argument; None where it says that nothing is asked for."""
PROGRAMS = ("name_or_path", "prog", "register_or_program")
TOLD = {("check", "parameters"): {"mapping to text"}, ("check", "inputs"): {"mapping to text", "mapping to a list"}}
"""Where `check` hands back a problem instead of raising it."""


def _in_other_words(name: str, message: str) -> bool:
    """Return whether a message names an argument by what it stands for."""
    said = {
        "terms": "Pauli strings",
        "states": "must have the same number of rounds",
        "record": "key must name a probe",
        "kept": "must be of atoms with the levels",
        "overwrite": "will not be overwritten",
    }
    return said.get(name, "\0") in message


def may_be(call: Call, name: str, what: str) -> bool:
    """Return whether a value stands in the short list of those that are right, or is what the argument is anyway."""
    default = inspect.signature(call.function).parameters[name].default
    asked = what == "None" and (default is None or name == "shots")
    return asked or what in RIGHT.get(name, ()) or what in TOLD.get((call.function.__name__, name), ())


def outcome(call: Call, name: str, what: str) -> str:
    """Return how a call with one other argument ends: "accepted", "own", "unnamed ..." or "foreign ..."."""
    import matplotlib.pyplot as plt

    value = BAD[what]
    try:
        call.function(**{**call.arguments(), name: value})
    except rq.ProgramError:
        return "own"  # each of its problems has its place in the program
    except rq.QmemError as error:
        return "own" if _names(str(error), name, value) else f"unnamed: {error}"
    except Exception as error:
        return f"foreign: {type(error).__name__}: {str(error)[:200]}"
    finally:
        plt.close("all")
    return "accepted"


def _names(message: str, name: str, value: object) -> bool:
    shown = isinstance(value, str | Path) and str(value) != "" and str(value) in message
    return name in message or shown or _in_other_words(name, message) or (name in PROGRAMS and "program" in message)


def wrong(cases: list[tuple[Call, str, str]]) -> list[str]:
    """Return the calls that end otherwise than they should."""
    found = []
    for call, name, what in cases:
        ends = outcome(call, name, what)
        if ends != "own" and not (ends == "accepted" and may_be(call, name, what)):
            found.append(f"{call.name}({name}={what}): {ends}")
    return found


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_the_calls_whose_arguments_are_made_wrong_are_right(call: Call) -> None:
    given = call.arguments()
    if given.get("path") == "r.zarr":
        rq.save_record(record(), "r.zarr")

    call.function(**given)


def test_a_wrong_argument_is_refused_by_its_name() -> None:
    assert wrong(random.Random(5).sample(CASES, 200)) == []


@pytest.mark.slow
def test_every_wrong_argument_is_refused_by_its_name() -> None:
    assert wrong(CASES) == []


def test_numbers_of_numpy_and_whole_floats_count_as_numbers() -> None:
    asked: list[dict[str, Any]] = [{"shots": np.int64(8), "seed": np.uint8(3)}, {"shots": 8.0, "seed": 3}]

    one, other = (rq.run("rabi", **settings) for settings in asked)

    xr.testing.assert_equal(one, other)


def test_a_check_takes_names_and_plain_data_as_a_run_does() -> None:
    assert rq.check("rabi") == rq.check(rq.load("rabi").to_dict()) == []


def test_shares_may_be_written_as_on_the_command_line() -> None:
    for shard in ("1/2", (2, 2)):
        rq.run("rabi", shots=2000, seed=1, store="r.zarr", shard=shard)

    assert rq.verify("r.zarr").finished


@pytest.mark.parametrize(
    "values", [{1, 2}, np.ma.array([1.0, 2.0], mask=[False, True]), [True], [[1, 2], [3]], [1j], "12"]
)
def test_values_of_a_sweep_have_an_order_and_are_numbers(values: Any) -> None:
    with pytest.raises(rq.InputError, match=r"sweep\.window: "):
        rq.run("two_port_memristor", shots=3, seed=1, sweep={"window": values})
