"""What a record says of the run that it is from, and its ledger of how to go on, checked before it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from rydberg_qmem.errors import StoreError
from rydberg_qmem.store.documents import GroupDocument, Strict, attributes_of, problem_in


class _Provenance(Strict):
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
    accuracy: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    steps_error: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    infidelity: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    unfinished: int = 0


Plain = float | int | str | bool | None


class _Json(Strict):
    """What the attributes that are JSON hold."""

    parameters_json: dict[str, float] = Field({})
    versions_json: dict[str, str] = Field({})
    noise_json: dict[str, Any] | None = None
    hardware_json: dict[str, Any] | None = None
    emulator_json: dict[str, bool | float | str] = Field({})


def of_record(told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the attributes of a record, each of the kind that it must be; StoreError if one is not."""
    try:
        attrs = dict(GroupDocument.model_validate(told).attributes)
        _Provenance.model_validate(attrs)
        texts = {name: json.loads(attrs[name]) for name in _Json.model_fields if name in attrs}
        made = _Json.model_validate(texts)
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"{where}: is damaged ({problem_in(error)})") from None
    if not isinstance((made.hardware_json or {}).get("name", ""), str):
        raise StoreError(f"{where}: is damaged (hardware_json: its name must be a text)")
    return dict(attributes_of(attrs, where))


class _Call(Strict):
    parameters: dict[str, float] | None = None
    inputs: dict[str, str | list[float]] | None = None
    rounds: Annotated[int, Field(ge=0)] | None = None
    shots: Annotated[int, Field(ge=1)] | None = None
    emulator: str | None = None
    emulator_options: dict[str, bool | int | float | str] | None = None
    state: str = "auto"
    seed: Annotated[str, Field(pattern=r"^[0-9]{1,100}$")] | None = None
    sweep: dict[str, list[list[float]]] | None = None
    noise: dict[str, Any] | None = None
    hardware: dict[str, Any] | None = None
    neglect: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-10
    accuracy: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None


class _Layout(Strict):
    points: Annotated[int, Field(ge=1, le=10**9)]
    shots: Annotated[int, Field(ge=1, le=10**9)] | None
    together: Annotated[int, Field(ge=1, le=10**6)]
    first_shots: Annotated[int, Field(ge=1, le=10**9)]
    sums: Annotated[int, Field(ge=0, le=2**40)]
    swept: bool
    points_together: Annotated[int, Field(ge=1, le=10**6)] = 1


class _Ledger(Strict):
    layout_json: _Layout
    identity_json: dict[str, str]
    points_json: list[dict[str, float]]
    call_json: _Call


def of_ledger(told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return what a ledger says: `layout`, `identity`, `points`, `call`; StoreError if it cannot be so."""
    try:
        attrs = GroupDocument.model_validate(told).attributes
        texts = {name: json.loads(attrs[name]) for name in _Ledger.model_fields}
        made = _Ledger.model_validate(texts)
        if len(made.points_json) != made.layout_json.points:
            raise ValueError("points_json: must have as many points as the layout")
        if made.call_json.noise is not None and len(json.dumps(made.call_json.noise)) > 1_000_000:
            raise ValueError("call_json: noise must be short")
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoreError(f"{where}: cannot be continued ({problem_in(error)})") from None
    call = {name: value for name, value in texts["call_json"].items() if name in _Call.model_fields}
    layout = made.layout_json.model_dump()
    return {"layout": layout, "identity": made.identity_json, "points": made.points_json, "call": call}
