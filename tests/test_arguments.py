"""Every argument of every public function is refused by its name where its type or value cannot be."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import BaseModel

import rydberg_qmem as rq
from tests.calls import Call, calls, record
from tests.surface import public


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
NUMERIC = {"nan", "inf", "-1", "0", "1.5", "array", "range", "empty list", "empty tuple"}
"""Numbers of any kind, one by one or in arrays."""
SETTING = {"-1", "0", "1.5", "text"}
"""Numbers and expressions: what a program's parameter may be set to."""
SETTINGS = (
    "angle", "beta", "bits", "collisions", "detuning", "drift", "epsilon", "first", "gamma", "last", "looks", "margin",
    "occupation", "p", "phase", "phi", "probability", "punishment", "q", "rabi", "rounds", "strength", "theta",
    "widest",
)  # fmt: skip
"""Arguments of protocols that become parameters of their programs."""
RIGHT_HERE = {
    "language.expressions.Expression": {"source": SETTING},
    "programs.cells": {"angle": SETTING, "system": {"text"}, "ancilla": {"text"}},
    "programs.protocols": {
        **dict.fromkeys(SETTINGS, SETTING),
        **{key: {"text"} for key in ("atom", "system", "ancilla")},
        **{key: {"1.5"} for key in ("reach_um", "time_us", "width_us", "step_us")},
        **{key: {"True", "NumPy's True"} for key in ("adaptive", "semi_quantum")},
        "bath": {"array"}, "edge": {"0"}, "swap": {"-1", "0", "1.5"},
    },
    "programs.arrays": {
        **{key: {"-1", "0", "1.5"} for key in ("stretch", "detuning")}, "sample": {"array", "range"},
        **{key: {"0"} for key in ("rabi", "time_ns", "until", "measured_at")},
    },
    "language.models": {
        **{key: {"empty list", "empty tuple", "list of text"} for key in ("body", "tags")},
        "about": {"text", "empty text"}, "update": {"empty mapping"}, "deep": {"True", "NumPy's True"},
    },
    "language.program": {"file": {"text", "empty text"}, "indent": {"0"}},
    **{key: {
        **{name: {"None", "empty mapping"} for name in ("parameters", "inputs", "variables", "qubits", "values")},
        "name": {"text"}, "round": {"0"}, "rounds": {"None"},
    } for key in (
        "language.program.Program.from_pulser", "language.program.Program.to_pulser", "interop.from_pulser",
        "interop.to_pulser.to_pulser",
    )},
    **{key: {
        **{name: {"None"} for name in ("register", "spacing_um", "parameters", "inputs", "rounds", "while_rounds")},
        "name": {"None", "text"},
    } for key in (
        "language.program.Program.from_openqasm", "language.program.Program.to_openqasm", "interop.openqasm",
    )},
    **{key: {name: {"None"} for name in ("ax", "width_in", "parameters", "inputs", "rounds", "rabi", "device", "roles")}
       for key in ("plots._draw", "language.program.Program.draw", "language.registers.Register.draw")},
    "interop.export.write": {"made": {"empty list", "empty tuple"}},
    "gates._calibration": {"interaction": {"1.5"}, "infidelity": {"1.5"}},
    "emulators": {
        **{key: {"1.5"} for key in ("precision", "longest_ns", "krylov_tolerance", "relative_tolerance")},
        "backend": {"class"}, "journal": {"text"}, "resubmit": {"True", "NumPy's True"}, "poll_s": {"0", "1.5"},
        "dark_ns": {"0"}, "gpu": {"True", "NumPy's True"},
    },
    "language.hardware": {"value": {"None", "empty mapping"}, "atom": {"text"}},
    "language.noise.Noise.of": {"value": {"None", "empty mapping"}},
    "analysis": {
        **{key: {"True", "NumPy's True"} for key in ("window_includes_present", "signed", "unfold")},
        **{key: {"empty list", "empty tuple"} for key in ("keys", "part")},
        "focus": {"0"}, "sigmas": {"0", "1.5"}, "starts": {"0"},
    },
    "report._page": {
        **{key: {"None"} for key in ("drive", "response")},
        "call": {"None", "empty mapping", "mapping to text", "mapping to a list"},
    },
    "plots._style.paper": {"height_in": {"1.5"}},
    "learning": {
        **{key: {"0"} for key in ("correct", "washout", "random_state", "time_ns", "until", "measured_at")},
        **{key: {"True", "NumPy's True"} for key in ("classical", "freeze", "reset_state", "scale")},
        **{key: {"-1", "0", "1.5"} for key in ("stretch", "detuning")},
        **{key: {"1.5"} for key in ("high", "shortest", "longest", "C")},
        **{key: {"empty mapping"} for key in ("start", "extra")},
        **{key: {"empty list", "empty tuple", "array"} for key in ("windows", "polynomials")},
        **{key: {"array", "range"} for key in ("sample", "classes")},
        "regularisation": {"array", "range"}, "name": {"text", "empty text"}, "n_jobs": {"-1"}, "low": {"-1", "0"},
        "rabi": {"0"}, "rate": {"-1"}, "weights": {"empty list", "empty tuple", "array", "range"}, "bias": NUMERIC,
        "y": set(BAD),  # transformers do not look at targets
    },
}  # fmt: skip
"""What else is right, by the beginning of the function's name and the argument."""
PROGRAMS = ("name_or_path", "prog", "register_or_program")
TOLD = {
    ("verification._check.check", "parameters"): {"mapping to text"},
    ("verification._check.check", "inputs"): {"mapping to text", "mapping to a list"},
}
"""Where `check` hands back a problem instead of raising it."""


