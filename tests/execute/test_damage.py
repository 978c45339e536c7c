"""Damage to a stored record: never silent, always our own error with the file's path, made anew by the same run."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import QmemError, StoreError
from rydberg_qmem.running import stored
from rydberg_qmem.store import atomic_files, chunks, exchange
from rydberg_qmem.store.contents import LEDGERS, contents
from rydberg_qmem.store.lock import lock_of
from rydberg_qmem.store.record_layout import RecordLayout, chunk_shape
from rydberg_qmem.store.seal import SEAL
from tests.execute.scaling import ended_badly, sha256

pytestmark = pytest.mark.usefixtures("cohort_by_cohort")
RELEASED = Path(__file__).parent.parent / "data" / "records" / "0.1.0.zarr"
PROGRAM = rq.Program(
    name="flips",
    register={"atoms": {"q": (0, 0)}},
    memory={"x": {"initial": 0}},
    parameters={"a": 1},
    body=[
        {
            "repeat": {
                "times": 3,
                "body": [
                    {"rotate": {"atom": "q", "angle": "a"}},
                    {"measure": {"atoms": "q", "key": "m"}},
                    {"probe": {"atoms": ["q"], "key": "p", "occupation": True}},
                    {"set": {"x": "x + m"}},
                ],
            }
        }
    ],
)
CALL: dict[str, Any] = {"shots": 2300, "seed": 3, "emulator": "ideal", "sweep": {"a": [0.5, 1.0, 2.0]}}


def run(place: Path | str | None = None, **changes: Any) -> Any:
    return rq.run(PROGRAM, store=place, **{**CALL, **changes})


@cache
def whole() -> str:
    return sha256(run())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished record that no test changes."""
    place = tmp_path_factory.mktemp("made") / "r.zarr"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rydberg_qmem.running.units.BATCH_COHORTS", 1)
        run(place)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "r.zarr"))


def all_files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


def arrays(place: Path) -> dict[str, Any]:
    with warnings.catch_warnings(action="ignore"):
        record = rq.open_record(place).load()
    return {str(name): np.asarray(v.values).copy() for name, v in record.variables.items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[n], other[n], equal_nan=one[n].dtype.kind == "f") for n in one
    )


# --- flipped bits ---


def flipped(place: Path, number: int, seed: int) -> Counter[str]:
    """Flip one bit at a time somewhere in a store, and count how reading all of it ends."""
    good, rng, tally = arrays(place), random.Random(seed), Counter[str]()
    every = all_files(place)
    for turn in range(number):
        path = every[turn % len(every)]
        data = path.read_bytes()
        bad = bytearray(data)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        tally[outcome(place, good)] += 1
        path.write_bytes(data)
    return tally


def outcome(place: Path, good: dict[str, Any]) -> str:
    verified = rq.verify(place)
    try:
        got = arrays(place)
    except StoreError as error:
        return "told" if str(place) in str(error) and not verified else "not verified"
    except Exception as error:
        return f"foreign {type(error).__name__}"
    return "found by verify" if same(good, got) and not verified else "silent"


def test_no_flipped_bit_is_silent(place: Path) -> None:
    assert set(flipped(place, 60, seed=5)) <= {"told", "found by verify"}


@pytest.mark.slow
def test_no_flipped_bit_of_a_thousand_is_silent(place: Path) -> None:
    tally = flipped(place, 1000, seed=6)

    assert set(tally) <= {"told", "found by verify"}, tally
    assert tally["told"] > 500  # the others hit the run's ledger, which no reader of the record needs


def test_a_mutant_that_compares_no_checksums_is_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "crc", lambda content: content_end(content))
    monkeypatch.setattr(chunks, "fault", lambda path, meta: "" if path.exists() else "is missing")

    assert flipped(place, 60, seed=5)["silent"] > 5


def content_end(content: bytes) -> bytes:
    return content[-4:]


# --- lost and torn files are made anew ---

HARM: dict[str, tuple[bool, Any]] = {
    "a lost chunk": (True, lambda path: path.unlink()),
    "an empty file": (False, lambda path: path.write_bytes(b"")),
    "a cut file": (False, lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    "a flipped bit": (False, lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 4]) + path.read_bytes()[1:])),
    "a lost file": (False, lambda path: path.unlink()),
}


@pytest.mark.parametrize("harm", HARM)
def test_the_same_run_again_and_resume_make_anew_what_is_damaged(place: Path, made: Path, harm: str) -> None:
    chunks_only, do = HARM[harm]
    names = [path.relative_to(made) for path in all_files(made)]
    names = [name for name in names if not chunks_only or "c" in name.parts]
    for turn, name in enumerate(random.Random(harm).sample(names, 2)):
        do(place / name)
        assert not rq.verify(place), name
        again = run(place) if turn % 2 else stored.resume(place, run=rq.run)
        assert sha256(again) == whole(), name
        assert rq.verify(place), name


