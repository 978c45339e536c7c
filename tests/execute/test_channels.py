"""What a measurement does besides: the same for every kind of state, by chance or weighted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.engine.error_channels import ABSENT, dephase, heat
from rydberg_qmem.engine.population import Part, Population, product
from rydberg_qmem.engine.representation import REPRESENTATIONS

LAYOUT = Layout(("g", "h"), 2)
ENTANGLED = np.array([[0.6, 0.2j, 0.3, -0.5], [0.1, 0.7, -0.4j, 0.2]], dtype=complex)
WEIGHTS = np.array([0.3, 0.7])


def branches(kind: str, gone: bool = False) -> Population:
    """Two branches of an exact run, two atoms in entangled states; in the second the first atom may be gone."""
    states = ENTANGLED / np.linalg.norm(ENTANGLED, axis=1, keepdims=True)
    absent = np.array([[0.0, 0.0], [2.0 * gone, 0.0]])
    if gone:
        states[1] = [0.6, 0.8, 0.0, 0.0]
    if kind == "density_matrix":
        states = np.einsum("qi,qj->qij", states, states.conj()).reshape(2, -1)
    part = Part((0, 1), states, np.arange(2), REPRESENTATIONS[kind], (("g", "h"),) * 2)
    return Population((part,), WEIGHTS, np.zeros(2, dtype=np.int64), {ABSENT: absent})


def mixture(population: Population) -> Any:
    """The density matrix of both atoms, averaged over all branches."""
    part = product(list(population.parts))
    rows = part.states[part.state_of]
    if part.representation.is_mixed:
        return np.einsum("q,qi->i", population.weights, rows).reshape(4, 4)
    return np.einsum("q,qi,qj->ij", population.weights, rows, rows.conj())


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("act", [dephase, heat])
def test_weighted_branches_of_vectors_are_the_density_matrix(act: Any, gone: bool) -> None:
    made = {kind: act(branches(kind, gone), 0, 0.3, None, LAYOUT, REPRESENTATIONS[kind]) for kind in REPRESENTATIONS}

    assert made["vector"].weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(mixture(made["vector"]), mixture(made["density_matrix"]), atol=1e-12)
    assert abs(mixture(made["density_matrix"]) - mixture(branches("density_matrix", gone))).max() > 0.01


def test_heating_leaves_the_even_mixture_of_the_ground_levels() -> None:
    made = mixture(heat(branches("vector"), 0, 1.0, None, LAYOUT, REPRESENTATIONS["vector"])).reshape(2, 2, 2, 2)

    np.testing.assert_allclose(np.einsum("ikjk->ij", made), np.eye(2) / 2, atol=1e-12)
    before = mixture(branches("vector")).reshape(2, 2, 2, 2)
    np.testing.assert_allclose(np.einsum("kikj->ij", made), np.einsum("kikj->ij", before), atol=1e-12)
