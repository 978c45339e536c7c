"""Whoever runs the cohorts, in whatever order, killed or not: the same record, or a clear word on what is missing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.engine import rng
from rydberg_qmem.running import store_order, store_writer, stored
from rydberg_qmem.store import atomic_files, resume
from rydberg_qmem.store.contents import LEDGERS
from rydberg_qmem.store.lock import StaleLockWarning
from rydberg_qmem.store.regions import Regions, Written
from tests.execute.scaling import PROGRAM, UNITS, deadly, ended_badly, killed_at_write, run, sha256

ROOT = Path(rq.__file__).parent.parent
pytestmark = pytest.mark.usefixtures("cohort_by_cohort")


@cache
def whole() -> str:
    """Return the hash of the run that nothing disturbed, kept in memory."""
    return sha256(run())


def kept(place: Path) -> int:
    return int(Regions(place).done().sum())


# --- the same record, whoever runs it ---


def test_a_stored_run_is_the_run_in_memory(tmp_path: Path) -> None:
    assert sha256(run(tmp_path / "r.zarr")) == whole()


def test_two_processes_give_the_same_record(tmp_path: Path) -> None:
    assert sha256(run(tmp_path / "r.zarr", workers=2)) == whole()


def test_two_processes_give_the_same_record_in_memory() -> None:
    assert sha256(run(workers=2)) == whole()


def test_shards_in_reversed_order_give_the_same_record(tmp_path: Path) -> None:
    for i in (4, 3, 2, 1):
        record = run(tmp_path / "r.zarr", shard=(i, 4))
        assert ("unfinished" in record.attrs) == (i > 1)

    assert sha256(rq.open_record(tmp_path / "r.zarr")) == whole()


NOISY: dict[str, Any] = {
    "noise": {"amp_sigma": 0.05, "state_prep_error": 0.02},
    "hardware": {
        "imaging_us": 20,
        "p_false_neg": 0.05,
        "loss": 0.02,
        "t1_us": 400,
        "confusion": {"b": [[0.9, 0.1], [0.2, 0.8]]},
    },
    "shots": 2300,
    "emulator": "exact",
    "sweep": {"theta": [0.5, 1.0]},
}


@cache
def noisy() -> str:
    return sha256(run(**NOISY))


@pytest.mark.slow
def test_a_noisy_run_is_the_same_in_processes_and_in_shards_and_after_a_kill(tmp_path: Path) -> None:
    assert sha256(run(tmp_path / "serial.zarr", **NOISY)) == noisy()
    assert sha256(run(tmp_path / "two.zarr", workers=2, **NOISY)) == noisy()
    for i in (4, 3, 2, 1):
        with warnings.catch_warnings(action="ignore"):
            run(tmp_path / "shards.zarr", shard=(i, 4), **NOISY)
    assert sha256(rq.open_record(tmp_path / "shards.zarr")) == noisy()
    ended_badly(killed_at_write, 8, tmp_path / "killed.zarr", **NOISY)
    with warnings_of_stale_locks():
        assert sha256(run(tmp_path / "killed.zarr", **NOISY)) == noisy()
    assert noisy() != sha256(run(**{**NOISY, "noise": None, "hardware": None}))


@pytest.mark.slow
def test_a_noisy_run_goes_on_from_what_its_store_says(tmp_path: Path) -> None:
    place = tmp_path / "r.zarr"
    ended_badly(killed_at_write, 8, place, **NOISY)
    assert 0 < kept(place) < 4
    with warnings_of_stale_locks():
        record = stored.resume(place, run=rq.run)

    assert sha256(record) == noisy()


@pytest.mark.slow
def test_a_mutant_whose_store_forgets_the_noise_is_refused_or_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, plain = tmp_path / "r.zarr", store_order.order_of

    def forgets(*args: Any) -> Any:
        order = plain(*args)
        return replace(order, call={**order.call, "noise": None})

    with monkeypatch.context() as patched:
        patched.setattr(stored, "order_of", forgets)
        ended_badly(killed_at_write, 8, place, **NOISY)
    with warnings_of_stale_locks(), pytest.raises(rq.QmemError, match="holds another run"):
        stored.resume(place, run=rq.run)


def test_cohorts_in_shuffled_order_give_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = stored._walked

    def shuffled(missing: list[store_writer.Batch], *args: Any) -> Any:
        return plain([missing[i] for i in np.random.default_rng(3).permutation(len(missing))], *args)

    monkeypatch.setattr(stored, "_walked", shuffled)
    assert sha256(run(tmp_path / "r.zarr")) == whole()


def test_a_mutant_whose_numbers_hang_on_the_order_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, turns = rng._sequence, iter(range(10**6))
    before = whole()
    monkeypatch.setattr(rng, "_sequence", lambda seed, point, cohort, stream: plain(seed, 0, next(turns), stream))
    for i in (2, 1):
        run(tmp_path / "r.zarr", shard=(i, 2))

    assert sha256(rq.open_record(tmp_path / "r.zarr")) != before


def test_a_mutant_that_adds_sums_as_they_come_is_found() -> None:
    values = np.random.default_rng(1).random(400)

    assert sum(values) != sum(values[::-1])  # why units are added in one order, whoever was first


# --- killed ---


@pytest.mark.slow
def test_twenty_kills_at_random_times_are_survived(tmp_path: Path) -> None:
    began = time.perf_counter()
    ended_badly(run, tmp_path / "timed.zarr")
    lasts, reached = time.perf_counter() - began, []
    for i, part in enumerate(np.random.default_rng(20).random(20)):
        place = tmp_path / f"{i}.zarr"
        ended_badly(run, place, after_s=part * lasts)
        reached.append(kept(place) if place.exists() else 0)
        with warnings_of_stale_locks():
            assert sha256(run(place)) == whole(), (i, reached)

    assert min(reached) < UNITS / 4
    assert max(reached) > UNITS / 2
    assert not list(tmp_path.glob(".*"))


def warnings_of_stale_locks() -> Any:
    return warnings.catch_warnings(action="ignore", category=StaleLockWarning)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 11, 18])
def test_a_kill_between_any_two_writes_is_survived(tmp_path: Path, number: int) -> None:
    place = tmp_path / "r.zarr"

    assert ended_badly(killed_at_write, number, place) == -signal.SIGKILL
    with warnings_of_stale_locks():
        assert sha256(run(place)) == whole()


def test_a_marker_without_its_data_is_not_believed_and_a_mutant_that_does_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, before, plain = tmp_path / "r.zarr", whole(), Regions.write

    def marks_first(self: Regions, units: Any) -> None:
        atomic_files.put({path: content for unit in units for path, content in self._marks([unit]).items()})
        plain(self, units)

    with monkeypatch.context() as patched:
        patched.setattr(Regions, "write", marks_first)
        assert ended_badly(killed_at_write, 1, place) == -signal.SIGKILL
        shutil.copytree(place, tmp_path / "copy.zarr")
    with warnings_of_stale_locks():
        assert sha256(run(place)) == before
    monkeypatch.setattr(resume, "sound", lambda held: (held.done(), []))
    with pytest.raises(rq.QmemError, match=r"c/0/0/0/0: is missing"):
        run(tmp_path / "copy.zarr")


def test_only_the_marker_is_trusted(tmp_path: Path) -> None:
    place = tmp_path / "r.zarr"
    run(place)
    regions = Regions(place)
    atomic_files.put(regions._arrays("m", regions.held.arrays["m"], [wrong(1, 1)]))
    run(place)
    assert sha256(rq.open_record(place)) != whole()  # marked as done, with a right checksum, so it is not run again

    (place / LEDGERS[0] / "cohort_done" / "c/1/1").unlink()
    assert sha256(run(place)) == whole()


def wrong(point: int, cohort: int) -> Written:
    return Written(point, (cohort,), {"m": np.zeros((1000, 4, 2), dtype=np.int8)}, np.zeros(1))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_keeps_what_is_done_and_goes_on(tmp_path: Path, number: int, code: int) -> None:
    file, place = tmp_path / "feels.yaml", tmp_path / "r.zarr"
    file.write_text(PROGRAM.to_yaml())
    command = [sys.executable, "-m", "rydberg_qmem"]
    options = ["--shots", "400000", "--seed", "11", "--emulator", "ideal", "--workers", "2", "-o", str(place)]
    process = subprocess.Popen(
        [*command, "run", str(file), *options], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background would not hear it
    )  # fmt: skip
    wait_for(lambda: place.exists() and kept(place) >= 3)
    os.killpg(process.pid, number)  # as a terminal or a batch system does: the workers hear it too
    _, told = process.communicate(timeout=30)

    assert process.returncode == code
    assert "interrupted\n" in told
    assert f"of 400 cohorts are kept in {place}; go on with: rqm resume {place}" in told
    assert "Traceback" not in told
    done = kept(place)
    assert 3 <= done < 400
    again = subprocess.run([*command, "resume", str(place)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "400000 shots, seed 11" in again.stdout
    assert kept(place) == 400


def test_values_of_shots_without_rounds_stay_when_a_record_grows(tmp_path: Path) -> None:
    place, call = tmp_path / "r.zarr", {"seed": 3, "emulator": "ideal"}
    rq.run(PROGRAM, shots=1000, store=place, **call)  # type: ignore[arg-type]  # one mapping for both calls

    rq.run(PROGRAM, shots=3000, store=place, **call)  # type: ignore[arg-type]

    grown, whole_run = rq.open_record(place), rq.run(PROGRAM, shots=3000, **call)  # type: ignore[arg-type]
    np.testing.assert_array_equal(grown.x_final, whole_run.x_final)


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_worker_process_that_dies_is_told_and_its_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "r.zarr"
    with monkeypatch.context() as patched:
        patched.setattr(stored, "work", deadly)
        with pytest.raises(rq.RunError, match=r"a worker process died.*point 1 \(theta = 0.5, rounds = 4\), cohort 2"):
            run(place, workers=2)

    assert 0 < kept(place) < UNITS
    assert sha256(run(place, workers=2)) == whole()


# --- Dask ---


@pytest.fixture
def path_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def cluster(workers: int) -> Any:
    from distributed import LocalCluster

    return LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50)  # type: ignore[no-untyped-call]  # dask has no types for it


@pytest.fixture
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore"):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("path_for_workers", "quiet")
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_cluster_gives_the_same_record(tmp_path: Path, workers: int) -> None:
    with cluster(workers) as made, made.get_client() as client:
        assert sha256(run(tmp_path / "r.zarr", client=client)) == whole()


@pytest.mark.slow
@pytest.mark.usefixtures("path_for_workers", "quiet")
def test_two_workers_killed_in_a_cluster_change_nothing(tmp_path: Path) -> None:
    with cluster(2) as made, made.get_client() as client:
        alive = client.run(os.getpid)
        heard: list[int] = []

        def kill(done: int, total: int) -> None:
            heard.append(done)
            if len(heard) in (2, 4):
                os.kill(list(alive.values())[len(heard) // 2 - 1], signal.SIGKILL)

        record = run(tmp_path / "r.zarr", client=client, progress=kill)

        assert set(alive.values()).isdisjoint(client.run(os.getpid).values())
    assert sha256(record) == whole()


@pytest.mark.slow
@pytest.mark.usefixtures("path_for_workers", "quiet")
def test_a_task_that_kills_every_worker_is_named_and_the_others_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "r.zarr"
    with monkeypatch.context() as patched, cluster(2) as made, made.get_client() as client:
        patched.setattr(stored, "work", deadly)
        began = time.monotonic()
        with pytest.raises(rq.RunError) as caught:
            run(place, client=client)
        assert time.monotonic() - began < 60

    assert "point 1 (theta = 0.5, rounds = 4), cohort 2: killed every worker that tried" in str(caught.value)
    assert caught.value.exit_code == 1
    assert kept(place) == UNITS - 1
    assert sha256(run(place)) == whole()


@pytest.mark.slow
@pytest.mark.usefixtures("path_for_workers", "quiet")
def test_a_cluster_gives_the_same_noisy_record(tmp_path: Path) -> None:
    with cluster(2) as made, made.get_client() as client:
        assert sha256(run(tmp_path / "r.zarr", client=client, **NOISY)) == noisy()


# --- disk full ---

LIMITED = """
import resource, sys
from pathlib import Path
from rydberg_qmem.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""


