"""Records on disk: they come back as they went, and nothing else is ever lost or taken for one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import rydberg_qmem as rq
import rydberg_qmem.analysis.accessor
from rydberg_qmem.errors import StoreError
from tests.execute.test_records import PROGRAM


@cache
def record(shots: int | None = 30) -> Any:
    return rq.run(PROGRAM, shots=shots, seed=1, sweep={"rounds": [2, 3]})


def stored(path: Path, made: Any = None) -> Path:
    rq.save_record(record() if made is None else made, path)
    return path


@pytest.mark.parametrize("shots", [30, None])
def test_a_record_comes_back_as_it_went(tmp_path: Path, shots: int | None) -> None:
    again = rq.open_record(stored(tmp_path / "r.zarr", record(shots)))

    assert again.load().identical(record(shots))
    assert all(again[name].dtype == record(shots)[name].dtype for name in record(shots).variables)


def test_outcomes_stay_small_integers_and_names_texts(tmp_path: Path) -> None:
    again = rq.open_record(stored(tmp_path / "r.zarr"))

    assert again.m.dtype == np.int8
    assert (again.m.values == -1).any()
    assert again.m_atom.dtype == np.dtypes.StringDType()
    assert again.m.sel(m_atom="a").sizes["shot"] == 30


def test_a_record_is_opened_without_reading_it(tmp_path: Path) -> None:
    again = rq.open_record(stored(tmp_path / "r.zarr"))

    assert not again.m.variable._in_memory


def test_a_run_may_store_its_record(tmp_path: Path) -> None:
    made = rq.run("rabi", shots=20, seed=4, store=tmp_path / "runs" / "deep" / "r.zarr")

    assert rq.open_record(tmp_path / "runs" / "deep" / "r.zarr").load().identical(made)


def test_a_stored_record_may_be_changed_and_stored_elsewhere(tmp_path: Path) -> None:
    opened = rq.open_record(stored(tmp_path / "r.zarr"))

    rq.save_record(opened.isel(shot=slice(5, 9)).assign(extra=("shot", np.ones(4))), tmp_path / "s.zarr")

    assert rq.open_record(tmp_path / "s.zarr").sizes["shot"] == 4


def test_outcomes_are_filled_with_minus_one_and_never_masked(tmp_path: Path) -> None:
    told = json.loads((stored(tmp_path / "r.zarr") / "m" / "zarr.json").read_text())

    assert (told["zarr_format"], told["data_type"], told["fill_value"]) == (3, "int8", -1)
    assert "_FillValue" not in told["attributes"]
    assert told["codecs"][-2]["configuration"]["shuffle"] == "bitshuffle"
    assert told["codecs"][-1]["name"] == "crc32c"


def test_chunks_hold_whole_shots_and_a_few_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rydberg_qmem.store.store.CHUNK_BYTES", 100)
    told = json.loads((stored(tmp_path / "r.zarr") / "m" / "zarr.json").read_text())

    points, shots, rounds, atoms = told["chunk_grid"]["configuration"]["chunk_shape"]
    assert (points, rounds, atoms) == (2, 3, 2)
    assert shots == 100 // (2 * 3 * 2)
    assert rq.open_record(tmp_path / "r.zarr").load().identical(record())


# --- what is there already ---


def test_a_record_is_not_overwritten_by_chance(tmp_path: Path) -> None:
    path = stored(tmp_path / "r.zarr")

    with pytest.raises(StoreError, match="is there already; choose another name, or overwrite it explicitly"):
        rq.save_record(record(), path)
    assert rq.open_record(path).load().identical(record())


def test_a_record_is_overwritten_when_asked(tmp_path: Path) -> None:
    path, other = stored(tmp_path / "r.zarr"), rq.run("rabi", shots=5, seed=1)

    rq.save_record(other, path, overwrite=True)

    assert rq.open_record(path).load().identical(other)
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.zarr"]


def test_a_place_that_is_taken_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path, heard = stored(tmp_path / "r.zarr"), []

    with pytest.raises(StoreError, match="is there already, and was saved whole"):
        rq.run("rabi", shots=5, store=path, progress=lambda *now: heard.append(now))
    assert not heard


@pytest.mark.parametrize("kind", ["folder", "file", "empty group", "another group", "an array"])
def test_what_is_no_record_is_never_overwritten(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "precious"
    match kind:
        case "folder":
            path.mkdir()
            (path / "thesis.tex").write_text("years")
        case "file":
            path.write_text("years")
        case "empty group":
            zarr.open_group(path, mode="w")
        case "another group":
            zarr.open_group(path, mode="w").create_array("years", shape=(3,), dtype="f8")
        case _:
            zarr.create_array(path, shape=(3,), dtype="f8")
    before = sorted(map(str, tmp_path.rglob("*")))

    with pytest.raises(StoreError, match="is not a record, so it will not be overwritten"):
        rq.save_record(record(), path, overwrite=True)
    assert sorted(map(str, tmp_path.rglob("*"))) == before


# --- what is no record ---


def test_a_missing_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"r\.zarr: no record there \(no such folder\)"):
        rq.open_record(tmp_path / "r.zarr")


@pytest.mark.parametrize("kind", ["folder", "file", "empty group", "another group", "an array"])
def test_what_is_no_record_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "other"
    match kind:
        case "folder":
            path.mkdir()
        case "file":
            path.write_text("text")
        case "empty group":
            zarr.open_group(path, mode="w")
        case "another group":
            zarr.open_group(path, mode="w").create_array("years", shape=(3,), dtype="f8")
        case _:
            zarr.create_array(path, shape=(3,), dtype="f8")

    with pytest.raises(StoreError, match=r"no record there|cannot be read as a record"):
        rq.open_record(path)


@pytest.mark.parametrize("file", ["zarr.json", "m/zarr.json"])
@pytest.mark.parametrize("text", ["{bad", "[]"])
def test_a_damaged_store_is_told(tmp_path: Path, file: str, text: str) -> None:
    path = stored(tmp_path / "r.zarr")
    (path / file).write_text(text)

    with pytest.raises(StoreError, match=rf"r\.zarr/{file}: is damaged"):
        rq.open_record(path)


# --- failures ---


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = record()

    def full(self: Any, store: Path, **options: Any) -> None:
        store.mkdir(parents=True)
        (store / "part").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(made), "to_zarr", full)
    with pytest.raises(
        StoreError, match=rf"r\.zarr: cannot be written, {made.nbytes} bytes are needed .*No space left"
    ):
        rq.save_record(made, tmp_path / "r.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path / "r.zarr")

    def full(self: Any, store: Path, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(type(record()), "to_zarr", full)
        with pytest.raises(StoreError, match="cannot be written"):
            rq.save_record(record(None), path, overwrite=True)
    assert rq.open_record(path).load().identical(record())


@pytest.mark.parametrize("name", ["file/r.zarr", "x" * 300, "a\0b"])
def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("text")

    with pytest.raises(StoreError):
        rq.save_record(record(), tmp_path / name)


# --- released versions ---

RELEASED = sorted((Path(__file__).parent.parent / "data" / "records").glob("*.zarr"))


@pytest.mark.parametrize("path", RELEASED, ids=[path.stem for path in RELEASED])
def test_a_record_of_a_released_version_opens(path: Path) -> None:
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    made = rq.open_record(path)

    assert dict(made.sizes) == {"point": 2, "shot": 40, "round": 12, "clicks_atom": 2}
    assert made.clicks.dtype == np.int8
    assert set(np.unique(made.clicks.isel(point=1).values)) == {0, 1}
    assert (made.clicks.isel(point=0, round=slice(8, None)).values == -1).all()
    assert made.clicks_atom.values.tolist() == ["a", "s"]
    assert made.period.values.tolist() == [4, 6]
    assert rq.Program.from_json(made.attrs["program_json"]).name == "two_port_memristor"
    assert json.loads(made.attrs["versions_json"])["rydberg_qmem"] == path.stem
    assert float(made.qmem.unstack().R.sel(period=6).isel(round=0).mean()) == 0.5
    assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == before


def test_this_version_has_left_a_record() -> None:
    assert rq.__version__ in [path.stem for path in RELEASED]


# --- netCDF ---


@pytest.mark.parametrize("shots", [30, None])
def test_a_record_becomes_one_netcdf_file(tmp_path: Path, shots: int | None) -> None:
    import xarray as xr

    from rydberg_qmem.store.netcdf import export

    made = record(shots)
    export(made, tmp_path / "r.nc")
    with xr.open_dataset(tmp_path / "r.nc", engine="h5netcdf") as again:
        assert np.array_equal(again.m.values, made.m.values, equal_nan=True)
        assert again.m.dtype == made.m.dtype
        assert np.array_equal(again.q_density_matrix_imag.values, made.q_density_matrix.values.imag, equal_nan=True)
        assert again.m_atom.values.tolist() == made.m_atom.values.tolist()
        assert again.attrs["program_sha256"] == made.attrs["program_sha256"]
    with pytest.raises(StoreError, match="is there already"):
        export(made, tmp_path / "r.nc")
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.nc"]
