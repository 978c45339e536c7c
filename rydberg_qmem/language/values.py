"""What every part of a program is made of: frozen models, frozen mappings, one-key tagged unions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from keyword import kwlist
from typing import Annotated, Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic._internal._model_construction import ModelMetaclass  # type(BaseModel), which has no public name
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

K = TypeVar("K")
V = TypeVar("V")

KEPT_BY_PYTHON = frozenset(kwlist)
"""Words of the grammar by which expressions are read: `and`, `in`, `lambda`, `None`, …"""

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
PLACEHOLDER = re.compile(r"\$([A-Za-z][A-Za-z0-9_]*)")


def _readable(name: str) -> str:
    if name in KEPT_BY_PYTHON:
        raise PydanticCustomError("reserved", "is a reserved name: expressions could not read it")
    return name


Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
"""Letters, digits, underscores; a letter first."""

# A name that expressions can read: no word of Python's grammar, by which they are read.
VariableName = Annotated[Name, AfterValidator(_readable)]

AtomName = Annotated[str, StringConstraints(pattern=r"^\$?[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
"""An atom of the register, or `$name` inside a `for_each`."""

KeyName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z$][A-Za-z0-9_$]*$", max_length=64), AfterValidator(_readable)
]
"""The name an outcome is kept under; may hold `$name` inside a `for_each`."""


class FrozenDict(dict[K, V]):
    """A mapping that cannot change and can be hashed.

    >>> FrozenDict({"a": 1}) == {"a": 1}
    True
    """

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("a program is a value: change a copy of it, not its parts")

    __setitem__ = _refuse
    __delitem__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


class OrderedFrozenDict(FrozenDict[K, V]):
    """A frozen mapping whose order is part of its value: the atoms of a register."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and list(self.items()) == list(other.items())

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none
        return hash(tuple(self.items()))


FrozenMapping = Annotated[dict[K, V], AfterValidator(FrozenDict)]
OrderedMapping = Annotated[dict[K, V], AfterValidator(OrderedFrozenDict)]


class Told(ModelMetaclass):
    """The class of models whose constructors tell what is wrong as files do: place, rule, value, all at once.

    pydantic makes nested models without these constructors, so that it can collect their errors.
    """

    def __call__(cls, *args: Any, **fields: Any) -> Any:
        """Make a model, or raise one `ProgramError` with every problem."""
        try:
            return super().__call__(*args, **fields)
        except ValidationError as error:
            from rydberg_qmem.language.problems import refused

            raise refused(error, cls, fields) from None


class Model(BaseModel, metaclass=Told):
    """A part of a program: frozen, closed to unknown fields, free of inf and nan."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        populate_by_name=True,
        validate_default=True,
        ser_json_inf_nan="constants",
    )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.__dict__.values())))

    def with_(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, checked as if it were written anew.

        Fields are given as to the constructor: plain numbers, text, lists and mappings are taken, by the name in
        Python or the one in files (`**{"if": …}`). Raises ProgramError with every problem, unknown fields among them.
        """
        names = {info.alias: name for name, info in type(self).model_fields.items() if info.alias is not None}
        changed = {names.get(name, name): value for name, value in changes.items()}
        made: Self = type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changed)
        return made

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy as pydantic does, but with what is changed checked, as by `with_`."""
        return self.with_(**update) if update else super().model_copy(deep=deep)

    def unchecked(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with parts that are known to fit: the same kinds of values as those they replace."""
        return super().model_copy(update=changes)


class Tagged(Model):
    """A model written in files as a mapping with one key, its kind: `{rotate: {atom: s, angle: pi}}`."""

    kind: ClassVar[str]
    payload: ClassVar[str | None] = None
    """The one field that the file's mapping stands for, where the kind has just one."""

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and set(value) == {cls.kind}:
            inner = value[cls.kind]
            if cls.payload is not None:
                return {cls.payload: inner}
            return {} if inner is None else inner
        return value

    @model_serializer(mode="wrap")
    def _wrap(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        if set(fields) == {self.kind}:  # pydantic wraps models that hold themselves twice
            return fields
        return {self.kind: fields.get(self.payload, {}) if self.payload is not None else fields}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        inner = handler.resolve_ref_schema(schema)
        if set(inner.get("required", [])) == {cls.kind} and cls.kind in inner.get("properties", {}):
            return schema
        body = dict(inner)
        if cls.payload is not None:
            body = body["properties"][cls.payload]
        inner.clear()
        inner.update(type="object", properties={cls.kind: body}, required=[cls.kind], additionalProperties=False)
        return schema


def kind_of(value: object) -> str | None:
    """Return the tag of a block or waveform given as an object or as a one-key mapping."""
    if isinstance(value, Tagged):
        return value.kind
    if isinstance(value, Mapping) and len(value) == 1:
        return str(next(iter(value)))
    return None


def _as_atoms(value: object) -> object:
    if isinstance(value, str):
        return "all" if value == "all" else (value,)
    return value


def _distinct(value: object) -> object:
    if isinstance(value, tuple):
        if not value:
            raise PydanticCustomError("atoms", "must name at least one atom")
        if len(set(value)) < len(value):
            raise PydanticCustomError("atoms", "must not name an atom twice")
    return value


Atoms = Annotated[
    str | tuple[AtomName, ...],
    BeforeValidator(_as_atoms, json_schema_input_type=str | list[str]),
    AfterValidator(_distinct),
]
"""One atom, a list of atoms, or `all`."""

AtomPair = Annotated[tuple[AtomName, AtomName], AfterValidator(_distinct)]
"""Two different atoms."""


def placeholders(text: str) -> Iterator[str]:
    """Yield the `$name` placeholders of a text."""
    for match in PLACEHOLDER.finditer(text):
        yield match.group(1)