@pytest.mark.parametrize("name", ["m/c/1/0/0", "x/c/0/1/0", "p/c/0/0/0", "shot/c/0", "m/zarr.json", "zarr.json"])
def test_a_finished_record_with_a_lost_file_does_not_open_as_whole(place: Path, name: str) -> None:
    (place / name).unlink()

    with pytest.raises(StoreError, match=rf"r\.zarr/{name}: .*the record is damaged; `rqm verify"):
        rq.open_record(place)


def test_a_damaged_chunk_is_told_when_it_is_read_and_other_arrays_still_are(place: Path) -> None:
    path = place / "m" / "c" / "1" / "0" / "0"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    record = rq.open_record(place)

    assert (record.x.values >= 0).all()
    assert (record.m.isel(point=0).values >= 0).all()
    with pytest.raises(StoreError, match=r"m/c/1/0/0: is damaged \(its checksum is another\)"):
        record.m.load()
    found = rq.verify(place)
    assert found.units == ("point 1, cohort 0",)
    assert "1 damaged" in str(found)


def test_only_damaged_units_are_run_again(place: Path) -> None:
    heard: list[Any] = []
    (place / "m" / "c" / "1" / "0" / "0").unlink()

    run(place, progress=lambda *now: heard.append(now))
    assert heard[0] == (2 * 2300 + 1300, 3 * 2300)


def test_damage_to_a_record_that_was_saved_whole_is_told(tmp_path: Path) -> None:
    place = tmp_path / "s.zarr"
    rq.save_record(run(), place)
    assert rq.verify(place)

    assert set(flipped(place, 60, seed=1)) == {"told"}
    next(path for path in all_files(place) if "m" in path.parts and "c" in path.parts).unlink()
    with pytest.raises(StoreError, match="is missing"):
        rq.open_record(place)


def test_verify_tells_that_an_early_record_has_no_checksums(tmp_path: Path) -> None:
    place = Path(shutil.copytree(RELEASED, tmp_path / "old.zarr"))
    assert rq.verify(place)
    assert "without checksums" in str(rq.verify(place))

    path = place / "clicks" / "c" / "0" / "0" / "0" / "0"
    path.write_bytes(path.read_bytes()[:40])
    assert not rq.verify(place)
    with pytest.raises(StoreError, match="clicks"):
        rq.open_record(place).load()


# --- killed ---


