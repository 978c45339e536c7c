"""The arrays of a stored record, checked before anything of them is used: what each `zarr.json` may say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from rydberg_qmem.errors import StoreError, short
from rydberg_qmem.store.documents import Strict, attributes_of, first_line, problem_in

MOST_CHUNK = 256_000_000
"""Bytes that one chunk may unfold to."""
MOST_DIMS = 16
NUMBERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
           "complex64", "complex128")  # fmt: skip

Size = Annotated[int, Field(ge=0, le=2**53)]


class Codec(Strict):
    """One step between an array's numbers and its bytes."""

    name: str
    configuration: dict[str, Any] = Field({})


class _Cells(Strict):
    chunk_shape: list[Annotated[int, Field(ge=1, le=2**53)]] = Field(max_length=MOST_DIMS)


class _Grid(Strict):
    name: Literal["regular"]
    configuration: _Cells


class _Separator(Strict):
    separator: Literal["/", "."] = "/"


class _Keys(Strict):
    name: Literal["default"]
    configuration: _Separator = _Separator()


class _Array(Strict):
    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: list[Size] = Field(max_length=MOST_DIMS)
    data_type: str | dict[str, Any]
    chunk_grid: _Grid
    chunk_key_encoding: _Keys
    fill_value: Any = None
    codecs: list[Codec] = Field(min_length=1, max_length=8)
    attributes: dict[str, Any] = Field({})
    dimension_names: list[str] | None = None
    storage_transformers: list[Any] = Field(default=[], max_length=0)


@dataclass(frozen=True)
class ArrayMeta:
    """An array of a store: its shape and chunks, and how a chunk becomes bytes."""

    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    data_type: str | None
    fill_value: Any
    codecs: tuple[Codec, ...]
    dims: tuple[str, ...]
    attrs: Mapping[str, Any]
    separator: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of numbers; of an array of texts, NumPy's own."""
        return np.dtype(self.data_type) if self.data_type in NUMBERS else np.dtypes.StringDType()

    @property
    def grid(self) -> tuple[int, ...]:
        """Chunks along each dimension."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True))

    def key(self, chunk: tuple[int, ...]) -> str:
        """Return the name of a chunk's file below the array's folder."""
        return self.separator.join(["c", *map(str, chunk)])

    def box(self, chunk: tuple[int, ...]) -> tuple[slice, ...]:
        """Return the part of the array that a chunk holds."""
        sides = zip(chunk, self.chunks, self.shape, strict=True)
        return tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in sides)

    @property
    def summed(self) -> bool:
        """Whether every chunk ends with its checksum."""
        return self.codecs[-1].name == "crc32c"


def array_of(told: Mapping[str, Any], name: str, where: str) -> ArrayMeta:
    """Return an array as its document describes it, or raise StoreError."""
    try:
        made = _Array.model_validate(told)
    except (ValidationError, RecursionError) as error:
        raise StoreError(f"{where}: is damaged ({problem_in(error)})") from None
    chunks, shape = made.chunk_grid.configuration.chunk_shape, made.shape
    dims = [f"dim_{i}" for i in range(len(shape))] if made.dimension_names is None else made.dimension_names
    kind = made.data_type if isinstance(made.data_type, str) else None
    if kind not in (*NUMBERS, "string"):
        raise StoreError(f"{where}: is damaged (data_type: must be a number's or string, {short(made.data_type)})")
    if not len(chunks) == len(shape) == len(dims) or len(set(dims)) != len(dims):
        raise StoreError(f"{where}: is damaged (shape, chunks and dimension_names must agree)")
    if math.prod(chunks) * (8 if kind == "string" else np.dtype(kind).itemsize) > MOST_CHUNK:
        raise StoreError(f"{where}: is damaged (a chunk of {chunks} would take more than {MOST_CHUNK} bytes)")
    return ArrayMeta(
        name, tuple(shape), tuple(chunks), kind, _fill(made.fill_value, str(kind), where), tuple(made.codecs),
        tuple(dims), attributes_of(made.attributes, where), made.chunk_key_encoding.configuration.separator,
    )  # fmt: skip


def _fill(value: Any, kind: str, where: str) -> Any:
    """Return what stands where no chunk is."""
    try:
        if kind == "string":
            return str(value or "")
        if kind.startswith("complex"):
            return np.dtype(kind).type(complex(float(value[0]), float(value[1])))
        if isinstance(value, list | dict):
            raise TypeError("must be one value")
        return np.dtype(kind).type(float(value) if kind.startswith("float") else value)
    except (TypeError, ValueError, OverflowError, IndexError, KeyError) as error:
        raise StoreError(f"{where}: is damaged (fill_value: {first_line(error)})") from None
