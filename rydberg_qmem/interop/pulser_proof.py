"""The proof of an import: what a program plays, exported to Pulser again, is what its source plays."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.devices import mask_map_of, mask_of
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import check_and_compile

Samples = NDArray[np.float64]
Played = dict[tuple[str, str], Mapping[str, Samples]]
ROUNDING = 1e-11
"""Phases (rad) that differ by less are sums of the same numbers in another order."""


def what_differs(program: Program, sequence: Any, names: Mapping[Any, str]) -> str | None:
    """Return why a program does not stand for a sequence; None where it passes the check and plays the same.

    The same are durations with and without the fall of the last pulse, the samples of each atom in each basis as they
    are given and as modulated channels put them out, and the mask of the XY mode. Phases count where there is a pulse.
    """
    problems, compiled = check_and_compile(program)
    if problems or compiled is None:
        return "; ".join(map(str, problems))
    segments = [step for step in compiled.steps if isinstance(step, Segment)]
    if not segments:
        return None if not sequence.get_duration() else f"nothing plays, where the sequence lasts {_lasting(sequence)}"
    try:
        made = to_pulser(plan_segment(segments[0], compiled.target), {})
    except QmemError as error:
        return str(error)
    return _difference(made, sequence, names)


def _difference(made: Any, wanted: Any, names: Mapping[Any, str]) -> str | None:
    if _lasting(made) != _lasting(wanted):
        return f"it would last {_lasting(made)}, where the sequence lasts {_lasting(wanted)}"
    own = {name: name for name in names.values()}
    if _mask(made, own) != _mask(wanted, names):
        return "the SLM mask would end at another time"
    for modulated in (False, True):
        if modulated and not _modulates(wanted):
            break
        mine, theirs = _played(made, own, modulated=modulated), _played(wanted, names, modulated=modulated)
        for basis, atom in sorted(mine.keys() | theirs.keys()):
            part = _unlike(mine.get((basis, atom)), theirs.get((basis, atom)))
            if part is not None:
                how = "after modulation " if modulated else ""
                return f"{how}{part} on atom {atom} in {basis} would differ"
    return None


def _lasting(sequence: Any) -> str:
    """Return how long a sequence lasts, in words that differ where durations do."""
    plain, faded = sequence.get_duration(), sequence.get_duration(include_fall_time=True)
    return f"{plain} ns" if plain == faded else f"{plain} ns, {faded} ns with its fall"


def _modulates(sequence: Any) -> bool:
    """Return whether there is output to modulate, and Pulser plays it.

    It does not under the mask of the Ising mode, and cannot where a channel has done nothing.
    """
    if mask_map_of(sequence) is not None or not any(c.mod_bandwidth for c in sequence.declared_channels.values()):
        return False
    try:
        return bool(_sampled(sequence, modulated=True).max_duration)
    except ValueError:
        return False


def _mask(sequence: Any, names: Mapping[Any, str]) -> tuple[frozenset[str], int]:
    """Return the atoms under the mask of the XY mode, and until when."""
    if "XY" not in sequence.get_addressed_bases() or not sequence.get_duration():
        return frozenset(), 0
    masked, end = mask_of(_sampled(sequence, modulated=False))
    return frozenset(names[q] for q in masked), end


def _sampled(sequence: Any, *, modulated: bool) -> Any:
    from pulser.sampler import sample

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sample(sequence, modulation=modulated)


def _played(sequence: Any, names: Mapping[Any, str], *, modulated: bool) -> Played:
    """Return the samples of each atom in each basis, where there are any."""
    if not sequence.get_duration():
        return {}
    nested = _sampled(sequence, modulated=modulated).to_nested_dict(all_local=True)["Local"]
    every = {(basis, names[q]): parts for basis, atoms in nested.items() for q, parts in atoms.items()}
    return {at: parts for at, parts in every.items() if np.any(parts["amp"]) or np.any(parts["det"])}


def _unlike(mine: Mapping[str, Samples] | None, theirs: Mapping[str, Samples] | None) -> str | None:
    """Return which part of the samples of an atom differs; phases count where something is played."""
    if mine is None or theirs is None:
        return "what is played"
    for part, said in (("amp", "the amplitude"), ("det", "the detuning")):
        if not np.array_equal(mine[part], theirs[part]):
            return said
    gap = (mine["phase"] - theirs["phase"])[mine["amp"] != 0]
    return "the phase" if np.any(np.abs((gap + np.pi) % (2 * np.pi) - np.pi) > ROUNDING) else None
