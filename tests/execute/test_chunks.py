"""Chunks that are written and read past zarr are what zarr itself would have written and reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import atomic_files, chunks
from rydberg_qmem.store.metadata import ArrayMeta, array_of

SHAPE, CHUNK = (3, 2500, 4), (1, 500, 4)
WHOLE = [((0, 0, 0), 1000), ((1, 500, 0), 500), ((2, 1500, 0), 1000), ((2, 2000, 0), 500)]


def array(place: Path, *, dtype: str, shape: tuple[int, ...] = SHAPE, **options: Any) -> tuple[Any, ArrayMeta]:
    fill = np.nan if dtype == "f8" else -1
    group = zarr.open_group(place, mode="w")
    given = {"compressors": chunks.codecs(), "fill_value": fill, "dimension_names": ("p", "s", "a"), **options}
    made = group.create_array("a", shape=shape, chunks=CHUNK, dtype=dtype, **given)
    return made, array_of(json.loads((place / "a" / "zarr.json").read_text()), "a", str(place))


def values(shots: int, dtype: str) -> Any:
    return np.random.default_rng(shots).integers(-1, 100, (1, shots, 4)).astype(dtype)


def write(folder: Path, meta: ArrayMeta, first: tuple[int, ...], given: Any) -> None:
    for key, content in chunks.encoded(meta, first, given):
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        atomic_files.put({folder / key: content})


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("dtype", ["i1", "i4", "f8"])
@pytest.mark.parametrize(("first", "shots"), WHOLE)
def test_zarr_reads_what_was_written_and_the_other_way_round(
    tmp_path: Path, dtype: str, first: tuple[int, ...], shots: int, separator: str
) -> None:
    keys: Any = {"chunk_key_encoding": {"name": "default", "separator": separator}}
    _, ours = array(tmp_path / "ours", dtype=dtype, **keys)
    theirs, told = array(tmp_path / "theirs", dtype=dtype, **keys)
    given = values(shots, dtype)

    write(tmp_path / "ours" / "a", ours, first, given)
    theirs[first[0], first[1] : first[1] + shots] = given[0]

    np.testing.assert_array_equal(zarr.open_array(tmp_path / "ours" / "a")[:], theirs[:])
    np.testing.assert_array_equal(chunks.read(tmp_path / "theirs" / "a", told, chunks.whole_box(told)), theirs[:])
    assert sorted(p.relative_to(tmp_path / "ours") for p in (tmp_path / "ours").rglob("*")) == sorted(
        p.relative_to(tmp_path / "theirs") for p in (tmp_path / "theirs").rglob("*")
    )


def test_the_last_chunk_is_filled_up(tmp_path: Path) -> None:
    made, meta = array(tmp_path, dtype="i1", shape=(3, 700, 4))
    given = values(200, "i1")

    write(tmp_path / "a", meta, (1, 500, 0), given)
    made.resize((3, 1000, 4))

    np.testing.assert_array_equal(made[1, 500:700], given[0])
    assert (made[1, 700:] == -1).all()


def test_parts_of_chunks_are_never_written(tmp_path: Path) -> None:
    _, meta = array(tmp_path, dtype="i1")

    for first, shots in (((0, 100, 0), 30), ((2, 2000, 0), 499)):
        with pytest.raises(ValueError, match="no whole chunks"):
            write(tmp_path / "a", meta, first, values(shots, "i1"))


@pytest.mark.parametrize("options", [{"compressors": None}, {"compressors": "auto"}, {"filters": "auto"}])
def test_arrays_that_are_written_in_another_way_are_read_by_zarr(tmp_path: Path, options: dict[str, Any]) -> None:
    made, meta = array(tmp_path, dtype="f8", **options)
    made[1, 20:30] = 7.0

    box = (slice(1, 2), slice(10, 40), slice(0, 4))
    np.testing.assert_array_equal(chunks.read(tmp_path / "a", meta, box), made[1:2, 10:40])


@pytest.mark.parametrize("dtype", ["i1", "f8"])
def test_every_flipped_bit_of_a_chunk_is_told(tmp_path: Path, dtype: str) -> None:
    _, meta = array(tmp_path, dtype=dtype)
    write(tmp_path / "a", meta, (0, 0, 0), values(500, dtype))
    path = next(p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.name != "zarr.json")
    good, rng = path.read_bytes(), np.random.default_rng(1)

    for place in rng.integers(8 * len(good), size=200).tolist():
        bad = bytearray(good)
        bad[place // 8] ^= 1 << place % 8
        path.write_bytes(bad)
        with pytest.raises(StoreError, match="its checksum is another"):
            chunks.read(tmp_path / "a", meta, chunks.whole_box(meta))


def test_a_chunk_that_would_unfold_to_gigabytes_is_refused_before_it_does(tmp_path: Path) -> None:
    _, meta = array(tmp_path, dtype="i1")
    write(tmp_path / "a", meta, (0, 0, 0), values(500, "i1"))
    path = next(p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.name != "zarr.json")
    content = path.read_bytes()[:-4]
    content = content[:4] + (2**31 - 1).to_bytes(4, "little") + content[8:]
    path.write_bytes(content + chunks.crc(content))

    with pytest.raises(StoreError, match="does not unfold to 2000 bytes"):
        chunks.read(tmp_path / "a", meta, chunks.whole_box(meta))


def test_a_chunk_that_does_not_fit_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, meta = array(tmp_path, dtype="f8", chunk_key_encoding={"name": "default", "separator": "."})

    def full(*paths: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "a", meta, (0, 0, 0), values(500, "f8"))
    assert [p.name for p in (tmp_path / "a").rglob("*") if p.is_file()] == ["zarr.json"]
