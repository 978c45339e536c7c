"""Lay out the record: which variables a program leaves, with their dimensions, units and meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from rydberg_qmem.compile.compiled import Compiled, Variable
from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    all_steps,
    leaf,
)
from rydberg_qmem.errors import InputError
from rydberg_qmem.gates import HIDDEN

Loops = tuple[str, ...]


@dataclass
class _Sites:
    """Where keys are measured, memory is set, and probes look."""

    keys: dict[str, Loops] = field(default_factory=dict)
    sets: dict[str, list[Loops]] = field(default_factory=dict)
    probes: dict[str, tuple[Loops, ProbeStep]] = field(default_factory=dict)
    probed: dict[str, dict[tuple[int, ...], tuple[Loops, str]]] = field(default_factory=dict)
    """Loops and place of each key's probes, by the first rounds of the loops: in rounds written out one is many."""
    loops: dict[str, tuple[Loops, RepeatStep]] = field(default_factory=dict)
    measured: dict[str, int] = field(default_factory=dict)


def lay_out(compiled: Compiled) -> Compiled:
    """Return the compiled program with its record's variables, and loops that know what they record."""
    sites = _Sites()
    for around, step in _visit(compiled.steps, ()):
        _note(step, around, sites)
    sites.loops = {name: sites.loops[name] for name in compiled.rounds}
    variables = (
        *_key_variables(compiled, sites),
        *_memory_variables(compiled, sites),
        *_input_variables(compiled, sites),
        *_probe_variables(compiled, sites),
        *_time_variables(sites),
    )
    coordinates = {f"{key}_atom": atoms for key, atoms in compiled.keys.items() if len(atoms) > 1 and HIDDEN not in key}
    for key, (_, step) in sites.probes.items():
        coordinates[f"{key}_atom"] = tuple(compiled.target.atoms[i] for i in step.atoms)
        coordinates |= _probe_coordinates(compiled, key, step)
    memory = {v.source: v.loops for v in variables if v.origin == "memory" and v.loops}
    again = frozenset(key for key, count in sites.measured.items() if count > 1)
    steps = tuple(_recording(step, (), memory, again) for step in compiled.steps)
    _refuse_shared_names(compiled, [v.name for v in variables], [*coordinates])
    return replace(compiled, variables=variables, coordinates=coordinates, steps=steps, remeasured=again)


def with_reports(compiled: Compiled, reports: Mapping[str, str]) -> Compiled:
    """Return the compiled program with a number per shot for each thing that an emulator reports of its states."""
    added = tuple(Variable(name, name, "final", (), long_name=meaning, units="1") for name, meaning in reports.items())
    made = replace(compiled, variables=(*compiled.variables, *added))
    _refuse_shared_names(made, [v.name for v in made.variables], [*made.coordinates])
    return made


def _refuse_shared_names(compiled: Compiled, variables: list[str], coordinates: list[str]) -> None:
    """Variables, dimensions and coordinates of a record share one space of names, also with swept parameters."""
    names = [*variables, *coordinates, *compiled.rounds, *compiled.parameters, "shot", "point"]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise InputError(f"record: the names {', '.join(twice)} would stand for two things")


def _visit(steps: tuple[Step, ...], around: tuple[RepeatStep, ...]) -> Iterator[tuple[tuple[RepeatStep, ...], Step]]:
    for step in steps:
        yield around, step
        if isinstance(step, RepeatStep):
            yield from _visit(step.body, (*around, step))
        elif isinstance(step, WhenStep):
            yield from _visit(step.then, around)
            yield from _visit(step.otherwise, around)


def _note(step: Step, around: tuple[RepeatStep, ...], sites: _Sites) -> None:
    loops = tuple(loop.name for loop in around)
    match step:
        case MeasureStep():
            sites.measured[step.key] = sites.measured.get(step.key, 0) + 1
            if sites.keys.setdefault(step.key, loops) != loops:
                raise InputError(f"{step.place}.key: {step.key!r} is measured in two different repeats; use two keys")
        case SetStep():
            for name, _ in step.values:
                sites.sets.setdefault(name, []).append(loops)
        case ProbeStep():
            rounds = tuple(loop.first for loop in around)
            known = sites.probed.setdefault(step.probe.key, {})
            if known and (rounds in known or set(known.values()) != {(loops, step.place)}):
                raise InputError(f"{step.place}.key: {step.probe.key!r} names two probes; use two keys")
            known[rounds] = loops, step.place
            sites.probes[step.probe.key] = (loops, step)
        case RepeatStep():
            sites.loops[step.name] = (loops, step)
        case Segment() | ResetStep() | PushStep() | WhenStep():
            pass
        case _:
            assert_never(step)