def _in_other_words(name: str, message: str) -> bool:
    """Return whether a message names an argument by what it stands for."""
    said = {
        "terms": "Pauli strings",
        "states": "must have the same number of rounds",
        "record": "must name a ",
        "kept": "must be of atoms with the levels",
        "overwrite": "will not be overwritten",
        "wanted": "emulator: ",
        "value": "hardware: ",
        "low": "high must be a finite number above 1.5",
        "source": "must ",
        "times": "must give one rising time",
        "samples": "must hold at least one sample",
        "waveforms": "must hold at least one waveform",
        "atoms": "must hold at least one atom",
        "default": "must say for how many rounds",
        "at_rest": "must name the channel that comes to rest",
        "occupation": "must ask for at least one quantity",
        "trap_waist": "trap_depth",
        "eff_noise_rates": "rates list",
        "with_leakage": "simulate leakage",
        "sequence": "from_pulser: ",
        "variables": "is no variable of the sequence",
    }
    return (
        said.get(name, "\0") in message
        or ("must be a Noise" in message and name == "value")
        or ("setting: must be" in message and name == "atoms")
    )


FORMULAS = ("analysis.geometry.", "analysis.closed_forms.")
"""Modules of formulas, which take numbers and arrays of any kind."""
NEVER = {
    "nan", "inf", "bytes", "empty set", "set", "object", "class", "function of nothing", "huge", "array of text",
    "ragged", "masked", "dataset", "complex",
}  # fmt: skip
"""What no part of a program is made of."""
EXCEPTIONS = {
    r"emulators(\.\w+)+\.[A-Z]\w+\.(?!stored$)\w+": "what a run asks of an emulator, step by step",
    r"emulators\.(protocol\.(Capabilities|Emulator|NoisyEmulator)|noise_channel\.NoiseChannel)": (
        "what emulators and runs tell each other"
    ),
    r"language\.blocks\.walking\.\w+": "takes the blocks of a program, which is made of nothing else",
    r"language\.expressions\.Expression\.(bind|evaluate|substitute)": "what a run asks of an expression, step by step",
    r"language\.models\.Model\.unchecked": "is the way around the checks, for parts that are known to fit",
    r"interop\.openqasm\._circuits\.from_(qiskit|cirq)": "takes circuits of packages that the tests do without",
    r"gallery\.Entry|learning\.(capacities\.ProcessingCapacity|datasets\.Cases|measures\.MemoryCapacity)|"
    r"learning\.optimise\.Optimum": "holds what a function gives",
}
"""What is public and yet not held against this law, and why."""
SCIKIT_LEARN = ("X", "y")
"""Arguments of estimators that scikit-learn itself refuses, by ValueError and TypeError, as all estimators do."""


