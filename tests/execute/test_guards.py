"""What would not fit is refused before it begins, with the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.execute import guards
from tests.execute.scaling import run


def heard(**changes: Any) -> list[tuple[int, int]]:
    """Return what a refused run was heard of: nothing."""
    told: list[tuple[int, int]] = []
    with pytest.raises(rq.InputError):
        run(progress=lambda done, total: told.append((done, total)), **changes)
    return told


@pytest.mark.parametrize("changes", [{"max_seconds": 1e-6}, {"max_memory_gb": 1e-6}, {"max_memory_gb": 0}])
def test_nothing_runs_of_what_is_refused(changes: Any) -> None:
    assert heard(**changes) == []


def test_a_run_that_takes_too_long_is_refused_with_the_way_out() -> None:
    with pytest.raises(rq.InputError, match=r"would take .* s on one processor, more than 1e-06 s: .*more workers"):
        run(max_seconds=1e-6)


def test_a_record_too_large_for_memory_is_sent_to_disk() -> None:
    with pytest.raises(rq.InputError, match=r"GB in memory: use fewer shots, .*store=, -o"):
        run(max_memory_gb=1e-6)


def test_a_record_too_large_for_memory_is_written_where_there_is_a_store(tmp_path: Path) -> None:
    call: Any = {"shots": 10, "sweep": None}
    with pytest.raises(rq.InputError, match="in memory"):
        run(**call, max_memory_gb=1e-7)

    assert run(tmp_path / "r.zarr", **call, max_memory_gb=0.1).sizes["shot"] == 10


def test_states_too_large_for_memory_are_refused() -> None:
    with pytest.raises(rq.InputError, match=r"the states would need .* GB: use fewer atoms or levels"):
        guards._check_estimate(rq.estimate("rabi", shots=1000), 1, 1e-9, None)


def test_a_run_within_its_limits_runs() -> None:
    assert run(shots=10, sweep=None, max_seconds=1e6, max_memory_gb=1).sizes["shot"] == 10
