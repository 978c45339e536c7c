"""All estimators against scikit-learn's own checks, each exception with its reason, and in the company of its tools."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from rydberg_qmem.learning import MemristorClassifier, MemristorReservoir, QuantumReservoir

CHECKED = [
    MemristorReservoir(),
    QuantumReservoir(readouts=1, duration_ns=300),
    MemristorClassifier(4, random_state=0),
    MemristorReservoir(shots=20, random_state=0),
    QuantumReservoir(readouts=1, duration_ns=300, shots=20, random_state=0),
    MemristorClassifier(4, shots=20, random_state=0),
]


def expected_failures(estimator: Any) -> dict[str, str]:
    """Return the checks that a sampled estimator cannot pass, and why: each call draws shots of its own."""
    if estimator.shots is None or not isinstance(estimator, MemristorClassifier):
        return {}
    names = ("check_classifiers_train", "check_classifiers_classes", "check_decision_proba_consistency")
    return dict.fromkeys(names, "compares predictions with values of the readout from a second call, of other shots")


@pytest.mark.slow
@parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures)  # type: ignore[untyped-decorator]  # no types there
def test_estimators_are_those_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED)
def test_what_differs_from_call_to_call_is_tagged(estimator: Any) -> None:
    assert estimator.__sklearn_tags__().non_deterministic == (estimator.shots is not None)


def test_a_stream_that_goes_on_is_tagged() -> None:
    assert MemristorReservoir(layout="stream", reset_state=False).__sklearn_tags__().non_deterministic


def striped(cases: int) -> tuple[Any, Any]:
    """Return series of four rounds whose label is whether the last but one is high; the others say nothing."""
    x = np.random.default_rng(0).uniform(size=(cases, 4))
    return x, (x[:, 2] > 0.5).astype(int)


def test_a_network_tells_by_memory_what_frozen_feedback_cannot() -> None:
    x, y = striped(300)
    live, frozen = (
        MemristorClassifier(3, freeze=f, random_state=1, C=100).fit(x[:200], y[:200]) for f in (False, True)
    )

    assert live.score(x[200:], y[200:]) > 0.8  # chance, twice: 0.5 + 5.5 sqrt(0.25 / 100) = 0.775
    assert frozen.score(x[200:], y[200:]) < 0.775
    assert np.allclose(live.predict_proba(x).sum(axis=1), 1)


def test_a_grid_search_finds_the_memory_that_a_task_needs() -> None:
    x, y = striped(120)
    device = MemristorReservoir(scale=False, features=("means", "products"))
    search = GridSearchCV(
        make_pipeline(device, LogisticRegression(C=1e4)), {"memristorreservoir__freeze": [True, False]}, cv=3
    )

    assert search.fit(x, y).best_params_ == {"memristorreservoir__freeze": False}


def test_processes_change_no_feature() -> None:
    x = striped(6)[0]
    options: dict[str, Any] = {"shots": 20, "random_state": 0, "noise": {"p_false_pos": 0.1}}
    one = MemristorReservoir(**options, batch=2).fit(x)
    two = MemristorReservoir(**options, batch=2, n_jobs=2).fit(x)

    assert np.array_equal(two.transform(x), one.transform(x))
