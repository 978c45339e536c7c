"""Limits: prove before the run that every control keeps its limits, or say with which outcomes it breaks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isinf

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import MeasureStep, all_steps
from rydberg_qmem.errors import Problem
from rydberg_qmem.gates import HIDDEN
from rydberg_qmem.verification._controls import Control, Reading
from rydberg_qmem.verification._counterexamples import search
from rydberg_qmem.verification._histories import At, ChanceEvent
from rydberg_qmem.verification._interval_analysis import Doubt, doubts
from rydberg_qmem.verification._program_controls import Controls
from rydberg_qmem.verification._smallest_history import Witness

MOST_PLACES = 4
"""Places of one outcome that a message lists one by one."""


UNDECIDED = Problem(
    "body",
    "is too long for a proof that every value keeps its limits: undecided, the run checks each value",
    severity="note",
)


def limits(compiled: Compiled, *, loses: bool = False) -> list[Problem]:
    """Return a problem for each control that some history takes beyond a limit, a note for each that is not proved.

    Where the machine `loses` atoms, proofs hold for the outcome -1 too; histories that break a limit have none.
    """
    controls = Controls(compiled, loses)
    left, whole = doubts(compiled, controls)
    beyond = [] if whole else [UNDECIDED]
    if not left:
        return beyond
    found, proved = search(compiled, controls, [doubt.about for doubt in left])
    measured = [step for step in all_steps(compiled.steps) if isinstance(step, MeasureStep)]
    names = {step.key: step.place for step in measured if step.key.endswith(HIDDEN)}  # of cells that measure
    problems = [_problem(compiled, witness, names) for witness in found]
    told = {problem.place for problem in problems}
    notes = [_note(doubt) for doubt in left if doubt.about not in proved and doubt.about.place not in told]
    return [*problems, *notes, *beyond]


def _problem(compiled: Compiled, witness: Witness, hidden: dict[str, str]) -> Problem:
    broken = witness.broken
    here, when = _rounds([broken.at]), _history(compiled, witness, hidden)
    place = " ".join(part for part in (here + "," * bool(here and when), when) if part)
    place = f" {place}" if place else ""
    if isinstance(broken.about, Reading):
        return Problem(broken.about.place, f"reads {broken.about.name}, which has no value here{place}")
    control, worst = broken.about, _worst(broken.about, broken.values)
    rule = control.rule(min(broken.values), max(broken.values))
    return Problem(control.place, f"{rule}, but reaches {worst:.6g}{control.unit}{place}")


def _note(doubt: Doubt) -> Problem:
    about, reach = doubt.about, doubt.reach
    if isinstance(about, Reading):
        rule = f"reads {about.name}, of which it is not proved that it has a value here"
        return Problem(about.place, rule, severity="note")
    if isinf(reach.low) and isinf(reach.high):
        known = "nothing bounds it"
    else:
        known = f"all that is known is {reach.low:.6g} to {reach.high:.6g}{about.unit}"
    rule = f"{about.rule(reach.low, reach.high)}; not proved before the run, which checks each value ({known})"
    return Problem(about.place, rule, severity="note")


def _worst(control: Control, values: tuple[float, ...]) -> float:
    """Return the value that breaks the limits most, nan before any number."""
    gaps = [(v != v, max(v - control.high, control.low - v), i) for i, v in enumerate(values)]
    return values[max(gaps)[2]]


def _history(compiled: Compiled, witness: Witness, hidden: dict[str, str]) -> str:
    """Return a history in words: its outcomes that are 1, its draws."""
    groups: dict[tuple[str, str], list[At]] = {}
    for site, value in sorted(witness.history.items()):
        shown = f"{value:.0f}" if site.kind == "outcome" else f"{value:.6g}"
        groups.setdefault((_label(compiled, site, hidden), shown), []).append(site.at)
    if not groups:
        return "when all outcomes are 0" if witness.outcomes else ""
    told = (f"{label} = {value} {_rounds(places)}".strip() for (label, value), places in groups.items())
    return "when " + _listed(list(told))


def _label(compiled: Compiled, site: ChanceEvent, hidden: dict[str, str]) -> str:
    if site.kind != "outcome":
        return f"{site.kind}() of {site.name.partition('#')[0]}"
    if site.name.endswith(HIDDEN):
        return f"the click of {hidden[site.name]}"
    atoms = compiled.keys[site.name]
    return f"{site.name}.{atoms[site.column]}" if len(atoms) > 1 else site.name


def _rounds(places: list[At]) -> str:
    """Return rounds in words.

    >>> _rounds([(("round", 0),), (("round", 1),), (("round", 2),)])
    'in rounds 0 to 2'
    >>> _rounds([(("round", 1), ("round_2", 0))])
    'in round 1, round_2 0'
    """
    if not places[0]:
        return ""
    if len(places[0]) > 1:
        return _nested(places)
    loop, rounds = places[0][0][0], [at[0][1] for at in places]
    runs = list(_runs(rounds))
    told = [f"{a}" if a == b else f"{a} to {b}" for a, b in runs[:MOST_PLACES]]
    more = " and more" if len(runs) > MOST_PLACES else ""
    several = "s" * (len(rounds) > 1 and loop == "round")
    return f"in {loop}{several} {_listed(told)}{more}"


def _nested(places: list[At]) -> str:
    outer: dict[At, list[At]] = {}
    for at in places:
        outer.setdefault(at[:-1], []).append(at[-1:])
    told = []
    for at, inner in list(outer.items())[:MOST_PLACES]:
        told.append(", ".join([*(f"{loop} {k}" for loop, k in at), _rounds(inner).removeprefix("in ")]))
    return "in " + "; ".join(told) + ("; …" if len(outer) > MOST_PLACES else "")


def _runs(rounds: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of consecutive numbers; pairs stay apart."""
    runs: list[list[int]] = []
    for k in sorted(rounds):
        if runs and k == runs[-1][-1] + 1:
            runs[-1].append(k)
        else:
            runs.append([k])
    for run in runs:
        if len(run) == 2:
            yield from ((k, k) for k in run)
        else:
            yield run[0], run[-1]


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
