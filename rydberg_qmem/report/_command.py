"""The command that makes a record again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rydberg_qmem.emulators.registry import changed_options
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program

if TYPE_CHECKING:
    import xarray as xr


def command(record: xr.Dataset, program: Program, call: Mapping[str, Any] | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the `rqm run` that makes a record again, and what of its call a command line cannot say.

    `call` is what a store keeps of the call; without it, inputs and rounds other than the program's own are not known.

    >>> import rydberg_qmem as rq
    >>> record = rq.run("rabi", shots=10, seed=3)
    >>> command(record, rq.load("rabi"))[0]
    'rqm run rabi --shots 10 --seed 3'
    """
    known = dict(call or {})
    words = ["rqm", "run", named(program) or f"{program.name}.json", *_sampling(record.attrs)]
    words += _parameters(record, program, known)
    unsaid = []
    for name, value in (known.get("inputs") or {}).items():
        if isinstance(value, str):
            words += ["--input", f"{name}={value}"]
        else:
            unsaid.append(f"input {name} was given as an array; the record holds it")
    if known.get("rounds") is not None:
        words += ["--rounds", str(known["rounds"])]
    if record.attrs["emulator"] != "exact":
        words += ["--emulator", str(record.attrs["emulator"])]
    options = json.loads(record.attrs.get("emulator_json", "{}"))
    for name, value in changed_options(str(record.attrs["emulator"]), options).items():
        words += ["--emulator-option", f"{name}={json.dumps(value)}"]
    for option, attr in (("noise", "noise_json"), ("hardware", "hardware_json")):
        value = json.loads(record.attrs.get(attr, "null"))
        if value and value != {"name": "ideal"}:
            own = option == "hardware" and set(value) >= {"name"}
            words += [f"--{option}", str(value["name"]) if own else f"{option}.yaml"]
            if not own:
                unsaid.append(f"{option}.yaml must hold: {json.dumps(value)}")
    return shlex.join(words), tuple(unsaid)


def named(program: Program) -> str | None:
    """Return the name of the ready sequence that a program is, if it is one."""
    try:
        return program.name if load(program.name).fingerprint() == program.fingerprint() else None
    except QmemError:
        return None


def _sampling(attrs: Mapping[Any, Any]) -> list[str]:
    shots = ["--exact"] if attrs["shots"] == "exact" else ["--shots", str(attrs["shots"])]
    return shots + ([] if attrs["seed"] == "none" else ["--seed", str(attrs["seed"])])


def _parameters(record: xr.Dataset, program: Program, call: Mapping[str, Any]) -> Iterator[str]:
    """Yield --set and --sweep; a parameter that follows from others, or is the program's own, is not set."""
    own = _own(program)
    known = call.get("parameters")
    for name, value in (known if known is not None else json.loads(record.attrs["parameters_json"])).items():
        if known is not None or value != own.get(name):
            yield from ("--set", f"{name}={value:.17g}")
    swept = [str(name) for name, c in record.coords.items() if c.dims == ("point",) and name != "point"]
    if swept:
        points = zip(*(record[name].values.tolist() for name in swept), strict=True)
        yield from ("--sweep", f"{','.join(swept)}={','.join(':'.join(f'{v:.17g}' for v in p) for p in points)}")


def _own(program: Program) -> Mapping[str, float]:
    from rydberg_qmem.compile.bind import bind_parameters

    return bind_parameters(program)