def killed_at(number: int, place: Path, **changes: Any) -> None:
    """Run, and be killed before the step with this number at which anything takes a name or is removed."""
    taken = [0]

    def counting(plain: Any) -> Any:
        def step(*given: Any, **options: Any) -> Any:
            if taken[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            taken[0] += 1
            return plain(*given, **options)

        return step

    for owner, name in ((atomic_files, "take_place"), (Path, "rename"), (shutil, "rmtree")):
        setattr(owner, name, counting(getattr(owner, name)))
    with warnings.catch_warnings(action="ignore"):
        run(place, **changes)


def grown_and_killed(folder: Path, number: int, seed: int) -> str:
    """Grow or share out a record, killed at some step; return what is lost of what was there before."""
    place, rng = folder / f"{number}.zarr", random.Random(seed)
    first = {"shots": rng.choice([300, 1000, 1700]), "sweep": {"a": [0.5, 1.0]}}
    with warnings.catch_warnings(action="ignore"):
        run(place, **first)
        before = arrays(place)["m"]
        changes: dict[str, Any] = {"shard": (rng.choice([1, 2]), 2)} if number % 2 else {}
        ended_badly(killed_at, rng.randrange(45), place, **changes)
        kept = rq.open_record(place).m.values
        n, shots = len(before), before.shape[1]
        lost = kept.shape[:2] != before.shape[:2] and not (kept[:n, : shots // 1000 * 1000] != -1).all()
        if rng.random() < 0.5:
            stored.resume(place, run=rq.run)
        for shard in ((1, 2), (2, 2)) if number % 4 == 1 else (None,):
            run(place, shard=shard)
        told = "lost" if lost else "" if sha256(rq.open_record(place)) == whole() and rq.verify(place) else "other"
    return told or ("left behind" if list(folder.glob(f".{place.name}*")) else "")


@pytest.mark.parametrize("number", range(3))
def test_a_kill_while_a_record_grows_loses_nothing(tmp_path: Path, number: int) -> None:
    assert grown_and_killed(tmp_path, number, seed=number) == ""


@pytest.mark.slow
def test_kills_with_growth_and_shards_lose_nothing(tmp_path: Path) -> None:
    told = Counter(grown_and_killed(tmp_path, number, seed=100 + number) for number in range(40))

    assert told == {"": 40}


@pytest.mark.parametrize("who", ["open", "info", "resume", "run", "verify"])
def test_a_record_that_a_kill_left_between_two_names_is_found(tmp_path: Path, who: str) -> None:
    from typer.testing import CliRunner

    from rydberg_qmem.cli.commands import app

    place = tmp_path / "r.zarr"
    run(place)
    place.rename(exchange.beside(place, "old"))
    match who:
        case "open":
            rq.open_record(place)
        case "verify":
            assert rq.verify(place)
        case "run":
            assert sha256(run(place, seed=None)) == whole()
        case _:
            assert CliRunner().invoke(app, [who, str(place)]).exit_code == 0
    assert sha256(rq.open_record(place)) == whole()
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.zarr"]


# --- removed while the run writes ---


@pytest.mark.parametrize("what", ["r.zarr", "r.zarr/m", "r.zarr/progress", "r.zarr/progress/sums", "r.zarr/qmem-seal"])
def test_a_store_that_is_removed_midway_ends_the_run_with_its_path(tmp_path: Path, what: str) -> None:
    place, once = tmp_path / "r.zarr", [True]

    def remove(done: int, total: int) -> None:
        if once:
            once.clear()
            shutil.rmtree(tmp_path / what)

    with pytest.raises(QmemError, match=r"r\.zarr"):
        run(place, progress=remove)
    assert place.exists() == (what != "r.zarr")
    assert sha256(run(place)) == whole()
    assert rq.verify(place)


# --- one place, whatever its name ---


def test_a_store_behind_a_link_grows_like_any_other(tmp_path: Path) -> None:
    real, link = tmp_path / "scratch" / "real.zarr", tmp_path / "link.zarr"
    run(real, shots=300)
    link.symlink_to(real)
    for shots in (1500, 2300):
        run(link, shots=shots)
        assert link.is_symlink()
        assert rq.open_record(real).sizes["shot"] == shots

    assert sha256(rq.open_record(link)) == whole()
    assert sorted(path.name for path in (*tmp_path.iterdir(), *real.parent.iterdir())) == [
        "link.zarr",
        "real.zarr",
        "scratch",
    ]
    assert lock_of(link) == lock_of(real)


def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "l.zarr"
    link.symlink_to(link)

    with pytest.raises(StoreError, match="a link that leads to itself"):
        run(link)
    with pytest.raises(StoreError, match=r"a link that leads to itself|no record there"):
        rq.open_record(link)


def test_two_names_of_one_store_exclude_each_other(tmp_path: Path) -> None:
    place, link = tmp_path / "r.zarr", tmp_path / "elsewhere" / "l.zarr"
    link.parent.mkdir()
    link.symlink_to(place)
    told: list[str] = []

    def second(done: int, total: int) -> None:
        if told:
            return
        try:
            run(link)
        except StoreError as error:
            told.append(str(error))

    run(place, progress=second)
    assert "another run is writing there" in told[0]


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")

    run("~/r.zarr")
    assert sha256(rq.open_record("~/r.zarr")) == whole()
    rq.save_record(rq.open_record("~/r.zarr"), "~/s.zarr")
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["r.zarr", "s.zarr"]
    assert not list((tmp_path / "here").iterdir())


# --- names, points ---


def test_a_variable_may_have_the_name_of_the_ledger(tmp_path: Path) -> None:
    for name in LEDGERS[:1]:
        program = rq.Program.from_json(PROGRAM.to_json().replace('"x"', f'"{name}"').replace("x + m", f"{name} + m"))
        record = rq.run(program, store=tmp_path / "r.zarr", **CALL)
        assert sha256(rq.run(program, store=tmp_path / "r.zarr", **{**CALL, "shots": 3100})) == sha256(
            rq.run(program, **{**CALL, "shots": 3100})
        )
        assert name in record
        assert not {SEAL, LEDGERS[1]} & set(map(str, record.variables))


def test_many_points_share_their_files(tmp_path: Path) -> None:
    sweep = {"a": np.linspace(0, 3, 64)}
    place = tmp_path / "r.zarr"
    ended_badly(killed_at, 80, place, shots=2, sweep=sweep)
    assert 0 < contents(place).done().sum() < 64

    with warnings.catch_warnings(action="ignore"):
        assert sha256(run(place, shots=2, sweep=sweep)) == sha256(run(shots=2, sweep=sweep))
    assert len(all_files(place / "m")) == 1 + 32


def test_chunks_of_many_points_hold_little(tmp_path: Path) -> None:
    layout = RecordLayout(10_000, 1, 20, 1, 0, True, 256)

    assert chunk_shape({"point": 10_000, "shot": 1}, 8, layout) == (256, 1000)


def test_a_full_disk_leaves_nothing_of_a_netcdf_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5netcdf")
    from rydberg_qmem.store.netcdf import export

    record = run()

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            export(record, tmp_path / "r.nc")
        except rq.RunError as error:
            os._exit(7 if "bytes are needed" in str(error) and "r.nc" in str(error) else 8)

    process = multiprocessing.get_context("fork").Process(target=limited)
    process.start()
    process.join()
    assert process.exitcode == 7
    assert not list(tmp_path.iterdir())


# --- hostile metadata ---


def hostile(value: Any, rng: random.Random) -> Any:
    """Return something else than what a document says."""
    others: list[Any] = [None, True, -1, 0, 10**9, 10**30, 1e308, float("nan"), "", "x", "\ud800", "{", "[[", "$x^{$",
                         [], [1], [[]], {}, {"a": {}}, "9" * 5000, "[" * 100_000]  # fmt: skip
    return rng.choice([*others, [value], {"value": value}, str(value)])


def changed(told: Any, rng: random.Random) -> Any:
    """Change one value somewhere in a document, or lose it; texts that are JSON are changed inside, too."""
    if isinstance(told, dict) and told and rng.random() < 0.9:
        name = rng.choice(sorted(told))
        if rng.random() < 0.1:
            return {key: value for key, value in told.items() if key != name}
        return {**told, name: changed(told[name], rng)}
    if isinstance(told, list) and told and rng.random() < 0.8:
        place = rng.randrange(len(told))
        return [*told[:place], changed(told[place], rng), *told[place + 1 :]]
    if isinstance(told, str) and told[:1] in ("{", "[") and rng.random() < 0.8:
        return json.dumps(changed(json.loads(told), rng))
    return hostile(told, rng)


def seal_again(place: Path) -> None:
    """Do what an attacker would: make the seal fit."""
    from rydberg_qmem.store.seal import seal_now

    if (place / SEAL).exists():
        shutil.rmtree(place / SEAL)
        seal_now(place)


def used(place: Path, folder: Path, turn: int) -> str:
    """Do with a record all that can be done with one; return the first error that is not our own."""
    from typer.testing import CliRunner

    from rydberg_qmem.cli.commands import app

    calls = [["info", str(place)], ["verify", str(place)], ["resume", str(place)],
             ["analyse", str(place), "--drive", "m.q", "--response", "x"],
             ["export-netcdf", str(place), "-o", str(folder / f"{turn}.nc"), "--overwrite"],
             ["report", str(place), "-o", str(folder / f"{turn}.html")]]  # fmt: skip
    calls = [calls[0], calls[1], calls[2 + turn % 4]]
    for call in calls:
        done = CliRunner().invoke(app, call)
        if "internal error" in done.output or (done.exception and not isinstance(done.exception, SystemExit)):
            return f"{call[0]}: {done.output[-300:]} {done.exception!r}"
    try:
        with warnings.catch_warnings(action="ignore"):
            rq.open_record(place).load()
    except QmemError:
        pass
    except Exception as error:
        return f"open: {type(error).__name__} {error}"
    return ""


def attacks(sources: list[Path], folder: Path, number: int, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for turn in range(number):
        place = Path(shutil.copytree(sources[turn % len(sources)], folder / "victim.zarr"))
        path = rng.choice([p for p in place.rglob("zarr.json") if p.parent.name != SEAL])
        told = json.loads(path.read_text())
        told = {**told, "attributes": changed(told["attributes"], rng)} if rng.random() < 0.6 else changed(told, rng)
        path.write_text(json.dumps(told))
        seal_again(place)
        yield used(place, folder, turn)
        shutil.rmtree(place)


def test_no_changed_metadata_give_a_foreign_error(place: Path, tmp_path: Path) -> None:
    assert {*attacks([place, RELEASED], tmp_path, 8, seed=2)} == {""}


@pytest.mark.slow
def test_hundreds_of_changes_of_metadata_give_no_foreign_error_and_take_no_memory(place: Path, tmp_path: Path) -> None:
    used(place, tmp_path, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = Counter(attacks([place, RELEASED], tmp_path, 600, seed=3))

    assert set(told) == {""}, told.most_common(5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
