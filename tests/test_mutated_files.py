"""Program files changed at random: whatever becomes of them, the answer is a result or one of our own errors, soon."""

from __future__ import annotations

import json
import random
import time
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

import rydberg_qmem as rq
from rydberg_qmem.cli.tree import tree_of
from rydberg_qmem.errors import QmemError

SOURCES = tuple(sorted((Path(rq.__file__).parent.parent / "sequences").glob("*.yaml")))
NUMBERS = (0, -1, 1, 2, 0.5, 1e-9, 1e9, 1e300, -1e300, 3.7, 100, 2**40, "nan", "inf", "1/0", "-1", "k", "uniform()")
TEXTS = ("", "q", "all", "$atom", "lambda", "pi", "\x00", "\u202e", "a" * 70, "m.a", "where(1,2,3)", "None", "é", "[]")
EMPTY: tuple[Any, ...] = (None, True, [], {}, [[]], {"": {}}, [1, 2, 3], {"constant": {"duration_ns": 100, "value": 1}})
SECONDS = 5.0


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every part of plain data."""
    found = [at] if at else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += paths(value, (*at, key))
    return found


Pool = dict[Any, list[Any]]
"""Parts of ready sequences by their names, or `None` for those of lists."""


def mutated(data: dict[str, Any], chance: random.Random, pool: Pool) -> dict[str, Any]:
    """Return data with one to three parts replaced, left out, doubled, swapped, renamed, or moved in from elsewhere."""
    data = json.loads(json.dumps(data))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        path = chance.choice(paths(data) or [()])
        if not path or path == ("format",):
            continue
        parent: Any = data
        for part in path[:-1]:
            parent = parent[part]
        change(parent, path[-1], chance, pool)
    return data


def change(parent: Any, key: Any, chance: random.Random, pool: Pool) -> None:
    match chance.randrange(20):
        case 0:
            parent[key] = chance.choice(NUMBERS)
        case 1:
            parent[key] = chance.choice(TEXTS)
        case 2:
            parent[key] = json.loads(json.dumps(chance.choice(EMPTY)))
        case 3:
            del parent[key]
        case 4 if isinstance(parent, list):
            parent.insert(key, json.loads(json.dumps(parent[key])))
        case 5 if isinstance(parent, dict):
            parent[chance.choice(("", f"{key}x", key[:-1], key.upper(), *map(str, TEXTS)))] = parent.pop(key)
        case 6 if isinstance(parent[key], str) and parent[key]:
            at = chance.randrange(len(parent[key]))
            parent[key] = parent[key][:at] + chance.choice("()+-*/.,$_ 0eE") + parent[key][at + chance.randrange(2) :]
        case _:
            alike = pool[key if isinstance(key, str) and key in pool else None]
            parent[key] = json.loads(json.dumps(chance.choice(alike)))


def stages(text: str) -> Any:
    """Yield the name and the action of all that can be done with a program's file."""
    made = rq.Program.from_json(text)
    yield "check", lambda: rq.check(made)
    yield "show", lambda: tree_of(made)
    yield "table", lambda: made._repr_html_()
    yield "circuit", lambda: made.draw("circuit")
    yield "pulses", lambda: made.draw()
    yield "estimate", lambda: rq.estimate(made, shots=2)
    yield "run", lambda: rq.run(made, shots=2, seed=1, emulator="ideal", max_memory_gb=1, max_seconds=2)


def outcome(text: str) -> str:
    """Do all that can be done with a program's file; return where it ended, FOREIGN or SLOW where it must not."""
    ended = "load"
    try:
        for ended, act in stages(text):
            began = time.process_time()
            with suppress(QmemError):
                act()
            if time.process_time() - began > SECONDS:
                return f"SLOW {ended}"
    except QmemError:
        return "refused on load"
    except Exception as error:
        return f"FOREIGN {ended} {type(error).__name__}: {str(error)[:100]}"
    finally:
        plt.close("all")
    return "gone through"


def tried(count: int, seed: int) -> tuple[Counter[str], dict[str, str]]:
    """Return how many files ended where, and for each wrong end one file that has it."""
    chance = random.Random(seed)
    data = [json.loads(rq.load(path).to_json()) for path in SOURCES]
    pool: Pool = {}
    for one in data:
        for path in paths(one):
            pool.setdefault(path[-1] if isinstance(path[-1], str) else None, []).append(at(one, path))
    ends: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(count):
            text = json.dumps(mutated(chance.choice(data), chance, pool))
            ended = outcome(text)
            ends[ended] += 1
            if ended.startswith(("FOREIGN", "SLOW")):
                wrong.setdefault(ended, text)
    return ends, wrong


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def test_a_changed_file_gives_a_result_or_our_own_error() -> None:
    ends, wrong = tried(40, seed=3)

    assert not wrong
    assert ends["refused on load"] > 5


@pytest.mark.slow
def test_a_thousand_changed_files_give_results_or_our_own_errors() -> None:
    ends, wrong = tried(600, seed=20)

    assert not wrong
    assert ends["gone through"] > 50


def test_a_foreign_error_and_a_slow_answer_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(made: rq.Program) -> str:
        raise KeyError("a table that fails")

    text = rq.load("rabi").to_json()
    monkeypatch.setattr(rq.Program, "_repr_html_", broken)
    assert outcome(text).startswith("FOREIGN table KeyError")
    monkeypatch.undo()
    monkeypatch.setattr("tests.test_mutated_files.SECONDS", -1.0)
    assert outcome(text) == "SLOW check"
