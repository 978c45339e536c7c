"""Runs of many small units, so that a test can stop them between two."""

import pytest


@pytest.fixture
def cohort_by_cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walk each cohort by itself, write it at once; processes that are forked do so, too."""
    monkeypatch.setattr("rydberg_qmem.running.units.BATCH_COHORTS", 1)
    monkeypatch.setattr("rydberg_qmem.running.store_writer.FLUSH_S", 0.0)
    monkeypatch.setattr("rydberg_qmem.store.atomic_files.sync", lambda handle: None)  # kills of processes need no disk
