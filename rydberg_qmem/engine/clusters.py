"""Clusters of an exact run: atoms, memory and keys that some step connects; what happens to one tells of no other.

Branches of one cluster say nothing of another's, so each cluster is walked with a population of its own: its branches
add to those of the others, where in one population for all they would multiply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, assert_never

from rydberg_qmem.compile.compiled import Compiled
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
)
from rydberg_qmem.engine.context import RunContext
from rydberg_qmem.engine.evolution import plan_of
from rydberg_qmem.engine.own_states import OwnStates
from rydberg_qmem.engine.population import Population
from rydberg_qmem.pulses import carries

Node = int | str
"""An atom, by its place in the register; a memory name or a key."""


@dataclass(frozen=True)
class Cluster:
    """Atoms and names that steps connect, directly or through others; and how a run walks them alone."""

    nodes: frozenset[Node]
    run: RunContext
    """What the walk of these alone stands on."""

    others: frozenset[str] = frozenset()
    """The names of the others."""

    def alone(self, population: Population) -> Population:
        """Return the rows with the cluster's atoms and memory, without those of others."""
        parts = tuple(part for part in population.parts if self.nodes.issuperset(part.atoms))
        values = {name: value for name, value in population.values.items() if name not in self.others}
        return replace(population, parts=parts, values=values)


def clusters_of(run: RunContext) -> tuple[Cluster, ...]:
    """Return the clusters of an exact run, in the order of the register; one that holds all where it cannot be cut.

    Steps keep their numbers. The first cluster goes through all segments, whosever atoms they drive, so that its clock
    is the laboratory's; the others, none of whose atoms is ever in a Rydberg level, through those that drive their own.
    """
    if not _can_be_cut(run):
        return (Cluster(frozenset(), run),)
    found = _connected(run)
    if len(found) < 2:
        return (Cluster(frozenset(), run),)
    excited = _excited(run)
    found.sort(key=lambda nodes: (nodes.isdisjoint(excited), min((n for n in nodes if isinstance(n, int)), default=0)))
    names = frozenset(_names_of(run.compiled))
    return tuple(
        Cluster(nodes, _limited(run, nodes, every=number == 0), names - nodes) for number, nodes in enumerate(found)
    )


def _can_be_cut(run: RunContext) -> bool:
    """Return whether a run may be walked cluster by cluster: exact, its states its own, all rows at one time.

    With noise, atoms change while others are driven; with light that channels carry on, segments hang together.
    """
    if run.draws is not None or not isinstance(run.states, OwnStates) or run.states.record is not None:
        return False
    quiet = not run.noise.fields and run.acting_noise is None and run.apparatus is None and run.kept_frames is None
    if not quiet or carries(run.compiled.target) or not run.emulator.capabilities.factorises:
        return False
    for step in all_steps(run.compiled.steps):
        if isinstance(step, Segment) and frozenset().union(*(e.names for e in plan_of(run, step).timing)):
            return False
        if isinstance(step, WhenStep) and any(_takes_time(run, inner) for inner in all_steps((step,))):
            return False
    return True


def _takes_time(run: RunContext, step: Step) -> bool:
    if not isinstance(step, Segment):
        return False
    return bool(plan_of(run, step).durations({}, 1).max() > 0)


def _excited(run: RunContext) -> frozenset[int]:
    """Return the atoms that are in Rydberg levels while time passes: they act on each other wherever they are."""
    steps = [step for step in all_steps(run.compiled.steps) if isinstance(step, Segment)]
    if not any(_takes_time(run, step) for step in steps):
        return frozenset()
    if "0" in run.layout.levels:
        return frozenset(range(run.layout.atoms))
    return frozenset().union(*(plan_of(run, step).excited for step in steps))


# --- what connects ---


def _names_of(compiled: Compiled) -> dict[str, None]:
    """Return memory and keys, and the hidden names that values are held under where blocks read them early."""
    written = (step.values for step in all_steps(compiled.steps) if isinstance(step, SetStep | PushStep))
    held = (name for values in written for name, _ in values)
    return dict.fromkeys([*compiled.scalars, *compiled.windows, *compiled.keys, *held])


