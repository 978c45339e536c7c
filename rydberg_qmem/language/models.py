"""Models: the frozen classes that every part of a program is one of, and those that files write as one key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from inspect import Parameter, Signature, cleandoc
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from rydberg_qmem.arguments import flag, is_xarray, named
from rydberg_qmem.language.problems import MODELS, refused

_DEPRECATED = frozenset(
    {"construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema", "schema_json",
     "update_forward_refs", "validate"}
)  # fmt: skip
"""Methods of pydantic that it warns of; Tab does not offer them."""

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # it has no public name


_PLAIN = frozenset({str, int, float, type(None)})
"""Kinds that pydantic takes for no other."""


def _strange(value: Any, *, truth: bool) -> str:
    """Return what of a field's value is of no kind that files have: empty if nothing; with `truth`, True is."""
    if isinstance(value, bool | np.bool_):
        return "a truth value" if truth else ""
    if isinstance(value, bytes | bytearray | set | frozenset) or is_xarray(value):
        return "bytes" if isinstance(value, bytes | bytearray) else f"a {type(value).__name__}"
    if np.ma.is_masked(value):
        return "a masked array"
    inner = value if isinstance(value, list | tuple) else ()  # mappings are parts with fields of their own
    return next((what for item in inner if type(item) not in _PLAIN and (what := _strange(item, truth=truth))), "")


@cache
def _flags(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields of a model that are True or False."""
    return frozenset(name for name, info in model.model_fields.items() if info.annotation is bool)


class ReportingMeta(ModelMetaclass):
    """Makes constructors report what is wrong as files do: place, rule and value, all problems at once.

    pydantic builds nested models without calling their class, and so collects their errors; a constructor of a
    model's own would be called, and end at the first.
    """

    def __call__(cls, *args: Any, **fields: Any) -> Any:
        """Make a model, or raise one `ProgramError` with every problem."""
        try:
            return super().__call__(*args, **fields)
        except ValidationError as error:
            raise refused(error, cls, fields) from None

    @property
    def __signature__(cls) -> Signature:
        """The fields with their defaults; what each may be is said in the docstring."""
        fields: Mapping[str, FieldInfo] = vars(cls)["__pydantic_fields__"]
        every = [Parameter(name, Parameter.KEYWORD_ONLY, default=_default(info)) for name, info in fields.items()]
        return Signature(every)

    @__signature__.setter
    def __signature__(cls, _: object) -> None:
        """Leave pydantic's own signature aside: of blocks within blocks, it fills pages."""


def _default(info: FieldInfo) -> Any:
    return Parameter.empty if info.is_required() else info.get_default(call_default_factory=True)


def _documented(doc: str, fields: Mapping[str, FieldInfo]) -> str:
    """Return a docstring with a section of its fields, before its examples."""
    section = "\n".join(["Args:", *(f"    {name}: {info.description}" for name, info in fields.items())])
    about, mark, examples = cleandoc(doc).partition(">>> ")
    return f"{about.rstrip()}\n\n{section}\n" + (f"\n{mark}{examples}\n" if mark else "")


class Model(BaseModel, metaclass=ReportingMeta):
    """A part of a program: frozen, closed to unknown fields, free of inf and nan."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        populate_by_name=True,
        validate_default=True,
        ser_json_inf_nan="constants",
    )

    _about: ClassVar[str] = ""
    """What the class's docstring says before its fields, and examples, follow."""
    _whole: ClassVar[bool] = False
    """Whether problems are placed from its own top: a program; parts of one are placed below their kind."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        MODELS[cls.__name__] = cls
        described = {name: info for name, info in cls.model_fields.items() if info.description}
        if cls.__doc__ and described:
            cls._about = cls.__doc__
            cls.__doc__ = _documented(cls.__doc__, described)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        inner = handler.resolve_ref_schema(schema)
        if "description" in inner:
            inner["description"] = cleandoc(cls._about).partition(">>> ")[0].rstrip()
        return schema

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what pydantic would take for something else: True for 1, bytes for text, sets for lists."""
        if type(value) not in _PLAIN and (what := _strange(value, truth=info.field_name not in _flags(cls))):
            raise PydanticCustomError("kind", "must not be {what}", {"what": what})
        return value

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _DEPRECATED]

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
        if update is not None:
            named("update", update)
        flag("deep", deep)
        return self.with_(**update) if update else super().model_copy(deep=deep)

    def unchecked(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with parts that are known to fit: the same kinds of values as those they replace."""
        return super().model_copy(update=changes)


class Tagged(Model):
    """A model written in files as a mapping with one key, its kind: `{rotate: {atom: s, angle: pi}}`."""

    kind: ClassVar[str]
    family: ClassVar[Literal["block", "waveform"]] = "block"
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
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
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
