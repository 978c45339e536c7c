"""From a built Pulser sequence to a program that plays the same samples, nanosecond by nanosecond, and measures.

The calls that made the sequence become blocks, one for one. Where that does not give the same samples (`truncate`, a
channel aimed twice before it plays, …) the schedule is translated instead, pulse by pulse. Either way the program is
exported again and compared with its source: amplitudes and detunings to the last bit, phases to rounding.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.pulser_calls import called
from rydberg_qmem.compile.pulser_schedule import scheduled
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.compile.to_pulser import to_pulser
from rydberg_qmem.errors import CapabilityError, InputError, QmemError
from rydberg_qmem.language.blocks import AnyBlock, Measure
from rydberg_qmem.language.program import Program

Samples = NDArray[np.float64]
Played = dict[tuple[str, str], Mapping[str, Samples]]
ROUNDING = 1e-11
"""Phases (rad) that differ by less are sums of the same numbers in another order."""
FIELD_ALONG_Z = (0.0, 0.0, 30.0)


def from_pulser(sequence: Any, *, name: str = "from_pulser", key: str = "m", basis: str | None = None) -> Program:
    """Return a program that plays a built `pulser.Sequence` (or its abstract JSON) and measures all its atoms.

    The outcome is kept under `key`, in the basis that the sequence measures, or else in `basis`, or else in the
    only one that it addresses. Raises InputError for a sequence that is not built, that addresses several bases
    and measures none, or that holds what a program cannot say, such as an SLM mask on microwaves.

    >>> import pulser
    >>> sequence = pulser.Sequence(pulser.Register({"q": (0, 0)}), pulser.MockDevice)
    >>> sequence.declare_channel("ryd", "rydberg_global")
    >>> sequence.add(pulser.Pulse.ConstantPulse(200, 3.0, 0.0, 0.0), "ryd")
    >>> [block.kind for block in from_pulser(sequence).body]
    ['pulse', 'measure']
    """
    built = _built(sequence)
    names = _names(built.register.qubit_ids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = json.loads(built.to_abstract_repr(skip_validation=True))
        device, channels = _channels(built, told)
        frame = {"name": name, "device": device, "register": _register(built.register, names), **_field(built)}
        measure = Measure(atoms="all", key=key, basis=told["measurement"] or basis or _only_basis(built))
        wanted = _played(built, names)
        for translated in (called, scheduled):
            program = _tried(translated, built, told, channels, names, {**frame, "measure": measure})
            if program is not None and _same(_exported(program, names), wanted):
                return program
    raise CapabilityError("from_pulser: what the sequence plays cannot be said in blocks")


def _tried(
    translated: Any, sequence: Any, told: Any, channels: Mapping[str, str], names: Any, frame: Mapping[str, Any]
) -> Program | None:
    """Return a translation, or None where it needs what no block says."""
    fields = {name: value for name, value in frame.items() if name != "measure"}
    try:
        body: tuple[AnyBlock, ...] = translated(sequence, told, channels, names)
        program = Program(**fields, body=(*body, frame["measure"]))
        compile_program(program)
    except (QmemError, ValueError):
        return None
    return program


def _register(register: Any, names: Mapping[Any, str]) -> Any:
    """Return the atoms by name, in the traps of their layout if they have one."""
    if register.layout is not None:
        ids = map(int, register._layout_info.trap_ids)  # Pulser tells it nowhere else
        return {"traps": register.layout, "trap_ids": dict(zip(names.values(), ids, strict=True))}
    return {"atoms": {names[q]: tuple(p.as_array(detach=True).tolist()) for q, p in register.qubits.items()}}


def _field(sequence: Any) -> dict[str, Any]:
    if "XY" not in {channel.basis for channel in sequence.declared_channels.values()}:
        return {}
    field = tuple(float(part) for part in sequence.magnetic_field)
    return {} if field == FIELD_ALONG_Z else {"magnetic_field": field}


def _built(sequence: Any) -> Any:
    import pulser

    if isinstance(sequence, str | Mapping):
        text = sequence if isinstance(sequence, str) else json.dumps(sequence)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sequence = pulser.Sequence.from_abstract_repr(text)
        except Exception as error:  # Pulser's schema errors come in several types, pages long
            why = f"{type(error).__name__}: {str(error).splitlines()[0]:.200}"
            raise InputError(f"from_pulser: the text is not a sequence in Pulser's abstract form ({why})") from None
    if not isinstance(sequence, pulser.Sequence):
        raise InputError(f"from_pulser: must be given a pulser.Sequence ({type(sequence).__name__})")
    if sequence.is_parametrized() or sequence.is_register_mappable():
        raise InputError("from_pulser: the sequence must be built first: sequence.build(variable=value, …)")
    if not sequence.declared_channels:
        raise InputError("from_pulser: the sequence declares no channel")
    return sequence


def _names(ids: tuple[Any, ...]) -> dict[Any, str]:
    """Return a name that expressions can read for each qubit: its own where it can."""
    made: dict[Any, str] = {}
    for qubit in ids:
        text = re.sub(r"\W", "_", str(qubit), flags=re.ASCII)
        text = text if text[:1].isalpha() and text[0] != "_" else f"q{text.lstrip('_')}"
        while text in made.values():
            text += "_"
        made[qubit] = text
    return made


def _only_basis(sequence: Any) -> str:
    bases = sorted(sequence.get_addressed_bases())
    if len(bases) == 1:
        return str(bases[0])
    found = " and ".join(bases) or "none"
    raise InputError(f"from_pulser: the sequence measures nothing and addresses {found}: give the basis to measure in")


# --- channels ---


def _channels(sequence: Any, told: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return the device, and its channel for each declared name; a channel declared twice is there twice."""
    device, channels = sequence.device, dict[str, str]()
    for name in sequence.declared_channels:
        wanted = told["channels"].get(name) or re.match(r"dmm_\d+", name).group()  # type: ignore[union-attr]  # else a DMM
        if wanted in channels.values():
            device, wanted = _with_copy(device, wanted)
        channels[name] = wanted
    return device, channels