def _recording(step: Step, loops: Loops, memory: dict[str, Loops], again: frozenset[str]) -> Step:
    match step:
        case RepeatStep():
            inner = (*loops, step.name)
            body = tuple(_recording(s, inner, memory, again) for s in step.body)
            recorded = tuple(name for name, where in memory.items() if where == inner and step.tells_memory)
            measured = {one.key for one in all_steps(body) if isinstance(one, MeasureStep)}
            return replace(step, body=body, recorded=recorded, forgets=tuple(sorted(measured & again)))
        case WhenStep():
            then = tuple(_recording(s, loops, memory, again) for s in step.then)
            otherwise = tuple(_recording(s, loops, memory, again) for s in step.otherwise)
            return replace(step, then=then, otherwise=otherwise)
        case _:
            return leaf(step)


def _common(paths: list[Loops]) -> Loops:
    shared: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return tuple(shared)


def _key_variables(compiled: Compiled, sites: _Sites) -> Iterator[Variable]:
    for key, loops in sites.keys.items():
        if HIDDEN in key:
            continue
        atoms = compiled.keys[key]
        many = len(atoms) > 1
        yield Variable(
            key, key, "key", loops, (f"{key}_atom",) if many else (), (len(atoms),) if many else (), "int8",
            f"outcome of measuring {', '.join(atoms)}", "1",
        )  # fmt: skip


def _memory_variables(compiled: Compiled, sites: _Sites) -> Iterator[Variable]:
    for name in compiled.scalars:
        loops = _common(sites.sets[name]) if name in sites.sets else ()
        if loops:
            yield Variable(name, name, "memory", loops, long_name=f"memory {name} when the round begins", units="1")
            yield Variable(f"{name}_final", name, "final", (), long_name=f"memory {name} at the end", units="1")
        else:
            yield Variable(name, name, "final", (), long_name=f"memory {name} at the end", units="1")


def _input_variables(compiled: Compiled, sites: _Sites) -> Iterator[Variable]:
    seen: set[str] = set()
    for name, (_, step) in sites.loops.items():
        for signal in set(step.signals) - seen:
            seen.add(signal)
            yield Variable(signal, signal, "input", (name,), long_name=f"input {signal}", units="1")


def _probe_variables(compiled: Compiled, sites: _Sites) -> Iterator[Variable]:
    for key, (loops, step) in sites.probes.items():
        quantities = step.probe.quantities
        for quantity in quantities:
            name = key if len(quantities) == 1 else f"{key}_{quantity}"
            dims, shape = _probe_shape(compiled, key, step, quantity)
            dtype = "complex128" if quantity == "density_matrix" else "float64"
            yield Variable(
                name, key, f"probe:{quantity}", loops, dims, shape, dtype,
                f"{quantity.replace('_', ' ')} (emulators only)", "1",
            )  # fmt: skip


def _probe_shape(compiled: Compiled, key: str, step: ProbeStep, quantity: str) -> tuple[Loops, tuple[int, ...]]:
    atoms, levels = len(step.atoms), len(compiled.target.levels)
    match quantity:
        case "occupation":
            return (f"{key}_atom",), (atoms,)
        case "correlations":
            return (f"{key}_atom", f"{key}_atom_2"), (atoms, atoms)
        case "pauli":
            return (f"{key}_atom", f"{key}_axis"), (atoms, len(step.probe.pauli))
        case "density_matrix":
            return (f"{key}_row", f"{key}_column"), (levels**atoms, levels**atoms)
        case _:
            return (), ()


def _probe_coordinates(compiled: Compiled, key: str, step: ProbeStep) -> dict[str, tuple[str, ...]]:
    made: dict[str, tuple[str, ...]] = {}
    if step.probe.correlations:
        made[f"{key}_atom_2"] = tuple(compiled.target.atoms[i] for i in step.atoms)
    if step.probe.pauli:
        made[f"{key}_axis"] = step.probe.pauli
    if step.probe.density_matrix:
        labels: tuple[str, ...] = ("",)
        for _ in step.atoms:
            labels = tuple(label + level for label in labels for level in compiled.target.levels)
        made[f"{key}_row"] = made[f"{key}_column"] = labels
    return made


def _time_variables(sites: _Sites) -> Iterator[Variable]:
    for i, (name, (loops, _)) in enumerate(sites.loops.items()):
        label = "time_us" if i == 0 else f"time_us_{name}"
        yield Variable(
            label, name, "time", (*loops, name), long_name="laboratory time when the round begins", units="µs"
        )
