"""A frozen program changes no memory, wherever its blocks stand."""

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError
from rydberg_qmem.language import blocks as language
from rydberg_qmem.language.blocks import bodies
from rydberg_qmem.learning import frozen

LOOK: list[Any] = [{"rotate": {"atom": "q", "angle": "pi * (x + 0.3)"}}, {"measure": {"atoms": "q", "key": "m"}},
                   {"reset": {"atoms": "q"}}]  # fmt: skip


def program(body: list[Any]) -> rq.Program:
    return rq.Program(
        name="learner",
        device="MockDevice",
        register={"atoms": {"q": (0, 0), "p": (0, 9)}},
        memory={"x": {"initial": 0.1}, "y": {"initial": 0.7}, "w": {"initial": 0.2, "window": 2}},
        body=[{"repeat": {"times": 3, "body": [*LOOK, *body]}}],
    )


def random_blocks(rng: np.random.Generator, depth: int = 0, *, loops: bool = True) -> list[Any]:
    """Return some blocks, of which some set or push, some hold others, and some do neither."""
    made = []
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(8 if depth < 3 else 3)
        made.append(random_block(rng, int(kind), depth, loops=loops and kind != 6))
    return made


def random_block(rng: np.random.Generator, kind: int, depth: int, *, loops: bool) -> Any:
    def inner() -> list[Any]:
        return random_blocks(rng, depth + 1, loops=loops)

    match kind:
        case 0:
            return {"set": {"x": "1 - x", "y": "y * x"}}
        case 1:
            return {"push": {"w": "m + 0.25"}}
        case 2:
            return {"rotate": {"atom": "p", "angle": "mean(w)"}}
        case 3:
            return {"when": {"if": "m == 1", "then": inner()}}
        case 4:
            return {"when": {"if": "uniform() < 0.5", "otherwise": inner()}}
        case 5:
            return {"when": {"if": "m == 0", "then": inner(), "otherwise": inner()}}
        case 7 if loops:  # what is done for each atom cannot hold loops: their dimensions would have one name
            name = f"loop{rng.integers(10**9)}"
            return {"repeat": {"times": 2, "name": name, "counter": f"j{depth}", "body": inner()}}
        case _:
            return {"for_each": {"atom": ["q", "p"], "as": f"a{depth}", "body": random_blocks(rng, 3, loops=False)}}


def moved(found: rq.Program) -> float:
    """Return how far memory moves from its initial values in a run."""
    record = rq.run(found, shots=20, seed=1, emulator="ideal")
    names = {
        str(name): str(name).removesuffix("_final") for name in record.data_vars if str(name).startswith(("x", "y"))
    }
    initial = {"x": 0.1, "y": 0.7}
    return max(float(np.abs(record[name] - initial[of]).max()) for name, of in names.items())


def constant(seeds: range) -> list[bool]:
    learning = []
    for seed in seeds:
        made = program([*random_blocks(np.random.default_rng(seed)), {"set": {"x": "(x + m) / 2"}}])
        learning.append(moved(made) > 0.01)
        still = frozen(made)
        assert moved(still) == 0, made.to_yaml()
        assert not any(f'"{kind}"' in still.to_json() for kind in ("set", "push")), made.to_yaml()
        assert frozen(still) == still
    return learning


def test_a_frozen_programs_memory_is_constant() -> None:
    assert sum(constant(range(6))) == 6  # and the programs as they come do learn


@pytest.mark.slow
def test_a_frozen_programs_memory_is_constant_for_many_random_programs() -> None:
    assert sum(constant(range(1000, 1300))) > 270


@pytest.mark.parametrize("where", ["when", "otherwise", "for_each", "repeat", "when in for_each"])
def test_feedback_is_frozen_where_other_blocks_hold_it(where: str) -> None:
    learn = [{"set": {"x": "x + 0.1"}}]
    held: dict[str, Any] = {
        "when": {"when": {"if": "m == 1", "then": learn}},
        "otherwise": {"when": {"if": "m == 1", "otherwise": learn}},
        "for_each": {"for_each": {"atom": "q", "body": learn}},
        "repeat": {"repeat": {"times": 2, "name": "inner", "counter": "j", "body": learn}},
        "when in for_each": {"for_each": {"atom": "q", "body": [{"when": {"if": "m == 0", "then": learn}}]}},
    }
    made = program([held[where]])

    assert moved(made) > 0.05
    assert moved(frozen(made)) == 0


def test_all_other_blocks_stay_and_take_their_time() -> None:
    made = program([{"when": {"if": "m == 1", "then": [{"set": {"x": "0"}}, {"delay": {"duration_ns": 400}}]}}])
    still = frozen(made)
    times = [rq.run(p, shots=5, seed=0).time_us.values for p in (made, still)]

    assert isinstance(still.body[0], language.Repeat)
    assert [block.kind for block in still.body[0].body] == ["rotate", "measure", "reset", "when"]
    assert np.allclose(*times)


def test_every_kind_of_block_that_holds_others_is_looked_into() -> None:
    fields = {kind: cls.model_fields.values() for kind, cls in language.KINDS.items()}
    holding = {kind for kind, each in fields.items() if any("DetuningMap" in str(f.annotation) for f in each)}

    assert holding == {"repeat", "when", "for_each"}
    assert {"body"} == set(bodies(program([]).body[0]))


def test_a_name_that_was_only_ever_set_has_nothing_to_keep() -> None:
    made = program([{"set": {"z": "m / 2"}}, {"rotate": {"atom": "p", "angle": "z"}}])

    with pytest.raises(InputError, match="memory of program 'learner' must declare z with an initial value: frozen"):
        frozen(made)