def _with_copy(device: Any, channel_id: str) -> tuple[Any, str]:
    """Return a virtual device with one more channel like one that it has."""
    if channel_id.startswith("dmm_"):
        copies = (*device.dmm_objects, device.dmm_channels[channel_id])
        return replace(device, dmm_objects=copies), f"dmm_{len(copies) - 1}"
    fresh = next(made for i in range(2, 1000) if (made := f"{channel_id}_{i}") not in device.channels)
    channels = {**device.channels, fresh: device.channels[channel_id]}
    return replace(device, channel_objects=tuple(channels.values()), channel_ids=tuple(channels)), fresh


# --- the proof ---


def _exported(program: Program, names: Mapping[Any, str]) -> Played | None:
    """Return what a program's only segment plays, exported to Pulser; None where it cannot be."""
    compiled = compile_program(program)
    segments = [step for step in compiled.steps if isinstance(step, Segment)]
    if not segments:
        return {}
    try:
        made = to_pulser(plan_segment(segments[0], compiled.target), {})
    except QmemError:
        return None
    return _played(made, {name: name for name in names.values()})


def _played(sequence: Any, names: Mapping[Any, str]) -> Played:
    """Return the samples of each atom in each basis, where there are any, and how long all lasts."""
    from pulser.sampler import sample

    if not sequence.get_duration():
        return {}
    nested = sample(sequence).to_nested_dict(all_local=True)["Local"]
    every = {(basis, names[q]): parts for basis, atoms in nested.items() for q, parts in atoms.items()}
    return {at: parts for at, parts in every.items() if np.any(parts["amp"]) or np.any(parts["det"])} | {
        ("duration", ""): {"amp": np.zeros(sequence.get_duration())}
    }


def _same(mine: Played | None, theirs: Played) -> bool:
    """Return whether two sets of samples do the same: phases count where something is played."""
    if mine is None or mine.keys() != theirs.keys():
        return False
    for at, one in mine.items():
        two = theirs[at]
        if any(not np.array_equal(one[part], two[part]) for part in one if part != "phase"):
            return False
        gap = (one["phase"] - two["phase"])[one["amp"] != 0] if "phase" in one else np.zeros(1)
        if np.any(np.abs((gap + np.pi) % (2 * np.pi) - np.pi) > ROUNDING):
            return False
    return True
