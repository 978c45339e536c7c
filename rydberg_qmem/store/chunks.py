"""Chunks of stored arrays, as zarr writes and reads them, without the hops between threads that cost it more.

An array says in its metadata how a chunk becomes bytes; for numbers compressed by blosc, with or without a checksum
behind, that is done here, and each reading compares the checksum. Every other array is zarr's own business.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import StoreError
from rydberg_qmem.store.metadata import ArrayMeta

LEVEL = 1
"""The quickest level of the compressor is within 4 % of the entropy of random bits."""
_CRC = 4
_HEADER = 16

Box = tuple[slice, ...]


def codecs() -> list[Any]:
    """Return how arrays are compressed and summed, as zarr takes it."""
    from zarr.codecs import BloscCodec, Crc32cCodec

    return [BloscCodec(cname="zstd", clevel=LEVEL, shuffle="bitshuffle"), Crc32cCodec()]


def encoded(meta: ArrayMeta, first: tuple[int, ...], values: NDArray[Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the chunks that hold values, by their names below the array's folder; the values begin at an index.

    The values must fill whole chunks, or reach the end of the array.
    """
    end = tuple(begin + n for begin, n in zip(first, values.shape, strict=True))
    _check_whole(meta, first, end)
    values = np.asarray(values, dtype=meta.dtype.newbyteorder("<"), order="C")
    compress = _blosc(meta).encode
    for chunk in _touched(meta, tuple(map(slice, first, end))):
        begin = tuple(i * c - f for i, c, f in zip(chunk, meta.chunks, first, strict=True))
        part = values[tuple(slice(b, b + c) for b, c in zip(begin, meta.chunks, strict=True))]
        if part.shape != meta.chunks:  # the last chunk reaches beyond the array
            whole = np.full(meta.chunks, meta.fill_value, dtype=values.dtype)
            whole[tuple(slice(n) for n in part.shape)] = part
            part = whole
        content = bytes(compress(np.ascontiguousarray(part)))
        yield meta.key(chunk), content + crc(content) if meta.summed else content


def read(folder: Path, meta: ArrayMeta, box: Box) -> NDArray[Any]:
    """Return a part of an array that lies in a folder; StoreError, with its path, if a chunk is damaged.

    Where no chunk is, the array's fill value stands.
    """
    if not plain(meta):
        return _by_zarr(folder, meta, box)
    made = np.full([max(0, s.stop - s.start) for s in box], meta.fill_value, dtype=meta.dtype)
    for chunk in _touched(meta, box):
        path = folder / meta.key(chunk)
        if (values := _decoded(path, meta)) is None:
            continue
        begin = [i * c for i, c in zip(chunk, meta.chunks, strict=True)]
        low = [max(s.start, b) for s, b in zip(box, begin, strict=True)]
        high = [min(s.stop, b + c) for s, b, c in zip(box, begin, meta.chunks, strict=True)]
        into = tuple(slice(lo - s.start, hi - s.start) for lo, hi, s in zip(low, high, box, strict=True))
        made[into] = values[tuple(slice(lo - b, hi - b) for lo, hi, b in zip(low, high, begin, strict=True))]
    return made


def whole_box(meta: ArrayMeta) -> Box:
    """Return all of an array."""
    return tuple(slice(0, n) for n in meta.shape)


def fault(path: Path, meta: ArrayMeta) -> str:
    """Say what is wrong with a chunk's file, as far as its checksum tells; nothing if it is whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if meta.summed and (len(content) < _CRC or content[-_CRC:] != crc(content[:-_CRC])):
        return "is damaged (its checksum is another)"
    return ""


def crc(content: bytes) -> bytes:
    """Return the checksum that follows a chunk, crc32c.

    >>> crc(b"123456789").hex()
    '839206e3'
    """
    return int(google_crc32c.value(content)).to_bytes(_CRC, "little")


def plain(meta: ArrayMeta) -> bool:
    """Return whether an array's chunks are numbers compressed by blosc, with a checksum or without."""
    names = [codec.name for codec in meta.codecs]
    endian = meta.codecs[0].configuration.get("endian", "little")
    return names in (["bytes", "blosc"], ["bytes", "blosc", "crc32c"]) and endian == "little" \
        and meta.data_type != "string"  # fmt: skip


def _blosc(meta: ArrayMeta) -> Any:
    from numcodecs.blosc import Blosc

    told = meta.codecs[1].configuration
    shuffle = {"noshuffle": Blosc.NOSHUFFLE, "shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE}
    return Blosc(cname=told["cname"], clevel=told["clevel"], shuffle=shuffle[told["shuffle"]])


def _decoded(path: Path, meta: ArrayMeta) -> NDArray[Any] | None:
    """Return the numbers of a chunk, None if it is not there."""
    from numcodecs.blosc import Blosc

    what = fault(path, meta)
    if what == "is missing":
        return None
    if what:
        raise StoreError(f"{path}: {what}")
    content = path.read_bytes()
    content = content[:-_CRC] if meta.summed else content
    size = int(np.prod(meta.chunks, dtype=np.int64)) * meta.dtype.itemsize
    if len(content) < _HEADER or int.from_bytes(content[4:8], "little") != size:  # asked before memory is taken
        raise StoreError(f"{path}: is damaged (it does not unfold to {size} bytes)")
    try:
        flat = np.frombuffer(Blosc().decode(content), dtype=meta.dtype.newbyteorder("<"))
        return flat.reshape(meta.chunks)
    except (RuntimeError, ValueError, MemoryError) as error:
        raise StoreError(f"{path}: is damaged ({error})") from None


def _by_zarr(folder: Path, meta: ArrayMeta, box: Box) -> NDArray[Any]:
    import zarr

    for chunk in _touched(meta, box):
        if what := fault(folder / meta.key(chunk), meta).replace("is missing", ""):
            raise StoreError(f"{folder / meta.key(chunk)}: {what}")
    try:
        opened: Any = zarr.open_array(folder, mode="r")
        return np.asarray(opened[box])
    except Exception as error:  # whatever a codec makes of bytes that are none of its own
        raise StoreError(f"{folder}: is damaged ({type(error).__name__}: {error})") from None


def _touched(meta: ArrayMeta, box: Box) -> Iterator[tuple[int, ...]]:
    if any(s.stop <= s.start for s in box):
        return iter(())
    return product(*(range(s.start // c, -(-s.stop // c)) for s, c in zip(box, meta.chunks, strict=True)))


def _check_whole(meta: ArrayMeta, first: tuple[int, ...], end: tuple[int, ...]) -> None:
    for begin, stop, chunk, size in zip(first, end, meta.chunks, meta.shape, strict=True):
        if begin % chunk or stop > size or (stop % chunk and stop != size):
            raise ValueError(f"{meta.name}: {first} to {end} are no whole chunks of {meta.chunks} in {meta.shape}")
