"""A lost atom was not measured: it is no number in means, in feedback or in the bundled sequences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.analysis.outcome_mean import outcome_mean
from rydberg_qmem.gallery import load, names
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.hardware import PROFILES, HardwareProfile

LOSSY = HardwareProfile(loss=0.2)
SIGMAS = 4.9


def without_loss(name: str) -> HardwareProfile:
    return HardwareProfile.model_validate({**PROFILES[name].to_dict(), "loss": 0.0})


@pytest.mark.parametrize("name", ["zoned_2024", "fast_cavity"])
def test_loss_leaves_the_mean_memory_and_the_loop_of_the_two_port_memristor(name: str) -> None:
    options: dict[str, Any] = {"shots": 20_000, "seed": 5, "emulator": "ideal"}
    lossy, kept = (rq.run("two_port_memristor", hardware=h, **options) for h in (name, without_loss(name)))
    program = load("two_port_memristor").to_dict()
    program["body"][0]["repeat"]["body"][4] = {"push": {"seen": "clicks.a + clicks.s"}}
    counted = rq.run(rq.Program.from_dict(program), hardware=name, **options)  # minus one photon for a lost atom

    assert float(lossy.R.mean() - kept.R.mean()) == pytest.approx(0, abs=1e-3)
    areas = [rq.analysis.hysteresis(r, drive="n_in", response="clicks.s") for r in (lossy, kept)]
    assert abs(float(areas[0].area - areas[1].area)) < SIGMAS * float(np.hypot(*(a.area_error for a in areas)))
    assert float(counted.R.mean() - kept.R.mean()) < -0.01


@pytest.mark.parametrize("key", ["m", "m.a"])
def test_means_under_loss_are_those_of_the_atoms_that_were_there(key: str) -> None:
    body = [
        {"rotate": {"atom": "a", "angle": 1.1}},
        {"rotate": {"atom": "b", "angle": 2.0}},
        {"measure": {"atoms": "all", "key": "m"}},
    ]
    program = rq.Program.from_dict({"name": "two", "register": {"atoms": {"a": (0, 0), "b": (30, 0)}}, "body": body})
    sampled = rq.run(program, shots=20_000, seed=1, emulator="ideal", hardware=LOSSY)
    exact = rq.run(program, shots=None, emulator="ideal", hardware=LOSSY)
    clean = rq.run(program, shots=None, emulator="ideal")

    made, told, law = (outcome_mean(record, key)["mean"] for record in (sampled, exact, clean))
    error = outcome_mean(sampled, key)["error"]
    assert (np.abs(made - law) < SIGMAS * error).all()
    np.testing.assert_allclose(told, law, atol=1e-12)
    assert (np.abs(sampled.m.mean("shot") - clean.m) > SIGMAS * 0.0035).all()  # what -1 as a number gives
    assert float(np.ravel(sampled.qmem.mean("m").missing)[0]) == pytest.approx(0.2, abs=0.02)


def test_a_fed_back_mean_is_over_the_shots_in_which_all_that_it_reads_was_measured() -> None:
    program = rq.Program.from_dict({
        "name": "fed", "register": {"atoms": {"a": (0, 0), "b": (30, 0)}},
        "memory": {"x": {"initial": 0}, "y": {"initial": 0}},
        "body": [
            {"rotate": {"atom": "a", "angle": 1.1}}, {"rotate": {"atom": "b", "angle": 2.0}},
            {"measure": {"atoms": ["a", "b"], "key": "m"}},
            {"set": {"x": "ensemble_mean(1 - 2 * m.a)", "y": "ensemble_mean(m.a + m.b)"}},
        ],
    })  # fmt: skip
    a, b = np.sin(0.55) ** 2, np.sin(1.0) ** 2

    exact = rq.run(program, shots=None, emulator="ideal", hardware=LOSSY)
    sampled = rq.run(program, shots=20_000, seed=2, emulator="ideal", hardware=LOSSY)

    np.testing.assert_allclose([exact.x, exact.y], [1 - 2 * a, a + b], atol=1e-12)
    assert float(sampled.x.mean()) == pytest.approx(1 - 2 * a, abs=SIGMAS * 2 / np.sqrt(16_000))
    assert float(sampled.y.mean()) == pytest.approx(a + b, abs=SIGMAS / np.sqrt(12_800))


def test_a_mean_over_nothing_is_refused() -> None:
    program = rq.Program.from_dict({
        "name": "gone", "register": {"atoms": {"a": (0, 0)}}, "memory": {"x": {"initial": 0}},
        "body": [{"measure": {"atoms": "a", "key": "m"}}, {"set": {"x": "ensemble_mean(m)"}}],
    })  # fmt: skip

    with pytest.raises(rq.QmemError, match="no shot in which all outcomes it reads were measured"):
        rq.run(program, shots=5, seed=1, emulator="ideal", hardware={"name": "hole", "loss": 1.0})


def written(value: Any) -> Iterator[tuple[str, str]]:
    """Every `set` and `push` of a program's plain form: name and expression."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("set", "push"):
                yield from ((str(name), str(text)) for name, text in inner.items())
            else:
                yield from written(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from written(inner)


def keys_of(value: Any) -> dict[str, tuple[str, ...]]:
    """Every key that a program's plain form measures into, with its atoms."""
    if isinstance(value, list):
        return {k: v for inner in value for k, v in keys_of(inner).items()}
    if not isinstance(value, dict):
        return {}
    found = {k: v for inner in value.values() for k, v in keys_of(inner).items()}
    if "key" in value and "probe" not in value:
        atoms: Any = value.get("atoms") or value.get("ancilla") or value.get("atom") or "a"
        found[str(value["key"])] = (atoms,) if isinstance(atoms, str) else tuple(atoms)
    return found


@pytest.mark.parametrize("name", [name for name in names() if load(name).memory])
def test_no_bundled_sequence_takes_a_lost_atom_for_minus_one_photon(name: str) -> None:
    """What a lost atom makes of memory lies between what outcomes and values of memory make of it."""
    program = load(name)
    plain, rng = program.to_dict(), np.random.default_rng(0)
    keys = keys_of(plain["body"])
    windows = {n for n, memory in program.memory.items() if memory.window is not None}
    for target, text in written(plain["body"]):
        expression = Expression(text)
        read = {
            k: atoms for k, atoms in keys.items() if k in expression.names or any(k == c for c, _ in expression.columns)
        }
        if not read or "ensemble_mean" in expression.functions:
            continue
        others = {n: rng.uniform(0.2, 0.8, size=(1, 3) if n in windows else 1) for n in expression.names - set(read)}
        seen = [
            evaluated(expression, others, read, bits)
            for bits in product((0.0, 1.0), repeat=sum(map(len, read.values())))
        ]
        seen += [float(v) for value in others.values() for v in np.ravel(value)] if target in windows else []
        for bits in product((-1.0, 0.0, 1.0), repeat=sum(map(len, read.values()))):
            value = evaluated(expression, others, read, bits)
            assert min(seen) - 1e-9 <= value <= max(seen) + 1e-9, f"{target}: {text} at {bits}"


def evaluated(
    expression: Expression, others: dict[str, Any], read: dict[str, tuple[str, ...]], bits: tuple[float, ...]
) -> float:
    scope: dict[str, Any] = dict(others)
    rest = list(bits)
    for key, atoms in read.items():
        scope[key] = Columns(atoms, np.array([[rest.pop(0) for _ in atoms]]))

    class Half:
        def uniform(self) -> Any:
            return np.full(1, 0.3)

        def normal(self) -> Any:
            return np.full(1, 0.3)

    return float(np.ravel(expression.evaluate(scope, random=Half()))[0])
