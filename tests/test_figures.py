"""Every memristor of the gallery against its closed form, by ideal gates and pulse by pulse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem import cells
from rydberg_qmem.analysis import entanglement, systems
from rydberg_qmem.gallery.figures import FIGURES, Figure, classical_fingerprints
from rydberg_qmem.gallery.page import table

QUICK = [figure for figure in FIGURES if figure.row in (3, 8, 9, 10, 11)]
PULSES = 2e-3
"""How far pulses may be from ideal gates; square CZ of infidelity 1e-4 take most of it."""


def name(figure: Figure) -> str:
    return f"{figure.row} {figure.system} {figure.quantity}"


@pytest.mark.parametrize("figure", QUICK, ids=name)
def test_it_is_what_its_closed_form_says(figure: Figure) -> None:
    assert figure.measure("ideal", None)[0] == pytest.approx(figure.reference, abs=figure.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("figure", [figure for figure in FIGURES if figure not in QUICK], ids=name)
def test_it_is_what_its_closed_form_says_too(figure: Figure) -> None:
    assert figure.measure("ideal", None)[0] == pytest.approx(figure.reference, abs=figure.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("figure", [figure for figure in FIGURES if figure.pulses], ids=name)
def test_by_pulses_it_is_near_its_closed_form(figure: Figure) -> None:
    assert figure.measure("exact", None)[0] == pytest.approx(figure.reference, abs=max(figure.tolerance, PULSES))


@pytest.mark.slow
@pytest.mark.parametrize("figure", [f for f in FIGURES if f.sampled and f.system == "quadratures"], ids=name)
def test_from_shots_it_is_within_five_errors(figure: Figure) -> None:
    mean, error = figure.measure("ideal", 4000)

    assert abs(mean - figure.reference) < 5 * error


def test_every_row_has_a_figure() -> None:
    assert {figure.row for figure in FIGURES} == set(range(1, 12))


def test_the_table_has_a_line_for_each_figure() -> None:
    made = table(FIGURES[-2:-1])

    assert made.count("\n") == 3
    assert "-1.000000" in made


def test_the_classical_memristor_bears_all_three_fingerprints() -> None:
    found = classical_fingerprints()

    assert bool(found.pinched)
    assert bool(found.shrinks)
    assert bool(found.straightens)
    assert bool(found.memristor)


@pytest.mark.parametrize("topology", ["line", "triangle"])
def test_undamped_cells_in_three_have_the_negativity_of_their_law(topology: Any) -> None:
    program = cells.coupled(3, topology=topology, damping=0, steps=13, step=1.0)
    record = rq.run(program, shots=None, emulator="ideal", state="density_matrix")
    rho = entanglement.within(record.rho.values, record.levels)[0]
    kt = 0.1 * np.arange(13)
    want = systems.triangle_negativity(kt) if topology == "triangle" else systems.line_negativity(kt)[0]

    np.testing.assert_allclose(entanglement.negativity(rho, [0]), want, atol=1e-3)


def test_monogamy_holds_in_a_triangle() -> None:
    record = rq.run(
        cells.coupled(3, topology="triangle", damping=0, steps=8, step=2.0),
        shots=None, emulator="ideal", state="density_matrix",
    )  # fmt: skip
    rho = entanglement.within(record.rho.values, record.levels)[0]

    assert (entanglement.monogamy(rho) > -1e-9).all()
    assert entanglement.monogamy(rho).max() > 0.1
    assert entanglement.tripartite_negativity(rho).max() > 0.4


def test_a_cell_reflects_what_its_memory_says_whatever_the_coupling() -> None:
    record = rq.run(cells.network(3, coupling="zz", topology="triangle"), shots=None, emulator="ideal")
    n_in = np.sin(np.pi * np.arange(24) / 12) ** 2

    np.testing.assert_allclose(record.reflected.values[:, 1], record.R1.values * n_in, atol=1e-9)


@pytest.mark.parametrize("shots", [None, 200])
def test_six_coupled_memristors_run_exactly_and_from_shots(shots: int | None) -> None:
    program = cells.network(6, topology="line", probes=False, period=6, window=2)
    record = rq.run(program, shots=shots, seed=None if shots is None else 1, emulator="ideal")

    assert record.sizes["out_atom"] == 6
    assert np.isfinite(record.R5.values).all()


def test_a_shared_memory_is_the_mean_of_its_cells() -> None:
    record = rq.run(cells.network(2, coupling="none", memory="shared", phase=1.0), shots=None, emulator="ideal")
    k = np.arange(24)
    mean = (np.sin(np.pi * k / 12) ** 2 + np.sin(np.pi * k / 12 + 0.5) ** 2) / 2
    before = np.concatenate([np.full(4, 0.5), mean])
    want = [max(0.05, float(before[i : i + 4].mean())) for i in range(24)]

    np.testing.assert_allclose(record.R0.values, want, atol=1e-9)


def test_a_triangle_of_four_is_refused() -> None:
    with pytest.raises(rq.InputError, match="must have 3 units, but has 4"):
        cells.network(4, topology="triangle")


def test_tomography_finds_a_bell_pair_again() -> None:
    program = rq.Program(
        name="bell",
        register={"atoms": {"a": (0, 0), "b": (4, 0)}},
        parameters={"setting": 0},
        body=(
            {"rotate": {"atom": "a", "angle": "pi / 2"}},
            {"cnot": {"control": "a", "target": "b"}},
            *cells.tomography(["a", "b"]),
        ),
    )
    record = rq.run(program, shots=2000, seed=4, sweep={"setting": range(9)}, emulator="ideal")

    found = rq.analysis.tomography(record, key="tomo", measures={"concurrence": entanglement.concurrence}, bootstrap=10)

    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    assert (bell @ found.likely.values @ bell).real > 0.98
    assert (bell @ found.linear.values @ bell).real == pytest.approx(1, abs=0.03)
    assert float(found.concurrence) > 0.95


def test_memory_time_of_a_window_is_its_length() -> None:
    rng = np.random.default_rng(3)
    u = rng.uniform(size=400)
    y = np.convolve(u, np.ones(5) / 5)[: len(u)]
    import xarray as xr

    record = xr.Dataset({"u": ("round", u), "y": ("round", y)})
    found = rq.analysis.memory_time(record, drive="u", response="y", lags=8)

    assert float(found.memory_time) == pytest.approx(5, abs=1e-6)
    assert float(found.age) == pytest.approx(2, abs=1e-6)


def test_independent_bits_share_no_information() -> None:
    import xarray as xr

    rng = np.random.default_rng(3)
    one, two = (xr.DataArray(rng.integers(2, size=4000), dims="shot") for _ in range(2))
    found = rq.analysis.mutual_information(one, two)

    assert abs(float(found.information)) < 6 * float(found.information_error) + 1e-3
