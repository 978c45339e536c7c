"""The distribution of a program that was read from an OpenQASM file: exact, in shots, and beside counts of another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

import rydberg_qmem as rq
from rydberg_qmem.language.blocks import Measure

Values = tuple[float, ...]


def _always(body: Sequence[Any]) -> Iterator[Measure]:
    """Yield the measurements that no branch leaves out."""
    for block in body:
        if isinstance(block, Measure):
            yield block
        elif isinstance(block, rq.Repeat | rq.ForEach):
            yield from _always(block.body)


def readable(program: rq.Program, names: Sequence[str]) -> dict[str, str]:
    """Return how a program's expressions read the variables of its circuit, those that it has in every history."""
    keys = {block.key: block.atoms for block in _always(program.body)}
    found = {}
    for name in names:
        register, _, i = name.rpartition("_")
        if name in program.memory or name in keys:
            found[name] = name
        elif register in keys and i.isdecimal() and int(i) < len(keys[register]):
            found[name] = f"{register}.{keys[register][int(i)]}"
    return found


def marginal(names: Sequence[str], chances: Mapping[Values, float], kept: Sequence[str]) -> dict[Values, float]:
    """Return the distribution of some of the variables."""
    places = [names.index(name) for name in kept]
    found: dict[Values, float] = defaultdict(float)
    for values, chance in chances.items():
        found[tuple(values[i] for i in places)] += chance
    return dict(found)


def chances(
    program: rq.Program, reads: Sequence[str], outcomes: Sequence[Values], emulator: str = "ideal"
) -> list[float]:
    """Return the exact chance of each of some values of expressions at the end of a program."""
    sets = {
        f"p_{k}": " and ".join(f"abs({text} - ({value!r})) < 1e-9" for text, value in zip(reads, values, strict=True))
        or "1"
        for k, values in enumerate(outcomes)
    }
    memory = {**program.memory, **dict.fromkeys(sets, rq.Memory())}
    counted = program.with_(memory=memory, body=(*program.body, rq.Set(values=sets)))
    record = rq.run(counted, shots=None, emulator=emulator)
    return [float(record[name]) for name in sets]


def sampled(program: rq.Program, reads: Sequence[str], shots: int, seed: int) -> Counter[Values]:
    """Return how often shots of ideal gates end with each of the values of expressions."""
    sets = {f"end_of_{k}": text for k, text in enumerate(reads)}
    memory = {**program.memory, **dict.fromkeys(sets, rq.Memory())}
    counted = program.with_(memory=memory, body=(*program.body, rq.Set(values=sets)))
    record = rq.run(counted, shots=shots, emulator="ideal", seed=seed)
    rows, counts = np.unique(np.stack([record[name].values for name in sets], axis=1), axis=0, return_counts=True)
    return Counter({tuple(map(float, row)): int(count) for row, count in zip(rows, counts, strict=True)})


def p_value(one: Mapping[Values | None, int], two: Mapping[Values | None, int], exact: Mapping[Values, float]) -> float:
    """Return the p-value of two sets of counts of one distribution, by chi-square.

    Values that are expected less than five times in either are taken together. Values that cannot be give 0.
    """
    support = [values for values, chance in exact.items() if chance > 1e-12]
    if any(count for counts in (one, two) for values, count in counts.items() if values not in support):
        return 0.0
    shots = min(sum(one.values()), sum(two.values()))
    often = [values for values in support if exact[values] * shots >= 5]
    table = [[counts.get(values, 0) for values in often] for counts in (one, two)]
    for row, counts in zip(table, (one, two), strict=True):
        row.append(sum(counts.values()) - sum(row))
    kept = np.array(table)[:, np.sum(table, axis=0) > 0]
    return 1.0 if kept.shape[1] < 2 else float(stats.chi2_contingency(kept, correction=False).pvalue)
