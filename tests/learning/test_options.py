"""Every wrong option of every estimator is refused in `fit`, by its name and its value."""

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import MemristorClassifier, MemristorReservoir, QuantumReservoir
from rydberg_qmem.programs import memristor_network

X = np.random.default_rng(0).uniform(size=(6, 2))
Y = np.array([0, 1, 0, 1, 0, 1])
NUMBERS: list[Any] = ["0.5", None, [0.5], True, np.nan, np.inf]
COUNTS: list[Any] = [0, -5, 10.5, "3", None, True, [2]]
FLAGS: list[Any] = ["yes", 1, None, 0.0]
CHOSEN: list[Any] = ["means", (), None, ("meanings",), ("means", "means"), (1,), 3]
MACHINE: dict[str, list[Any]] = {
    "shots": [0, -5, 10.5, "100", True, [5], np.nan],
    "emulator": ["idael", None, 3, ""],
    "noise": ["loud", 3, {"p_false_posi": 0.1}, {"p_false_pos": 2.0}],
    "hardware": ["zoned_2042", 3, {"losss": 0.1}, {"loss": 2.0}],
    "n_jobs": [0, 1.5, "two", True],
    "random_state": [-1, 2**32, 1.5, "zero", True],
}
RESERVOIR: dict[str, list[Any]] = {
    "program": [3, "no_such_thing", "nowhere.yaml"],
    "parameters": [3, {"strenght": 1.0}, {"strength": "much"}, {"strength": np.nan}],
    "layout": ["streem", None, 1, ["series"]],
    "window": COUNTS,
    "reset_state": FLAGS,
    "washout": [-1, 2.5, "5", None, True],
    "features": [*CHOSEN, ("memory", "mean")],
    "readout": ["lastt", None, 0, True],
    "scale": ["each", None, 2, "True"],
    "low": [*NUMBERS, 1.0, 5.0],
    "high": [*NUMBERS, 0.0, -1.0],
    "freeze": FLAGS,
    "batch": COUNTS,
    **MACHINE,
}
ARRAY: dict[str, list[Any]] = {
    "encoding": ["locally", None, 3],
    "atoms": [0, 3, 2.5, "2"],
    "spacing_um": [0.0, -8.0, "wide", [8.0, 9.0], [[1.0]], None, np.nan, [-1.0], []],
    "stretch": NUMBERS,
    "rabi": [*NUMBERS, -1.0],
    "detuning": NUMBERS,
    "duration_ns": [*COUNTS, 1],
    "readouts": COUNTS,
    "features": [*CHOSEN, ("memory",)],
    "scale": ["each", None, 2],
    "classical": FLAGS,
    "batch": COUNTS,
    **MACHINE,
}
CLASSIFIER: dict[str, list[Any]] = {
    "cells": [*COUNTS, 129],
    "channels": [*COUNTS, 3],
    "gain": NUMBERS,
    "shortest": [*NUMBERS, 0.5, 7.0],
    "longest": [*NUMBERS, 1.0],
    "port": ["bth", None, 1],
    "features": CHOSEN,
    "readout": ["lastt", None],
    "freeze": FLAGS,
    "C": [*NUMBERS, 0.0, -1.0],
    **MACHINE,
}
TABLE: list[tuple[Any, str, Any]] = [
    (estimator, option, value)
    for estimator, options in ((MemristorReservoir, RESERVOIR), (QuantumReservoir, ARRAY),
                               (MemristorClassifier, CLASSIFIER))
    for option, values in options.items()
    for value in values
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "option", "value"), TABLE)
def test_a_wrong_option_is_refused_by_its_name(estimator: Any, option: str, value: Any) -> None:
    device = estimator(**{option: value})
    named = {"low": "(low|high)", "shortest": "(shortest|longest)", "program": "(program|no_such_thing|nowhere)"}

    with pytest.raises(InputError, match=named.get(option, option)):
        device.fit(X, Y)