def may_be(call: Call, name: str, what: str) -> bool:
    """Return whether a value stands in the short list of those that are right, or is what the argument is anyway."""
    if what == "None" and (call.parameters[name] is None or name == "shots"):
        return True
    if call.name.startswith(FORMULAS) and what in NUMERIC:
        return True
    if hasattr(call.function, "model_fields"):
        flag = call.function.model_fields.get(name)
        truth = what in ("True", "NumPy's True") and not (flag is not None and flag.annotation is bool)
        return what not in NEVER and not truth
    here = (right for begin, right in RIGHT_HERE.items() if call.name.startswith(begin))
    if any(what in right.get(name, ()) for right in here):
        return not (name == "y" and "Classifier" in call.name)
    return what in RIGHT.get(name, ()) or what in TOLD.get((call.name, name), ())


def outcome(call: Call, name: str, what: str) -> str:
    """Return how a call with one other argument ends: "accepted", "own", "unnamed ..." or "foreign ..."."""
    import matplotlib.pyplot as plt

    value = BAD[what]
    try:
        with np.errstate(all="ignore"):  # what a formula is at infinity
            made = call.function(**{**call.arguments(), name: value})
    except rq.ProgramError as error:
        part = hasattr(call.function, "model_fields")  # a program's problems each have their place in it
        return "own" if not part or _names(str(error), name, value) else f"unnamed: {error}"
    except rq.QmemError as error:
        return "own" if _names(str(error), name, value) else f"unnamed: {error}"
    except (TypeError, ValueError, OverflowError) as error:
        return "own" if name in SCIKIT_LEARN and call.name.endswith(ESTIMATOR_METHODS) else _foreign(error)
    except Exception as error:
        return _foreign(error)
    finally:
        plt.close("all")
    return "accepted" if not isinstance(made, BaseModel) or _is_data(made) else "accepted, but is no plain data"


ESTIMATOR_METHODS = (".fit", ".transform", ".predict", ".predict_proba", ".decision_function")


def _foreign(error: Exception) -> str:
    try:
        return f"foreign: {type(error).__name__}: {str(error)[:200]}"
    except RuntimeError:  # its value has no text
        return f"foreign: {type(error).__name__}"


def _is_data(made: Any) -> bool:
    """Return whether a part of a program is the same after it was written and read."""
    written = json.loads(json.dumps(made.model_dump(mode="json", by_alias=True), allow_nan=False))
    return bool(type(made).model_validate(written) == made)


def _names(message: str, name: str, value: object) -> bool:
    shown = isinstance(value, str | Path) and str(value) != "" and str(value) in message
    return name in message or shown or _in_other_words(name, message) or (name in PROGRAMS and "program" in message)


def wrong(cases: Iterable[tuple[Call, str, str]]) -> list[str]:
    """Return the calls that end otherwise than they should."""
    found = []
    for call, name, what in cases:
        ends = outcome(call, name, what)
        if ends != "own" and not (ends == "accepted" and may_be(call, name, what)):
            found.append(f"{call.name}({name}={what}): {ends}")
        for made in ("s.zarr", "segments"):
            shutil.rmtree(made, ignore_errors=True)
        for made in ("r.nc", "page.html"):
            Path(made).unlink(missing_ok=True)
    return found


def cases() -> list[tuple[Call, str, str]]:
    """Return every call with each of its arguments and each value that it may be."""
    return [(call, name, what) for call in calls() for name in call.parameters for what in BAD]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("laser.txt").write_text("1\n2\n")
    np.savez("digits.npz", images=np.ones((2, 3, 3)), labels=np.arange(2))


def test_every_public_function_has_a_call_or_a_reason_to_have_none() -> None:
    called, there = {call.name for call in calls()}, set(public())
    excepted = {name for name in there if any(re.fullmatch(pattern, name) for pattern in EXCEPTIONS)}

    assert called | excepted == there
    assert not called & excepted
    assert all(any(re.fullmatch(pattern, name) for name in there) for pattern in EXCEPTIONS)


def test_the_calls_whose_arguments_are_made_wrong_are_right() -> None:
    rq.save_record(record(), "r.zarr")

    for call in calls():
        call.function(**call.arguments())


def test_a_wrong_argument_is_refused_by_its_name() -> None:
    assert wrong(random.Random(5).sample(cases(), 400)) == []


@pytest.mark.slow
def test_every_wrong_argument_is_refused_by_its_name() -> None:
    assert wrong(cases()) == []


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
