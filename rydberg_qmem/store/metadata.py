"""The metadata of a stored record, checked before anything of it is used: what each `zarr.json` may say."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rydberg_qmem.errors import StoreError, short

NAME = "zarr.json"
MOST_BYTES = 256_000_000
"""Bytes of one document; a record of a million points has one of some 100 MB."""
MOST_CHUNK = 256_000_000
"""Bytes that one chunk may unfold to."""
MOST_DIMS = 16
NUMBERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
           "complex64", "complex128")  # fmt: skip

Size = Annotated[int, Field(ge=0, le=2**53)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Codec(_Strict):
    """One step between an array's numbers and its bytes."""

    name: str
    configuration: dict[str, Any] = {}


class _Cells(_Strict):
    chunk_shape: list[Annotated[int, Field(ge=1, le=2**53)]] = Field(max_length=MOST_DIMS)


class _Grid(_Strict):
    name: Literal["regular"]
    configuration: _Cells


class _Separator(_Strict):
    separator: Literal["/", "."] = "/"


class _Keys(_Strict):
    name: Literal["default"]
    configuration: _Separator = _Separator()


class _Array(_Strict):
    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: list[Size] = Field(max_length=MOST_DIMS)
    data_type: str | dict[str, Any]
    chunk_grid: _Grid
    chunk_key_encoding: _Keys
    fill_value: Any = None
    codecs: list[Codec] = Field(min_length=1, max_length=8)
    attributes: dict[str, Any] = {}
    dimension_names: list[str] | None = None
    storage_transformers: list[Any] = Field(default=[], max_length=0)


class _Group(_Strict):
    zarr_format: Literal[3]
    node_type: Literal["group"]
    attributes: dict[str, Any] = {}


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


def document(text: str | bytes, where: str) -> dict[str, Any]:
    """Return the content of one document, or raise StoreError."""
    try:
        if len(text) > MOST_BYTES:
            raise ValueError(f"{len(text)} bytes are more than {MOST_BYTES}")
        told = json.loads(text)
        json.dumps(told, ensure_ascii=False).encode()  # half a pair of surrogates is no text
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{where}: is damaged ({_first_line(error)})") from None
    if not isinstance(told, dict):
        raise StoreError(f"{where}: is damaged (must be a mapping)")
    return told


def read(path: Path) -> bytes:
    """Return the bytes of a document, or raise StoreError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise OSError(f"more than {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from None


def array_of(told: Mapping[str, Any], name: str, where: str) -> ArrayMeta:
    """Return an array as its document describes it, or raise StoreError."""
    try:
        made = _Array.model_validate(told)
    except (ValidationError, RecursionError) as error:
        raise StoreError(f"{where}: is damaged ({_problem(error)})") from None
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
        tuple(dims), _attributes(made.attributes, where), made.chunk_key_encoding.configuration.separator,
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
        raise StoreError(f"{where}: is damaged (fill_value: {_first_line(error)})") from None


_TEXTS = ("long_name", "units", "flag_meanings", "coordinates", "title", "summary")


def _attributes(attrs: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    for name in _TEXTS:
        if not isinstance(attrs.get(name, ""), str):
            raise StoreError(f"{where}: is damaged ({name}: must be a text, {short(attrs[name])})")
    for name, value in attrs.items():
        kinds = {_kind(one) for one in (value if isinstance(value, list) else [value])}
        if len(kinds) > 1 or "other" in kinds:
            raise StoreError(
                f"{where}: is damaged ({name}: must be a text, a number, or a list of the one or the other)"
            )
    return attrs


def _kind(value: Any) -> str:
    """Say what an attribute is: a text, a number that every format takes, or something else."""
    if isinstance(value, str):
        return "text"
    small = isinstance(value, float) or (isinstance(value, int) and -(2**63) <= value < 2**63)
    return "number" if small and not isinstance(value, bool) else "other"


class _Provenance(_Strict):
    """The attributes by which a record explains itself."""

    program_sha256: str
    program_json: str | None = None
    device: str = ""
    machines: str = ""
    levels: str = ""
    shots: Literal["exact"] | Annotated[int, Field(ge=1)]
    seed: Annotated[str, Field(pattern=r"^(none|[0-9]{1,100})$")] = "none"
    emulator: str = ""
    state: str = ""
    git_commit: str = ""
    created_at: str = ""
    wall_s: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] = 0.0
    pruned_probability: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    neglect: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-10
    neglected: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    unfinished: int = 0


Plain = float | int | str | bool | None


class _Json(_Strict):
    """What the attributes that are JSON hold."""

    parameters_json: dict[str, float] = {}
    versions_json: dict[str, str] = {}
    noise_json: dict[str, Any] | None = None
    hardware_json: dict[str, Any] | None = None


def provenance(told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the attributes of a record, each of the kind that it must be; StoreError if one is not."""
    try:
        attrs = dict(_Group.model_validate(told).attributes)
        _Provenance.model_validate(attrs)
        texts = {name: json.loads(attrs[name]) for name in _Json.model_fields if name in attrs}
        made = _Json.model_validate(texts)
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"{where}: is damaged ({_problem(error)})") from None
    if not isinstance((made.hardware_json or {}).get("name", ""), str):
        raise StoreError(f"{where}: is damaged (hardware_json: its name must be a text)")
    return dict(_attributes(attrs, where))


class _Call(_Strict):
    parameters: dict[str, float] | None = None
    inputs: dict[str, str | list[float]] | None = None
    rounds: Annotated[int, Field(ge=0)] | None = None
    shots: Annotated[int, Field(ge=1)] | None = None
    emulator: str | None = None
    state: str = "auto"
    seed: Annotated[str, Field(pattern=r"^[0-9]{1,100}$")] | None = None
    sweep: dict[str, list[list[float]]] | None = None
    noise: dict[str, Any] | None = None
    hardware: dict[str, Any] | None = None
    neglect: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-10


class _Layout(_Strict):
    points: Annotated[int, Field(ge=1, le=10**9)]
    shots: Annotated[int, Field(ge=1, le=10**9)] | None
    together: Annotated[int, Field(ge=1, le=10**6)]
    first_shots: Annotated[int, Field(ge=1, le=10**9)]
    sums: Annotated[int, Field(ge=0, le=2**40)]
    swept: bool
    points_together: Annotated[int, Field(ge=1, le=10**6)] = 1


class _Ledger(_Strict):
    layout_json: _Layout
    identity_json: dict[str, str]
    points_json: list[dict[str, float]]
    call_json: _Call


def ledger(told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return what a ledger says: `layout`, `identity`, `points`, `call`; StoreError if it cannot be so."""
    try:
        attrs = _Group.model_validate(told).attributes
        texts = {name: json.loads(attrs[name]) for name in _Ledger.model_fields}
        made = _Ledger.model_validate(texts)
        if len(made.points_json) != made.layout_json.points:
            raise ValueError("points_json: must have as many points as the layout")
        if made.call_json.noise is not None and len(json.dumps(made.call_json.noise)) > 1_000_000:
            raise ValueError("call_json: noise must be short")
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoreError(f"{where}: cannot be continued ({_problem(error)})") from None
    call = {name: value for name, value in texts["call_json"].items() if name in _Call.model_fields}
    layout = made.layout_json.model_dump()
    return {"layout": layout, "identity": made.identity_json, "points": made.points_json, "call": call}


def _problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return _first_line(error)


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    return re.sub(r"\s+", " ", str(error))[:160] or type(error).__name__
