"""The figures on docs/gates.md are those that the engine gives."""

from __future__ import annotations

import re

import pytest

from benchmarks import gate_table


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w-])\d+(?:\.\d+)?(?:e-\d+)?", text)]


def assert_same(found: list[str], printed: list[str]) -> None:
    """Compare to the printed digits; searches may end a little elsewhere on other machines."""
    assert len(found) == len(printed)
    for one, other in zip(found, printed, strict=True):
        assert re.sub(r"[\d.e-]+", "#", one) == re.sub(r"[\d.e-]+", "#", other)
        assert numbers(one) == pytest.approx(numbers(other), rel=0.06)


def page() -> str:
    return gate_table.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["cz", "cz, levine", "cz, time_optimal", "cphase by 1", "blockade_rotate by π/2"])
def test_a_few_rows_of_the_gate_table_are_the_engines(name: str) -> None:
    place = gate_table.PLACES[1]
    [row] = [line for line in gate_table.section(page(), "gates") if line.startswith(f"| {name} |")]

    assert_same([gate_table.cell(name, place)], [row.strip("| ").split(" | ")[2]])


def test_the_scaling_of_the_cz_is_the_engines() -> None:
    assert_same(gate_table.scaling(), gate_table.section(page(), "scaling"))


def test_gates_that_want_weak_interactions_are_the_engines() -> None:
    assert_same(gate_table.far(), gate_table.section(page(), "far"))


def test_a_changed_figure_is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_same(["| cz | 1.1e-04, 676 ns |"], ["| cz | 1.2e-04, 676 ns |"])


@pytest.mark.slow
def test_every_row_is_the_engines() -> None:
    for name, made in gate_table.TABLES.items():
        assert_same(made(), gate_table.section(page(), name))
