"""Whole chunks of zarr arrays, written without the hops between threads that cost zarr more than the chunk itself."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write(folder: Path, array: Any, first: tuple[int, ...], values: NDArray[Any]) -> None:
    """Write values into an array that lies in a folder, beginning at an index; OSError if the disk does not take them.

    Chunks are put in place one by one, each whole or not at all. Where the values do not fill chunks, or the array is
    compressed in another way than this project's, zarr writes them.
    """
    where = tuple(slice(begin, begin + n) for begin, n in zip(first, values.shape, strict=True))
    compress = _compressor(array)
    if compress is None or not _fills(where, array):
        array[where] = values
        return
    values = np.ascontiguousarray(values, dtype=np.dtype(array.dtype).newbyteorder("<"))
    for chunk in product(*(range(-(-s.start // c), -(-s.stop // c)) for s, c in zip(where, array.chunks, strict=True))):
        begin = tuple(i * c - s.start for i, c, s in zip(chunk, array.chunks, where, strict=True))
        part = values[tuple(slice(b, b + c) for b, c in zip(begin, array.chunks, strict=True))]
        if part.shape != array.chunks:  # the last chunk reaches beyond the array
            whole = np.full(array.chunks, array.fill_value, dtype=values.dtype)
            whole[tuple(slice(n) for n in part.shape)] = part
            part = whole
        _put(folder / array.metadata.encode_chunk_key(chunk), compress(np.ascontiguousarray(part)))


def _fills(where: tuple[slice, ...], array: Any) -> bool:
    return all(
        s.start % c == 0 and s.stop <= n and (s.stop % c == 0 or s.stop == n)
        for s, c, n in zip(where, array.chunks, array.shape, strict=True)
    )


def _compressor(array: Any) -> Any:
    """Return how an array's chunks become bytes, or None if that is zarr's business.

    What is asked is what the array's own metadata say on disk, the same whichever version of zarr reads them.
    """
    from numcodecs.blosc import Blosc

    codecs = array.metadata.to_dict()["codecs"]
    if [codec["name"] for codec in codecs] != ["bytes", "blosc"]:
        return None
    told = codecs[1]["configuration"]
    shuffle = {"noshuffle": Blosc.NOSHUFFLE, "shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE}
    return Blosc(cname=told["cname"], clevel=told["clevel"], shuffle=shuffle[told["shuffle"]]).encode


def _put(path: Path, content: bytes) -> None:
    scratch = f"{path}.{os.getpid()}.part"
    try:
        handle = open(scratch, "wb")  # noqa: SIM115  # closed below, before it is renamed
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(scratch, "wb")  # noqa: SIM115  # as above
    try:
        with handle:
            handle.write(content)
        os.replace(scratch, path)
    except OSError:
        Path(scratch).unlink(missing_ok=True)
        raise
