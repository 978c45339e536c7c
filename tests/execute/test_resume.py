"""A store goes on with its own run, grows, and refuses every other run without writing anything."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.engine import rng
from rydberg_qmem.errors import StoreError
from rydberg_qmem.running import store_order, stored
from rydberg_qmem.store import records, resume
from rydberg_qmem.store.identity import identity
from rydberg_qmem.store.lock import StaleLockWarning, lock_of
from rydberg_qmem.store.record_layout import RecordLayout, chunk_shape
from rydberg_qmem.store.regions import Regions
from rydberg_qmem.store.seal import SEAL
from rydberg_qmem.store.store import UnfinishedWarning
from tests.execute.scaling import CALL, PROGRAM, ended_badly, killed_at_write, run, sha256

pytestmark = pytest.mark.usefixtures("cohort_by_cohort")
SMALL: dict[str, Any] = {"shots": 1500, "sweep": {"theta": [0.5, 1.0]}}


def files(place: Path) -> dict[str, bytes]:
    """Return every byte of a store."""
    return {str(path): path.read_bytes() for path in sorted(place.parent.rglob("*")) if path.is_file()}


def cut(place: Path, **changes: Any) -> Path:
    """Leave a store whose run was killed."""
    ended_badly(killed_at_write, 12, place, **{**SMALL, **changes})
    lock_of(place).unlink()
    return place


# --- the same run goes on ---


def test_the_same_call_again_runs_only_what_is_missing(tmp_path: Path) -> None:
    place, heard = cut(tmp_path / "r.zarr"), []
    done = Regions(place).done()
    assert 0 < done.sum() < done.size

    run(place, **SMALL, progress=lambda *now: heard.append(now))
    assert 0 < heard[0][0] < heard[0][1] == 3000
    assert heard[-1] == (3000, 3000)


def test_a_finished_record_is_returned_as_it_is(tmp_path: Path) -> None:
    place, heard = tmp_path / "r.zarr", []
    run(place, **SMALL)
    before = {name: text for name, text in files(place).items() if SEAL not in name}
    run(place, **SMALL, progress=lambda *now: heard.append(now))

    assert heard == [(3000, 3000)]
    assert {name: text for name, text in files(place).items() if SEAL not in name} == before


def test_a_run_without_a_seed_goes_on_with_the_seed_of_its_store(tmp_path: Path) -> None:
    call = {**SMALL, "seed": None}
    first = run(tmp_path / "r.zarr", **call)

    assert run(tmp_path / "r.zarr", **call).attrs["seed"] == first.attrs["seed"]


def test_a_store_knows_how_to_go_on(tmp_path: Path) -> None:
    place = cut(tmp_path / "r.zarr")

    assert sha256(stored.resume(place, run=rq.run)) == sha256(run(**SMALL))


def test_an_exact_run_goes_on_too(tmp_path: Path) -> None:
    call: Any = {"shots": None, "sweep": {"rounds": [1, 2, 3]}, "program": exact_program()}
    ended_badly(killed_at_write, 3, tmp_path / "r.zarr", **call)
    assert 0 < Regions(tmp_path / "r.zarr").done().sum() < 3

    with pytest.warns(StaleLockWarning):
        record = run(tmp_path / "r.zarr", **call)
    assert sha256(record) == sha256(run(**call))
    assert record.attrs["pruned_probability"] < 1e-9


def exact_program() -> rq.Program:
    body: Any = [
        {"rotate": {"atom": "a", "angle": "theta"}},
        {"measure": {"atoms": "a", "key": "m"}},
        {"probe": {"atoms": ["a"], "key": "p", "purity": True}},
    ]
    return rq.Program(
        name="exact",
        device="MockDevice",
        register={"atoms": {"a": (0, 0)}},
        parameters={"theta": 1, "rounds": 2},
        body=[{"repeat": {"times": "rounds", "body": body}}],
    )


def test_an_unfinished_record_opens_with_a_warning(tmp_path: Path) -> None:
    place = cut(tmp_path / "r.zarr")

    with pytest.warns(UnfinishedWarning, match="go on with: rqm resume"):
        record = rq.open_record(place)
    done = Regions(place).done()
    assert (record.m.values[0, :1000, 0] != -1).all()
    assert (record.m.values[1, 1000:] == -1).all() == (not done[1, 1])
    assert np.isnan(record.p.values).all()


# --- another run is refused ---

OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 12}, "seed 11 there, 12 asked"),
    "emulator": ({"emulator": "exact"}, "emulator ideal there, exact asked"),
    "state": ({"state": "density_matrix"}, "state auto there, density_matrix asked"),
    "program": ({"program": PROGRAM.model_copy(update={"name": "other"})}, "program "),
    "sweep": ({"sweep": {"theta": [0.5, 2.0]}}, "points "),
    "swept": ({"sweep": {"rounds": [4, 5]}}, "swept "),
    "parameters": ({"parameters": {"rounds": 3}}, "points "),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("finished", [True, False])
def test_another_run_is_refused_with_both_fingerprints_and_nothing_written(
    tmp_path: Path, other: str, finished: bool
) -> None:
    place = tmp_path / "r.zarr"
    if finished:
        run(place, **SMALL)
    else:
        cut(place)
    before, (changes, told) = files(place), OTHERS[other]

    with pytest.raises(StoreError, match=r"fingerprints [0-9a-f]{16} there, [0-9a-f]{16} asked") as caught:
        run(place, **{**SMALL, **changes})
    assert told in str(caught.value)
    assert caught.value.exit_code == 2
    assert files(place) == before


def test_another_size_of_cohorts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = cut(tmp_path / "r.zarr")
    monkeypatch.setattr(store_order, "COHORT", 500)

    with pytest.raises(StoreError, match="cohort 1000 there, 500 asked"):
        run(place, **SMALL)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = cut(tmp_path / "r.zarr")
    monkeypatch.setattr(records, "version_of", lambda name: "9.9")

    with pytest.raises(StoreError, match=r"version 0\.1\.0 there, 9\.9 asked"):
        run(place, **SMALL)


def test_a_mutant_that_forgets_the_seed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, plain = tmp_path / "r.zarr", identity
    monkeypatch.setattr(store_order, "identity", lambda job, **more: {**plain(job, **more), "seed": "any"})
    ended_badly(killed_at_write, 12, place, **SMALL)
    with warnings.catch_warnings(action="ignore"):
        mixed = run(place, **SMALL, seed=12)

    assert sha256(mixed) not in (sha256(run(**SMALL)), sha256(run(**SMALL, seed=12)))


def test_every_part_of_a_job_is_part_of_its_identity() -> None:
    from dataclasses import fields, make_dataclass

    from rydberg_qmem.running.job import Job
    from rydberg_qmem.store.identity import fingerprint, identity

    job = Job(PROGRAM, {}, None, 100, 1, "exact", "vector")
    assert set(identity(job)) == {field.name for field in fields(Job)} - {"shots", "memory_gb"}
    later = make_dataclass("later", [("more", float, 0.0)], bases=(Job,), frozen=True)
    loud, still = (later(PROGRAM, {}, None, 100, 1, "exact", "vector", more=more) for more in (0.1, 0.2))
    assert fingerprint(identity(loud)) != fingerprint(identity(still))


def test_another_run_takes_the_place_when_asked(tmp_path: Path) -> None:
    place = cut(tmp_path / "r.zarr")

    assert sha256(run(place, **SMALL, seed=12, overwrite=True)) == sha256(run(**SMALL, seed=12))
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.zarr"]


def test_a_record_that_was_saved_whole_is_not_continued(tmp_path: Path) -> None:
    rq.save_record(run(**SMALL), tmp_path / "r.zarr")

    with pytest.raises(StoreError, match="was saved whole, so no run continues it"):
        run(tmp_path / "r.zarr", **SMALL)


def test_what_is_no_record_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("years")

    for overwrite in (False, True):
        with pytest.raises(StoreError, match="is not a record, so it will not be overwritten"):
            run(tmp_path / "precious", **SMALL, overwrite=overwrite)
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "years"


# --- growing ---


@pytest.mark.parametrize("first", [300, 1000, 1500])
def test_more_shots_make_the_record_that_they_would_have_made_at_once(tmp_path: Path, first: int) -> None:
    run(tmp_path / "r.zarr", **{**SMALL, "shots": first})

    grown = run(tmp_path / "r.zarr", **{**SMALL, "shots": 3200})
    assert sha256(grown) == sha256(run(**{**SMALL, "shots": 3200}))
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.zarr"]


def test_more_points_make_the_record_that_they_would_have_made_at_once(tmp_path: Path) -> None:
    more: Any = {"shots": 1500, "sweep": {"theta": [0.5, 1.0, 1.5]}}
    heard: list[Any] = []
    run(tmp_path / "r.zarr", **SMALL)

    grown = run(tmp_path / "r.zarr", **more, progress=lambda *now: heard.append(now))
    assert sha256(grown) == sha256(run(**more))
    assert heard[0] == (3000, 4500)  # what was there is not run again


def test_a_run_that_was_killed_may_grow_before_it_is_finished(tmp_path: Path) -> None:
    place = cut(tmp_path / "r.zarr")

    assert sha256(run(place, **{**SMALL, "shots": 2600})) == sha256(run(**{**SMALL, "shots": 2600}))


def test_an_exchange_that_was_interrupted_is_undone(tmp_path: Path) -> None:
    place = tmp_path / "r.zarr"
    run(place, **SMALL)
    place.rename(tmp_path / ".r.zarr.old")
    (tmp_path / ".r.zarr.new").mkdir()

    assert sha256(run(place, **SMALL)) == sha256(run(**SMALL))
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.zarr"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shots": 700}, "holds 1500 shots, and a record only grows; 700 shots asked"),
        ({"sweep": {"theta": [0.5]}}, "holds 2 points, and a record only grows; 1 points asked"),
        ({"sweep": {"theta": [0.1, 0.5, 1.0]}}, "points "),
    ],
)
def test_what_is_no_growth_is_refused(tmp_path: Path, changes: Any, told: str) -> None:
    place = tmp_path / "r.zarr"
    run(place, **SMALL)
    before = files(place)

    with pytest.raises(StoreError) as caught:
        run(place, **{**SMALL, **changes})
    assert told in str(caught.value)
    assert files(place) == before


def test_new_points_with_longer_loops_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "r.zarr", **{**CALL, "shots": 100, "sweep": {"rounds": [2, 3]}})

    with pytest.raises(StoreError, match="longer loops"):
        run(tmp_path / "r.zarr", **{**CALL, "shots": 100, "sweep": {"rounds": [2, 3, 4]}})
    with warnings.catch_warnings(action="error"):
        rq.open_record(tmp_path / "r.zarr")


# --- shards ---


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0)])
def test_a_shard_is_one_of_n(shard: Any, tmp_path: Path) -> None:
    with pytest.raises(rq.InputError, match=r"shard: must be \(i, N\) with i from 1 to N"):
        run(tmp_path / "r.zarr", shard=shard)


def test_shards_and_clusters_need_a_store() -> None:
    for who in ({"shard": (1, 2)}, {"client": SimpleNamespace(submit=len, scheduler_info=len, cancel=len)}):
        with pytest.raises(rq.InputError, match="client and shard need a store"):
            run(**who)


def test_shards_do_not_overwrite_each_other(tmp_path: Path) -> None:
    run(tmp_path / "r.zarr", **SMALL)

    with pytest.raises(rq.InputError, match="shards would overwrite each other's work"):
        run(tmp_path / "r.zarr", **SMALL, shard=(1, 2), overwrite=True)


def test_shards_without_a_seed_are_refused_before_they_draw_different_ones(tmp_path: Path) -> None:
    with pytest.raises(rq.InputError, match="shards need a seed"):
        run(tmp_path / "r.zarr", **{**SMALL, "seed": None}, shard=(1, 2))


# --- layout ---


def test_chunks_are_whole_units_and_at_most_eight_megabytes() -> None:
    layout = RecordLayout(points=3, shots=10**6, together=20, first_shots=10**6, sums=0, swept=True)

    for shape, size in (({"shot": 10**6}, 1), ({"shot": 10**6, "round": 1000}, 8), ({"shot": 10**6, "round": 9999}, 8)):
        point, shots, *rest = chunk_shape({"point": 3, **shape}, size, layout)
        assert point == 1
        assert (20 * rng.COHORT) % shots == 0  # no chunk spans two units
        assert size * shots * int(np.prod(rest)) <= 8_000_000


def test_what_is_no_record_has_no_run_to_go_on_with() -> None:
    with pytest.raises(StoreError, match="is not a record"):
        resume.stored_identity(Path("nowhere"))
