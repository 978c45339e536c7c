"""Every memristor of the gallery against its closed form: by ideal gates, by pulses, from shots, and under noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem import programs
from rydberg_qmem.analysis import closed_forms, entanglement
from rydberg_qmem.gallery import page
from rydberg_qmem.gallery.figure import COHORT, FEW, IDEAL, PULSES, SAMPLED, Figure, RunConfig, of_cohorts
from rydberg_qmem.gallery.figures import FIGURES
from rydberg_qmem.gallery.rows import classical_memristor, network_of_six, photonic, squid, three_coupled, two_coupled

QUICK = [f for f in FIGURES if f.row in (3, 9) and "∞" not in f.quantity and "K=96" not in f.quantity]
PULSE = 2e-3
"""How far pulses may be from ideal gates; square CZ of infidelity 1e-4 take most of it."""
COST = 0.35
"""How much of a figure the machine's noise may take at most, of 1."""


def name(figure: Figure) -> str:
    return f"{figure.row} {figure.system} {figure.quantity}"


@pytest.mark.parametrize("figure", QUICK, ids=name)
def test_it_is_what_its_closed_form_says(figure: Figure) -> None:
    assert figure.measure(IDEAL)[0] == pytest.approx(figure.reference, abs=figure.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("figure", [figure for figure in FIGURES if figure not in QUICK], ids=name)
def test_it_is_what_its_closed_form_says_too(figure: Figure) -> None:
    if (emulator := figure.system.rpartition(" ")[2]).startswith("emu_"):
        pytest.importorskip(emulator, reason=f"{emulator} is not installed: pip install 'rydberg_qmem[emu]'")

    assert figure.measure(IDEAL)[0] == pytest.approx(figure.reference, abs=figure.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("figure", [figure for figure in FIGURES if not figure.pulses], ids=name)
def test_by_pulses_it_is_near_its_closed_form(figure: Figure) -> None:
    assert figure.measure(PULSES)[0] == pytest.approx(figure.reference, abs=max(figure.tolerance, PULSE))


@pytest.mark.slow
@pytest.mark.parametrize("figure", [figure for figure in FIGURES if figure.pulses == FEW], ids=name)
def test_by_pulses_from_shots_it_is_within_four_errors(figure: Figure) -> None:
    mean, error = figure.measure(RunConfig("exact", COHORT))

    assert 0 < error < 0.1
    assert abs(mean - figure.reference) < 4 * error


@pytest.mark.slow
@pytest.mark.parametrize("figure", [figure for figure in FIGURES if figure.sampled], ids=name)
def test_from_shots_it_is_within_four_errors(figure: Figure) -> None:
    mean, error = figure.measure(SAMPLED)

    assert error > 0
    assert abs(mean - figure.reference) < 4 * error


def test_a_figure_that_is_off_by_a_hundredth_is_found_out() -> None:
    figure = next(f for f in FIGURES if f.quantity == "X_out, X_in=0.707")
    mean, _ = figure.measure(IDEAL)

    assert abs(1.01 * mean - figure.reference) > figure.tolerance


def test_every_row_has_figures_and_a_picture() -> None:
    from rydberg_qmem.gallery.pictures import PICTURES

    assert {figure.row for figure in FIGURES} == set(range(1, 12))
    assert {name for name, _, _ in PICTURES} >= {f"row_{row:02}" for row in range(1, 12)} | {"network"}


def test_where_a_figure_has_no_pulses_or_noise_it_says_why() -> None:
    for figure in FIGURES:
        assert figure.noisy
        assert figure.noisy in (*page.EMULATORS, FEW) or len(figure.noisy) > 5, name(figure)


def test_the_table_has_a_line_for_each_figure() -> None:
    made = page.table([f for f in FIGURES if "exponent of area against frequency" in f.quantity])

    assert made.count("\n") == 3
    assert "-1.000000" in made


def test_noise_is_measured_under_the_machine_and_not_without() -> None:
    figure = next(f for f in FIGURES if f.system == "photonic, weak tap" and f.noisy == "ideal")
    noisy = float(page.noisy(figure).split()[0])

    assert 0 < noisy < figure.reference
    assert noisy == pytest.approx(figure.reference, abs=COST)


def test_shots_that_share_a_mean_have_the_error_of_their_cohorts() -> None:
    rng = np.random.default_rng(1)
    shared = np.repeat(rng.normal(size=40), 1000) + 0.1 * rng.normal(size=40_000)

    _, error = of_cohorts(shared)

    assert error == pytest.approx(1 / np.sqrt(40), rel=0.4)
    assert error > 20 * shared.std() / np.sqrt(len(shared))


def test_the_classical_memristor_bears_all_three_fingerprints() -> None:
    found = classical_memristor.prints()

    assert bool(found.pinched)
    assert bool(found.shrinks)
    assert bool(found.straightens)
    assert bool(found.memristor)


def test_the_photonic_type_is_pinched_but_its_area_is_not_monotonic() -> None:
    found = classical_memristor.photonic_prints(RunConfig(), (16, 8, 6, 4))

    assert bool(found.pinched)
    assert not bool(found.shrinks)
    assert not bool(found.memristor)
    assert float(found.area[2]) < 1e-9


def test_the_closed_loop_follows_its_map() -> None:
    record = IDEAL.dense("ca_squid_closed", rounds=20)
    v, flux = squid.closed_map(20)

    np.testing.assert_allclose(-record.bloch.values[:, 0, 0], v, atol=1e-9)
    np.testing.assert_allclose(record.flux.values, flux, atol=1e-9)


def test_the_output_of_a_memristor_read_elsewhere_keeps_its_coherence() -> None:
    record = IDEAL.run("coherence_memristor", parameters={"period": 8, "window": 3})
    k = np.arange(8, 16)
    want = np.sqrt(1 - record.R.values[8:]) * np.sin(2 * np.pi * k / 8)

    np.testing.assert_allclose(record.out_pauli.sel(out_axis="X").values[8:, 0], want, atol=1e-9)
    assert np.ptp(np.abs(want[[1, 3, 5, 7]])) > 0.1  # the coherence of one input has two values: hysteresis


def test_clipping_bends_the_tap_the_more_the_weaker_it_is() -> None:
    bias = [photonic.clipping(e) for e in (1.0, 0.9, 0.7, 0.5, 0.3)]

    np.testing.assert_allclose(bias, [0.002, 0.014, 0.036, 0.078, 0.156], atol=0.005)
    assert bias == sorted(bias)


@pytest.mark.parametrize("topology", ["line", "triangle"])
def test_undamped_cells_in_three_have_the_negativity_of_their_law(topology: Any) -> None:
    program = programs.coupled(3, topology=topology, damping=0, steps=13, step=1.0)
    record = rq.run(program, shots=None, emulator="ideal")
    rho = entanglement.within(record.rho.values, record.levels)[0]
    kt = 0.1 * np.arange(13)
    want = closed_forms.triangle_negativity(kt) if topology == "triangle" else closed_forms.line_negativity(kt)[0]

    np.testing.assert_allclose(entanglement.negativity(rho, [0]), want, atol=1e-3)


def test_concurrence_and_the_loop_of_a_coupled_pair_go_against_each_other() -> None:
    program = programs.coupled(2, damping=0, steps=48, step=0.8)
    found = two_coupled.loops(IDEAL, program, 0.8, 0)

    assert two_coupled.correlation(found) < -0.7


def test_area_and_entanglement_go_together_in_a_triangle_and_not_in_a_line_until_damping_turns_them() -> None:
    found = {
        (top, gamma): three_coupled.follows_by_integration(top, gamma)
        for top in three_coupled.SHAPES
        for gamma in (0, 0.01, 0.03)
    }

    assert found["line", 0.01] < -0.2 < 0.1 < found["triangle", 0.01]
    assert found["triangle", 0] < -0.9, "undamped they go against each other in both"
    assert found["line", 0.03] > 0.3, "strongly damped they go together in both"


@pytest.mark.parametrize(("wrong", "agrees"), [(1.0, True), (1.02, False)])
def test_loops_turn_round_where_a_coupled_pair_is_most_entangled(wrong: float, agrees: bool) -> None:
    program = programs.coupled(2, damping=0, steps=80, step=0.4)
    entangled = entanglement.concurrence(two_coupled.states(IDEAL, program, 0))
    most = 0.04 * float(entangled.argmax())

    assert (abs(wrong * two_coupled.turning(IDEAL)[0] - most) < 0.02) == agrees


def test_monogamy_holds_in_a_triangle() -> None:
    record = rq.run(
        programs.coupled(3, topology="triangle", damping=0, steps=8, step=2.0), shots=None, emulator="ideal",
    )  # fmt: skip
    rho = entanglement.within(record.rho.values, record.levels)[0]

    assert (entanglement.monogamy(rho) > -1e-9).all()
    assert entanglement.monogamy(rho).max() > 0.1
    assert entanglement.tripartite_negativity(rho).max() > 0.4


@pytest.mark.parametrize("coupling", ["exchange", "zz", "interaction"])
def test_a_cell_reflects_what_its_memory_says_whatever_the_coupling(coupling: Any) -> None:
    program = programs.network(3, coupling=coupling, topology="triangle", spacing_um=12)
    record = rq.run(program, shots=None, emulator="ideal", rounds=12)
    n_in = np.sin(np.pi * np.arange(12) / 12) ** 2

    np.testing.assert_allclose(record.reflected.values[:, 1], record.R1.values * n_in, atol=1e-9)


def test_two_cells_coupled_by_their_own_interaction_are_as_coupled_by_a_gate() -> None:
    size: dict[str, Any] = {"period": 4, "window": 2, "strength": 0.6, "phase": 0.8}
    analog = rq.run(programs.network(2, coupling="interaction", spacing_um=12, **size), shots=None)
    gate = rq.run(programs.network(2, coupling="zz", **size), shots=None, emulator="ideal")

    np.testing.assert_allclose(analog.out.values, gate.out.values, atol=5e-3)
    np.testing.assert_allclose(analog.rho.values, gate.rho.values, atol=0.03)


@pytest.mark.parametrize("topology", ["line", "ring", "grid"])
@pytest.mark.parametrize("shots", [None, 1000])
def test_six_coupled_memristors_run_exactly_and_from_shots(topology: str, shots: int | None) -> None:
    worst, _ = network_of_six.mean_reflected(RunConfig(shots=shots), topology)

    assert worst < (1e-9 if shots is None else 6)


@pytest.mark.parametrize("topology", ["line", "ring", "triangle", "grid", "all"])
def test_networks_of_every_shape_fit_on_the_device(topology: Any) -> None:
    units = 3 if topology == "triangle" else 6
    program = programs.network(units, topology=topology)
    away = programs.crosstalk(program)

    assert program.device == "DigitalAnalogDevice"
    assert rq.check(program) == []
    assert max(away.values()) < 5420158.53 / 4.2**6
    assert not any(one[1:] == two[1:] for one, two in away)
    assert "µm apart" in program.about


def test_cells_far_apart_have_less_cross_talk() -> None:
    near, far = (programs.crosstalk(programs.network(4, topology="grid", spacing_um=um)) for um in (6.0, 20.0))

    assert max(far.values()) < 1e-2 * max(near.values())


def test_a_shared_memory_is_the_mean_of_its_cells() -> None:
    record = rq.run(programs.network(2, coupling="none", memory="shared", phase=1.0), shots=None, emulator="ideal")
    k = np.arange(24)
    mean = (np.sin(np.pi * k / 12) ** 2 + np.sin(np.pi * k / 12 + 0.5) ** 2) / 2
    before = np.concatenate([np.full(4, 0.5), mean])
    want = [max(0.05, float(before[i : i + 4].mean())) for i in range(24)]

    np.testing.assert_allclose(record.R0.values, want, atol=1e-9)


def test_a_triangle_of_four_is_refused() -> None:
    with pytest.raises(rq.InputError, match="must have 3 units, but has 4"):
        programs.network(4, topology="triangle")


def test_tomography_finds_a_bell_pair_again() -> None:
    program = rq.Program(
        name="bell",
        register={"atoms": {"a": (0, 0), "b": (4, 0)}},
        parameters={"setting": 0},
        body=(
            {"rotate": {"atom": "a", "angle": "pi / 2"}},
            {"cnot": {"control": "a", "target": "b"}},
            *programs.tomography(["a", "b"]),
        ),
    )
    record = rq.run(program, shots=2000, seed=4, sweep={"setting": range(9)}, emulator="ideal")

    found = rq.analysis.tomography(record, key="tomo", measures={"concurrence": entanglement.concurrence}, bootstrap=10)

    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    assert (bell @ found.likely.values @ bell).real > 0.98
    assert (bell @ found.linear.values @ bell).real == pytest.approx(1, abs=0.03)
    assert float(found.concurrence) > 0.95
