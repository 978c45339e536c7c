"""Runs of many small units, so that a test can stop them between two."""

import pytest


@pytest.fixture
def cohort_by_cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walk each cohort by itself; processes that are forked do so, too."""
    monkeypatch.setattr("rydberg_qmem.execute.run.BATCH_COHORTS", 1)
