"""Registers: coordinates, Pulser's layouts by their names, Pulser's own objects."""

from __future__ import annotations

import time
from itertools import combinations
from math import dist
from typing import Any

import numpy as np
import pulser
import pytest

import rydberg_qmem as rq
from rydberg_qmem.language.registers import Register


def refusal(**fields: Any) -> str:
    with pytest.raises(rq.ProgramError) as caught:
        Register(**fields)
    return str(caught.value)


def gaps(register: Register) -> list[float]:
    return sorted(round(dist(p, q), 9) for p, q in combinations(register.positions.values(), 2))


def pulser_gaps(register: Any) -> list[float]:
    places = [place.as_array() for place in register.qubits.values()]
    return sorted(round(float(np.linalg.norm(p - q)), 9) for p, q in combinations(places, 2))


def test_atoms_keep_their_names_order_and_places() -> None:
    register = Register(atoms={"s": (0, 0), "a": (5, 1.5)})

    assert register.names == ("s", "a")
    assert dict(register.positions) == {"s": (0, 0), "a": (5, 1.5)}


LAYOUTS: dict[str, tuple[dict[str, int], Any]] = {
    "rectangle": ({"rows": 2, "columns": 3}, lambda: pulser.Register.rectangle(2, 3, 5, prefix="q")),
    "square": ({"side": 3}, lambda: pulser.Register.square(3, 5, prefix="q")),
    "triangular_lattice": (
        {"rows": 3, "columns": 4},
        lambda: pulser.Register.triangular_lattice(3, 4, 5, prefix="q"),
    ),
    "triangular": ({"rows": 3, "columns": 4}, lambda: pulser.Register.triangular_lattice(3, 4, 5, prefix="q")),
    "hexagon": ({"layers": 2}, lambda: pulser.Register.hexagon(2, 5, prefix="q")),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_that_of_pulser(layout: Any) -> None:
    sizes, make = LAYOUTS[layout]
    mine, theirs = Register(layout=layout, spacing_um=5, **sizes), make()

    assert gaps(mine) == pulser_gaps(theirs)
    assert mine.names == tuple(theirs.qubits)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_atoms_of_a_layout_stand_where_pulser_puts_them(layout: Any) -> None:
    sizes, make = LAYOUTS[layout]
    mine, theirs = Register(layout=layout, spacing_um=5, **sizes), make()

    for name, place in theirs.qubits.items():
        assert mine.positions[name] == pytest.approx(tuple(place.as_array()), abs=1e-9)


def test_a_layout_is_made_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert len(Register(layout="hexagon", layers=1, spacing_um=5).names) == 7

    assert not [str(warning.message) for warning in recwarn]


def test_a_layouts_atoms_may_be_named() -> None:
    sizes: dict[str, Any] = {"layout": "rectangle", "rows": 1, "columns": 2, "spacing_um": 5}

    assert Register(**sizes, prefix="atom").names == ("atom0", "atom1")
    assert Register.model_validate(sizes | {"names": ["s", "a"]}).names == ("s", "a")


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "must give one of atoms, a layout or traps"),
        (
            {"atoms": {"a": (0, 0)}, "layout": "square", "side": 1, "spacing_um": 5},
            "must give one of atoms, a layout or traps",
        ),
        ({"atoms": {}}, "must hold at least one atom"),
        ({"atoms": {"a": (0, 0), "b": (0, 0)}}, "atoms a and b must not stand at one place"),
        ({"atoms": {"a": (0, 0), "b": (0, 1e-7)}}, "atoms a and b must not stand at one place"),
        ({"atoms": {"a": (0, 0), "b": (5, 0, 0)}}, "must all have two or all have three coordinates"),
        ({"atoms": {"a": (0, float("nan"))}}, "finite"),
        ({"atoms": {"a": (0, float("inf"))}}, "finite"),
        ({"atoms": {"1a": (0, 0)}}, "must be a name: letters, digits, underscores"),
        ({"layout": "rectangle", "rows": 1}, "layout rectangle needs columns, spacing_um"),
        ({"layout": "hexagon", "spacing_um": 5}, "layout hexagon needs layers"),
        ({"layout": "square", "side": 0, "spacing_um": 5}, "side must be positive and at most 1000"),
        ({"layout": "square", "side": 2, "spacing_um": -5}, "spacing_um must be positive"),
        ({"layout": "square", "side": 2, "spacing_um": 5, "names": ["a", "b"]}, "names must give 4 different names"),
        ({"layout": "square", "side": 1, "spacing_um": 5, "rows": 2.5}, "fractional part"),
    ],
)
def test_a_register_that_is_none_is_refused(fields: dict[str, Any], rule: str) -> None:
    assert rule in refusal(**fields)


@pytest.mark.parametrize(
    "sizes", [{"layout": "rectangle", "rows": 100, "columns": 60}, {"layout": "hexagon", "layers": 45}]
)
def test_thousands_of_atoms_are_refused_at_once(sizes: dict[str, Any]) -> None:
    began = time.process_time()

    with pytest.raises(rq.ProgramError):
        rq.run(rq.Program.from_dict({"name": "p", "register": sizes | {"spacing_um": 5}, "body": []}))
    assert time.process_time() - began < 1


def test_a_register_of_pulsers_keeps_its_names_and_places() -> None:
    flat = Register.model_validate(pulser.Register({"s": (0, 0), "a": (5, 1)}))
    space = Register.model_validate(pulser.Register3D({"s": (0, 0, 1), "a": (5, 1, 2)}))

    assert flat == Register(atoms={"s": (0, 0), "a": (5, 1)})
    assert space == Register(atoms={"s": (0, 0, 1), "a": (5, 1, 2)})


@pytest.mark.filterwarnings("ignore:Usage of `int`s")
def test_atoms_that_pulser_numbers_get_a_letter() -> None:
    assert Register.model_validate(pulser.Register.rectangle(1, 2, 5)).names == ("q0", "q1")


def test_a_register_goes_to_pulser_and_back() -> None:
    for register in (
        Register(atoms={"s": (0, 0), "a": (5, 1)}),
        Register(atoms={"s": (0, 0, 1), "a": (5, 1, 2)}),
        Register(atoms=dict(Register(layout="square", side=2, spacing_um=5).positions)),
    ):
        assert Register.model_validate(register.to_pulser()) == register


def test_the_order_of_atoms_is_part_of_a_register() -> None:
    one, two = Register(atoms={"s": (0, 0), "a": (5, 1)}), Register(atoms={"a": (5, 1), "s": (0, 0)})

    assert one != two
    assert hash(one) != hash(two)


def test_a_program_takes_a_register_object() -> None:
    own, theirs = Register(atoms={"s": (0, 0), "a": (5, 0)}), pulser.Register({"s": (0, 0), "a": (5, 0)})

    made = [rq.Program(name="p", register=register, body=[]) for register in (own, theirs)]

    assert made[0] == made[1]


def test_atoms_farther_out_than_any_trap_are_refused() -> None:
    with pytest.raises(rq.ProgramError, match=r"atoms\.b.*must lie within 1e\+06 µm"):
        Register(atoms={"a": (0, 0), "b": (0, -1e300)})
    with pytest.raises(rq.ProgramError, match="coordinates must lie within"):
        Register(layout="rectangle", rows=1, columns=3, spacing_um=1e9)
