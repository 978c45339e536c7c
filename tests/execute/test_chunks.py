"""Chunks that are written past zarr are what zarr itself would have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from rydberg_qmem.execute import chunks
from rydberg_qmem.execute.store import fast

SHAPE, CHUNK = (3, 2500, 4), (1, 500, 4)
WHOLE = [((0, 0, 0), 1000), ((1, 500, 0), 500), ((2, 1500, 0), 1000), ((2, 2000, 0), 500)]


def array(place: Path, *, dtype: str, shape: tuple[int, ...] = SHAPE, **options: Any) -> Any:
    fill = np.nan if dtype == "f8" else -1
    group = zarr.open_group(place, mode="w")
    given = {"compressors": fast(), "fill_value": fill, **options}
    return group.create_array("a", shape=shape, chunks=CHUNK, dtype=dtype, **given)


def values(shots: int, dtype: str) -> Any:
    return np.random.default_rng(shots).integers(-1, 100, (1, shots, 4)).astype(dtype)


@pytest.mark.parametrize("dtype", ["i1", "i4", "f8"])
@pytest.mark.parametrize(("first", "shots"), WHOLE)
def test_zarr_reads_what_was_written(tmp_path: Path, dtype: str, first: tuple[int, ...], shots: int) -> None:
    ours, theirs = array(tmp_path / "ours", dtype=dtype), array(tmp_path / "theirs", dtype=dtype)
    given = values(shots, dtype)

    chunks.write(tmp_path / "ours" / "a", ours, first, given)
    theirs[first[0], first[1] : first[1] + shots] = given[0]

    np.testing.assert_array_equal(zarr.open_array(tmp_path / "ours" / "a")[:], theirs[:])
    assert sorted(p.relative_to(tmp_path / "ours") for p in (tmp_path / "ours").rglob("*")) == sorted(
        p.relative_to(tmp_path / "theirs") for p in (tmp_path / "theirs").rglob("*")
    )


def test_the_last_chunk_is_filled_up(tmp_path: Path) -> None:
    made = array(tmp_path, dtype="i1", shape=(3, 700, 4))
    given = values(200, "i1")

    chunks.write(tmp_path / "a", made, (1, 500, 0), given)
    made.resize((3, 1000, 4))

    np.testing.assert_array_equal(made[1, 500:700], given[0])
    assert (made[1, 700:] == -1).all()


@pytest.mark.parametrize("options", [{"compressors": None}, {"compressors": "auto"}, {"filters": "auto"}])
@pytest.mark.parametrize(("first", "shots"), [((0, 0, 0), 1000), ((0, 100, 0), 30), ((2, 2000, 0), 499)])
def test_other_arrays_and_parts_of_chunks_are_left_to_zarr(
    tmp_path: Path, options: dict[str, Any], first: tuple[int, ...], shots: int
) -> None:
    made = array(tmp_path, dtype="f8", **options)
    given = values(shots, "f8")

    chunks.write(tmp_path / "a", made, first, given)
    seen = made[:]

    np.testing.assert_array_equal(seen[first[0], first[1] : first[1] + shots], given[0])
    assert np.isfinite(seen).sum() == given.size


def test_a_chunk_that_does_not_fit_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = array(tmp_path, dtype="f8")

    def full(*paths: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        chunks.write(tmp_path / "a", made, (0, 0, 0), values(500, "f8"))
    assert [p.name for p in (tmp_path / "a").rglob("*") if p.is_file()] == ["zarr.json"]