CARELESS = """
import contextlib
from rydberg_qmem.store import atomic_files
plain = atomic_files.put
def careless(contents):
    for path, content in contents.items():
        with contextlib.suppress(OSError):
            plain({path: content})
atomic_files.put = careless
"""


def ended_on_a_full_disk(folder: Path, before: str = "") -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run a command that may write only short files: the first point's chunks are small, the second's do not fit."""
    file, place = folder / "feels.yaml", folder / "r.zarr"
    file.write_text(PROGRAM.to_yaml())
    words = ["run", str(file), "--shots", "1000", "--seed", "3", "--emulator", "ideal", "-o", str(place)]
    words += ["--sweep", "rounds=2,300"]
    full = [sys.executable, "-c", before + LIMITED, "60000", *words]
    return subprocess.run(full, cwd=ROOT, capture_output=True, text=True, check=False), place


@pytest.mark.slow
def test_a_mutant_that_swallows_a_full_disk_is_found(tmp_path: Path) -> None:
    full, place = ended_on_a_full_disk(tmp_path, CARELESS)

    assert full.returncode == 2, "the run itself compares what it wrote with its checksums"
    assert "the record is damaged" in full.stderr
    with pytest.raises(rq.QmemError, match="is missing"):
        rq.open_record(place)


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path: Path) -> None:
    full, place = ended_on_a_full_disk(tmp_path)

    assert full.returncode == 1, full.stderr
    assert f"{place}: cannot be written" in full.stderr
    assert "bytes are needed for point 1 (rounds = 300), cohort 0" in full.stderr
    assert "File too large" in full.stderr
    assert kept(place) == 1
    with pytest.warns(UserWarning, match="not finished"):
        first = rq.open_record(place).isel(point=0)
    call: Any = {"shots": 1000, "seed": 3, "emulator": "ideal", "sweep": {"rounds": [2, 300]}}
    fresh = rq.run(PROGRAM, **call)
    assert np.array_equal(first.m.values, fresh.m.isel(point=0).values)
    assert sha256(rq.run(PROGRAM, store=place, **call)) == sha256(fresh)


def test_a_disk_too_small_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    with pytest.raises(rq.InputError, match=r"would take .* or more, but .* are free"):
        run(tmp_path / "r.zarr")
    assert not list(tmp_path.iterdir())


# --- one at a time ---


def test_two_runs_into_one_store_exclude_each_other(tmp_path: Path) -> None:
    place, inside, go_on = tmp_path / "r.zarr", threading.Event(), threading.Event()

    def waits(done: int, total: int) -> None:
        inside.set()
        go_on.wait(30)

    first = threading.Thread(target=lambda: run(place, progress=waits))
    first.start()
    assert inside.wait(60)
    before = sorted(map(str, place.rglob("*")))
    with pytest.raises(rq.QmemError, match="another run is writing there") as caught:
        run(place)
    with pytest.raises(rq.QmemError, match="another run is writing there"):
        run(place, shard=(1, 2))
    assert sorted(map(str, place.rglob("*"))) == before
    go_on.set()
    first.join()

    assert caught.value.exit_code == 2
    assert sha256(rq.open_record(place)) == whole()


def test_a_mutant_that_locks_nothing_lets_a_second_run_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rydberg_qmem.store import lock

    place = tmp_path / "r.zarr"
    entered: list[int] = []

    def second(done: int, total: int) -> None:
        if not entered:
            entered.append(done)
            with warnings.catch_warnings(action="ignore"):
                run(place)
            entered.append(total)

    with pytest.raises(rq.QmemError, match="another run is writing there"):
        run(place, progress=second)
    assert len(entered) == 1
    entered.clear()
    monkeypatch.setattr(lock, "lock_descriptor", lambda handle, blocking: True)
    run(place, progress=second)
    assert len(entered) == 2


def test_a_lock_that_a_killed_run_left_is_taken_over_with_a_warning(tmp_path: Path) -> None:
    place = tmp_path / "r.zarr"
    ended_badly(killed_at_write, 12, place)

    with pytest.warns(UserWarning, match=r"process \d+ ended without freeing \.r\.zarr\.lock; taken over"):
        run(place)


def test_a_store_is_no_place_for_people(tmp_path: Path) -> None:
    import socket

    run(tmp_path / "r.zarr", sweep=None, shots=10)
    texts = b"".join(p.read_bytes() for p in tmp_path.rglob("zarr.json"))

    assert str(tmp_path).encode() not in texts
    assert socket.gethostname().encode() not in texts
    assert (tmp_path / "r.zarr" / LEDGERS[0]).is_dir()
