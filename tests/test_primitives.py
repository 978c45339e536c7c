"""The primitives that memristors are made of, as channels: weak measurement W, damping D, beam splitter B."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rydberg_qmem as rq

Matrix = NDArray[Any]

X = np.array([[0, 1], [1, 0]], dtype=complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1, -1]).astype(complex)
AXES = {"x": X, "y": Y, "z": Z}
INPUTS = [(0.0, 0.0), (np.pi, 0.0), (np.pi / 2, 0.0), (np.pi / 2, np.pi / 2), (1.1, 0.7), (2.3, -1.9)]
"""Polar and azimuthal angles; the first four are g, h, (g + h)/√2 and (g + ih)/√2."""


def state(theta: float, phi: float) -> Matrix:
    """Return Rz(phi) Ry(theta) on g, as a density matrix in the order g, h."""
    psi = np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])
    return np.outer(psi, psi.conj())


def prepared(theta: float, phi: float) -> list[dict[str, Any]]:
    turn = {"atom": "s", "angle": theta}
    return [{"rotate": turn}, {"rotate": {"atom": "s", "axis": "z", "angle": phi}}]


def record(body: list[Any], emulator: str = "ideal", spectator: bool = False) -> Any:
    atoms = {"s": (0, 0), "a": (4, 0)} | ({"t": (0, 5)} if spectator else {})
    return rq.run(rq.Program(name="p", register={"atoms": atoms}, body=body), shots=None, emulator=emulator)


def seen(key: str, *atoms: str) -> dict[str, Any]:
    return {"probe": {"atoms": list(atoms), "density_matrix": True, "key": key}}


def logical(rho: Any) -> Matrix:
    """Return the block of g and h of every atom of a probed density matrix."""
    labels = [str(label) for label in rho[rho.dims[0]].values]
    kept = [k for k, label in enumerate(labels) if "r" not in label]
    return np.asarray(rho.values[np.ix_(kept, kept)])


def kraus_of_weak_measurement(strength: float, axis: str = "z") -> list[Matrix]:
    """Return M for bit 0 (+1) and bit 1 (-1)."""
    up, down = (np.eye(2) + AXES[axis]) / 2, (np.eye(2) - AXES[axis]) / 2
    large, small = np.sqrt((1 + strength) / 2), np.sqrt((1 - strength) / 2)
    return [large * up + small * down, small * up + large * down]


def kraus_of_damping(probability: float) -> list[Matrix]:
    lost = np.sqrt(probability) * np.array([[0, 1], [0, 0]], dtype=complex)
    return [np.diag([1, np.sqrt(1 - probability)]).astype(complex), lost]


def isometry_of_beam_splitter(reflectivity: float) -> Matrix:
    """Return the map from s to (s, a): g -> gg, h -> √(1-R) hg + √R gh."""
    made = np.zeros((4, 2), dtype=complex)
    made[0, 0], made[2, 1], made[1, 1] = 1, np.sqrt(1 - reflectivity), np.sqrt(reflectivity)
    return made


def applied(kraus: list[Matrix], rho: Matrix) -> Matrix:
    return np.asarray(sum(k @ rho @ k.conj().T for k in kraus))


# ---------------------------------------------------------------- weak measurement


def weak(strength: float, axis: str = "z") -> list[dict[str, Any]]:
    """Return a weak measurement whose branches are looked at one by one, and then together."""
    block = {"system": "s", "ancilla": "a", "strength": strength, "axis": axis, "key": "w"}
    sides = {"if": "w == 0", "then": [seen("plus", "s")], "otherwise": [seen("minus", "s")]}
    return [{"weak_measure": block}, {"when": sides}, seen("unread", "s")]


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_weak_measurement_has_its_kraus_operators(strength: float, axis: str) -> None:
    kraus = kraus_of_weak_measurement(strength, axis)
    for theta, phi in INPUTS:
        found, rho = record([*prepared(theta, phi), *weak(strength, axis)]), state(theta, phi)

        chance = (1 - strength * np.trace(AXES[axis] @ rho).real) / 2
        assert float(found.w) == pytest.approx(chance, abs=1e-9)
        for k, name in enumerate(("plus", "minus")):
            after = kraus[k] @ rho @ kraus[k].conj().T
            if (weight := np.trace(after).real) > 1e-6:
                np.testing.assert_allclose(logical(found[name]), after / weight, atol=1e-9)


@pytest.mark.parametrize("chi", [0.0, 0.4, 1.2, np.pi / 2])
def test_an_unread_weak_measurement_shrinks_coherence_by_cos_chi_and_keeps_populations(chi: float) -> None:
    found = logical(record([*prepared(1.1, 0.7), *weak(np.sin(chi))]).unread)
    rho = state(1.1, 0.7)

    np.testing.assert_allclose(found[0, 1], np.cos(chi) * rho[0, 1], atol=1e-9)
    np.testing.assert_allclose(np.diag(found), np.diag(rho), atol=1e-9)


@pytest.mark.parametrize("strength", [0.2, 0.6])
def test_a_weakly_measured_pure_state_stays_pure_and_moves_as_bloch_vector(strength: float) -> None:
    found, rho = record([*prepared(1.1, 0.7), *weak(strength)]), state(1.1, 0.7)
    x, y, z = (np.trace(axis @ rho).real for axis in AXES.values())

    for m, name in ((1, "plus"), (-1, "minus")):
        after = logical(found[name])
        shrunk = np.sqrt(1 - strength**2) / (1 + strength * m * z)
        wanted = (shrunk * x, shrunk * y, (z + strength * m) / (1 + strength * m * z))
        np.testing.assert_allclose([np.trace(axis @ after).real for axis in AXES.values()], wanted, atol=1e-9)


# ------------------------------------------------------- damping and beam splitter


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_damping_has_its_kraus_operators_and_clicks_with_its_probability(probability: float) -> None:
    block = {"damp": {"system": "s", "ancilla": "a", "probability": probability, "key": "click"}}
    for theta, phi in INPUTS:
        found, rho = record([*prepared(theta, phi), block, seen("rho", "s")]), state(theta, phi)

        np.testing.assert_allclose(logical(found.rho), applied(kraus_of_damping(probability), rho), atol=1e-9)
        assert float(found.click) == pytest.approx(probability * rho[1, 1].real, abs=1e-9)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_damping_follows_its_closed_forms_of_occupation_and_purity(probability: float) -> None:
    block = {"damp": {"system": "s", "ancilla": "a", "probability": probability}}
    purity = {"probe": {"atoms": "s", "purity": True, "occupation": True, "key": "p"}}
    n = np.sin(1.1 / 2) ** 2

    found = record([*prepared(1.1, 0.7), block, purity])

    assert found.p_occupation.item() == pytest.approx((1 - probability) * n, abs=1e-9)
    assert float(found.p_purity) == pytest.approx(1 - 2 * probability * (1 - probability) * n**2, abs=1e-9)


@pytest.mark.parametrize("reflectivity", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_beam_splitter_is_its_isometry(reflectivity: float) -> None:
    block = {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": reflectivity}}
    for theta, phi in INPUTS:
        found = record([*prepared(theta, phi), block, seen("rho", "s", "a")])

        wanted = applied([isometry_of_beam_splitter(reflectivity)], state(theta, phi))
        np.testing.assert_allclose(logical(found.rho), wanted, atol=1e-9)


# ----------------------------------------------------------- half of an entangled pair

PAIR = [*prepared(1.1, 0.7), {"cnot": {"control": "s", "target": "t"}}]


def pair() -> Matrix:
    psi = np.array([np.cos(0.55), 0, 0, np.exp(0.7j) * np.sin(0.55)])
    return np.outer(psi, psi.conj())


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_weak_measurement_of_half_a_pair_steers_the_other_half(axis: str) -> None:
    sides = {"if": "w == 0", "then": [seen("plus", "s", "t")], "otherwise": [seen("minus", "s", "t")]}
    block = {"system": "s", "ancilla": "a", "strength": 0.6, "axis": axis, "key": "w"}

    found = record([*PAIR, {"weak_measure": block}, {"when": sides}], spectator=True)

    for one, name in zip(kraus_of_weak_measurement(0.6, axis), ("plus", "minus"), strict=True):
        after = applied([np.kron(one, np.eye(2))], pair())
        np.testing.assert_allclose(logical(found[name]), after / np.trace(after), atol=1e-9)


def test_damping_of_half_a_pair_acts_on_that_half_alone() -> None:
    block = {"damp": {"system": "s", "ancilla": "a", "probability": 0.4}}

    found = record([*PAIR, block, seen("rho", "s", "t")], spectator=True)

    wanted = applied([np.kron(k, np.eye(2)) for k in kraus_of_damping(0.4)], pair())
    np.testing.assert_allclose(logical(found.rho), wanted, atol=1e-9)


def test_the_beam_splitter_shares_the_entanglement_of_half_a_pair() -> None:
    block = {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": 0.4}}

    found = record([*PAIR, block, seen("rho", "s", "a", "t")], spectator=True)

    wanted = applied([np.kron(isometry_of_beam_splitter(0.4), np.eye(2))], pair())
    np.testing.assert_allclose(logical(found.rho), wanted, atol=1e-9)


# ------------------------------------------------------------------- pulse by pulse


def choi(outputs: list[Matrix]) -> Matrix:
    """Return the normalised Choi matrix from the outputs of g, h, (g + h)/√2 and (g + ih)/√2."""
    g, h, plus, plus_i = outputs
    across = (2 * plus - g - h + 1j * (2 * plus_i - g - h)) / 2
    size = len(g)
    made = np.zeros((2, size, 2, size), dtype=complex)
    made[0, :, 0], made[1, :, 1], made[0, :, 1], made[1, :, 0] = g, h, across, across.conj().T
    flat = made.reshape(2 * size, 2 * size)
    return np.asarray(flat / np.trace(flat))


def process_fidelity(found: list[Matrix], wanted: list[Matrix]) -> float:
    """Return the Uhlmann fidelity of two Choi matrices."""
    one, two = choi(found), choi(wanted)
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.conj().T
    inner = np.linalg.eigvalsh(root @ two @ root)
    return float(np.sqrt(np.clip(inner, 0, None)).sum() ** 2)


BASIS = INPUTS[:4]


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_damping_by_pulses_has_a_process_fidelity_above_0_999(probability: float) -> None:
    block = {"damp": {"system": "s", "ancilla": "a", "probability": probability}}
    made = [logical(record([*prepared(*angles), block, seen("rho", "s")], "exact").rho) for angles in BASIS]

    assert process_fidelity(made, [applied(kraus_of_damping(probability), state(*angles)) for angles in BASIS]) > 0.999


@pytest.mark.parametrize("reflectivity", [0.1, 0.5, 0.9])
def test_the_beam_splitter_by_pulses_has_a_process_fidelity_above_0_999(reflectivity: float) -> None:
    block = {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": reflectivity}}
    made = [logical(record([*prepared(*angles), block, seen("rho", "s", "a")], "exact").rho) for angles in BASIS]
    wanted = [applied([isometry_of_beam_splitter(reflectivity)], state(*angles)) for angles in BASIS]

    assert process_fidelity(made, wanted) > 0.999


@pytest.mark.parametrize("axis", ["x", "z"])
@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_each_outcome_of_weak_measurement_by_pulses_has_a_process_fidelity_above_0_999(
    strength: float, axis: str
) -> None:
    records = [record([*prepared(*angles), *weak(strength, axis)], "exact") for angles in BASIS]

    for bit, (name, kraus) in enumerate(zip(("plus", "minus"), kraus_of_weak_measurement(strength, axis), strict=True)):
        chances = [abs(1 - bit - float(found.w)) for found in records]
        made = [chance * logical(found[name]) for chance, found in zip(chances, records, strict=True)]
        assert process_fidelity(made, [applied([kraus], state(*angles)) for angles in BASIS]) > 0.999


def test_a_beam_splitter_of_the_wrong_reflectivity_falls_short_of_0_999() -> None:
    block = {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": 0.55}}
    made = [logical(record([*prepared(*angles), block, seen("rho", "s", "a")], "exact").rho) for angles in BASIS]

    assert process_fidelity(made, [applied([isometry_of_beam_splitter(0.5)], state(*a)) for a in BASIS]) < 0.999