def _connected(run: RunContext) -> list[frozenset[Node]]:
    """Return atoms and names in groups that no step connects."""
    compiled = run.compiled
    names = _names_of(compiled)
    initial = {**compiled.scalars, **{name: value for name, (_, value) in compiled.windows.items()}}
    above: dict[Node, Node] = {node: node for node in (*range(run.layout.atoms), *names)}

    def root(node: Node) -> Node:
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    edges = [_excited(run), *(frozenset[Node]({name, *value.names}) for name, value in initial.items())]
    for nodes in (*edges, *_edges(run, compiled.steps)):
        known = [node for node in nodes if node in above]
        for one, other in pairwise(known):
            above[root(other)] = root(one)
    groups: dict[Node, set[Node]] = {}
    for node in above:
        groups.setdefault(root(node), set()).add(node)
    return [frozenset(group) for group in groups.values()]


def _edges(run: RunContext, steps: Iterable[Step]) -> Iterator[frozenset[Node]]:
    """Yield atoms and names that one step connects: it reads, writes, drives or looks at them together."""
    for step in steps:
        match step:
            case Segment():
                yield from _of_segment(plan_of(run, step), run.layout.atoms)
            case MeasureStep():
                yield frozenset({step.key, *step.atoms})
            case ResetStep():
                yield from (frozenset({atom}) for atom in step.atoms)
            case ProbeStep():
                yield frozenset(step.atoms)
            case SetStep() | PushStep():
                yield from (frozenset({name, *value.names}) for name, value in step.values)
            case WhenStep():
                inner = _edges(run, (*step.then, *step.otherwise))
                yield frozenset(step.condition.names).union(*inner)
            case RepeatStep():
                yield from _edges(run, step.body)
            case _:
                assert_never(step)


def _of_segment(plan: Any, atoms: int) -> Iterator[frozenset[Node]]:
    """Yield the groups that a segment entangles, and each atom with the memory that steers it."""
    yield from (frozenset(group) for group in plan.linked)
    for atom in sorted(plan.touched):
        yield frozenset({atom}).union(*(e.names for e in plan.controls_of((atom,))))


# --- a cluster alone ---


def _limited(run: RunContext, nodes: frozenset[Node], *, every: bool) -> RunContext:
    """Return what the walk of a cluster stands on: its own steps, and all segments where `every` one is asked for."""
    compiled = run.compiled
    steps = _own(run, compiled.steps, nodes, every=every)
    scalars = {name: value for name, value in compiled.scalars.items() if name in nodes}
    windows = {name: value for name, value in compiled.windows.items() if name in nodes}
    own = replace(compiled, steps=steps, scalars=scalars, windows=windows)
    atoms = frozenset(node for node in nodes if isinstance(node, int))
    return replace(run, compiled=own, within=atoms, readings={})


def _own(run: RunContext, steps: tuple[Step, ...], nodes: frozenset[Node], *, every: bool) -> tuple[Step, ...]:
    """Return the steps that do anything to a cluster."""
    made: list[Step] = []
    for step in steps:
        match step:
            case Segment():
                keep = every or not nodes.isdisjoint(plan_of(run, step).touched)
                made += [step] if keep else []
            case MeasureStep():
                made += [step] if step.key in nodes else []
            case ProbeStep():
                made += [step] if nodes.issuperset(step.atoms) else []
            case ResetStep():
                atoms = tuple(atom for atom in step.atoms if atom in nodes)
                made += [replace(step, atoms=atoms)] if atoms else []
            case SetStep() | PushStep():
                values = tuple((name, value) for name, value in step.values if name in nodes)
                made += [replace(step, values=values)] if values else []
            case WhenStep():
                found = frozenset(step.condition.names).union(*_edges(run, (step,)))
                made += [step] if not nodes.isdisjoint(found) else []
            case RepeatStep():
                recorded = tuple(name for name in step.recorded if name in nodes)
                made.append(replace(step, body=_own(run, step.body, nodes, every=every), recorded=recorded))
            case _:
                assert_never(step)
    return tuple(made)