@pytest.mark.parametrize(
    ("estimator", "table"),
    [(MemristorReservoir, RESERVOIR), (QuantumReservoir, ARRAY), (MemristorClassifier, CLASSIFIER)],
)
def test_no_option_is_left_out_of_the_table(estimator: Any, table: dict[str, Any]) -> None:
    assert set(estimator().get_params()) == set(table)


def test_a_near_miss_is_told_what_was_meant() -> None:
    with pytest.raises(InputError, match="readout must be one of last, all, but is 'lastt'; did you mean 'last'"):
        MemristorReservoir(readout="lastt").fit(X)  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize("value", [np.int64(3), 3])
def test_whole_numbers_of_numpy_are_taken(value: Any) -> None:
    assert MemristorReservoir(shots=value, batch=value, random_state=0).fit(X).transform(X).shape == (6, 2)


LOOKED: list[Any] = [
    {"rotate": {"atom": "q", "angle": "pi * u / 2"}},
    {"probe": {"atoms": "q", "key": "glimpse", "occupation": True}},
    {"measure": {"atoms": "q", "key": "m"}},
    {"reset": {"atoms": "q"}},
    {"set": {"x": "(x + ensemble_mean(m)) / 2"}},
]


def looked_at(blocks: list[Any], after: list[Any] | None = None) -> rq.Program:
    return rq.Program.model_validate(
        {"name": "looked_at", "device": "MockDevice", "register": {"atoms": {"q": (0, 0), "p": (0, 900)}},
         "inputs": {"u": {"default": "0.5", "rounds": 2}}, "memory": {"x": {"initial": 0.25}},
         "body": [{"repeat": {"over": "u", "body": blocks}}, *(after or [])]}
    )  # fmt: skip


def features(program: rq.Program, *kinds: str) -> Any:
    device = MemristorReservoir(program, features=kinds, scale=False, readout="all")
    return device.fit(X).transform(X)


def test_memory_is_memory_and_nothing_else() -> None:
    first = np.sin(np.pi * X[:, 0] / 4) ** 2

    assert np.allclose(features(looked_at(LOOKED), "memory"), np.stack([0 * first + 0.25, (0.25 + first) / 2], axis=1))


@pytest.mark.parametrize("key", ["glimpse", "probe", "probed", "memory", "a"])
def test_a_probe_is_a_mean_whatever_its_key(key: str) -> None:
    blocks = [*LOOKED[:1], {"probe": {"atoms": "q", "key": key, "occupation": True}}, *LOOKED[2:]]
    found = features(looked_at(blocks), "means")

    assert np.allclose(found, np.repeat(np.sin(np.pi * X / 4) ** 2, 2, axis=1))


def test_what_comes_after_the_rounds_is_no_feature_of_theirs() -> None:
    after = [{"rotate": {"atom": "p", "angle": 1}}, {"measure": {"atoms": ["q", "p"], "key": "final"}}]

    assert np.array_equal(features(looked_at(LOOKED, after), "means"), features(looked_at(LOOKED), "means"))


@pytest.mark.parametrize(
    ("kind", "blocks", "said"),
    [
        ("pairs", LOOKED, "'pairs' gives nothing, as looked_at measures no key of two atoms or more in the rounds"),
        ("memory", LOOKED[:-1], "'memory' gives nothing, as looked_at sets no memory in the rounds"),
        ("means", LOOKED[:1], "'means' gives nothing, as looked_at measures no key and probes nothing"),
        ("products", LOOKED[:1], "'products' gives nothing"),
    ],
)
def test_features_that_a_program_does_not_have_are_refused(kind: str, blocks: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        features(looked_at(blocks), kind)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"port": "bth"}, "port must be one of both, transmitted, reflected, but is 'bth'; did you mean 'both'"),
        ({"memory": "exponental"}, "memory must be one of exponential, window, but is 'exponental'"),
        ({"channels": 0}, "channels must be a whole number of at least 1, but is 0"),
    ],
)
def test_networks_of_other_options_are_refused(change: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        memristor_network(["x0"], **{"time_constants": [4], **change})
