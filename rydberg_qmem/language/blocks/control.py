"""Loops and branches, and the closed union of blocks: every step that a program can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Union, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.blocks.cells import Cell
from rydberg_qmem.language.blocks.classical import Classical
from rydberg_qmem.language.blocks.gates import Gate
from rydberg_qmem.language.blocks.measurement import Measure, Probe, Reset
from rydberg_qmem.language.blocks.pulses import PulseLevel
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged, kind_of
from rydberg_qmem.language.values import Atoms, Name, VariableName


def _as_names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Repeat(Tagged):
    """Do the body `times` times, or once for each value of the input(s) named in `over`.

    `counter` (default `k`) counts the rounds from 0; `name` is the dimension of the record (default `round`). Rounds
    without a measurement, a reset or a branch of pulses inside mean the body written out: modulated light, EOM mode and
    an SLM mask go on from one to the next. With one inside, every round begins and ends with an `align` at rest.
    """

    kind: ClassVar[str] = "repeat"
    times: Expression | None = Field(None, description="How many rounds; give this, or inputs.")
    over: Annotated[tuple[VariableName, ...] | None, BeforeValidator(_as_names, json_schema_input_type=Any)] = Field(
        None, description="Inputs whose values are gone through, one a round."
    )
    body: tuple[Block, ...] = Field(description="The blocks of a round.")
    counter: VariableName = Field("k", description="The name of the round's number, from 0; `k` by default.")
    name: VariableName | None = Field(
        None, description="The record's dimension of rounds; `round`, if it is free, by default."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.times is None) == (self.over is None):
            raise PydanticCustomError("repeat", "must give either times or over")
        if self.over == ():
            raise PydanticCustomError("repeat", "must name at least one input in over")
        return self


class When(Tagged):
    """Do `then` where the condition holds, `otherwise` where not.

    A branch with pulses begins and ends with an `align` at rest, and ends EOM mode and SLM mask; one without cuts none.
    Both sides take the longer one's time, unless memory decides how long a side takes.
    """

    kind: ClassVar[str] = "when"
    condition: Expression = Field(alias="if", description="In files `if`: the condition, true where it is not 0.")
    then: tuple[Block, ...] = Field((), description="Blocks for shots where it is true.")
    otherwise: tuple[Block, ...] = Field((), description="Blocks for all other shots; none by default.")


class ForEach(Tagged):
    """Do the body once for each atom, with `$atom` (or the name given in `as`) standing for it."""

    kind: ClassVar[str] = "for_each"
    atom: Atoms = Field(description="The atoms.")
    variable: Name = Field(
        default="atom",
        alias="as",
        description="In files `as`: the name that stands for the atom, after a `$`; `atom` by default.",
    )
    body: tuple[Block, ...] = Field(description="The blocks that are done for each.")


Timed = PulseLevel | Gate
"""Blocks that a segment holds: unitary, on the atoms alone."""

Leaf = Timed | Cell | Measure | Reset | Probe | Classical
"""Blocks that hold no others."""

AnyBlock = Leaf | Repeat | When | ForEach

KINDS: dict[str, type[Tagged]] = {cls.kind: cls for cls in get_args(AnyBlock)}
"""Every kind of block by its name in files."""

if TYPE_CHECKING:
    Block = AnyBlock
else:
    _TAGGED = tuple(Annotated[cls, Tag(kind)] for kind, cls in KINDS.items())
    Block = Annotated[Union[_TAGGED], Discriminator(kind_of)]  # noqa: UP007  # a union of what is computed
"""Any block, as an object or as a one-key mapping."""

for _model in (Repeat, When, ForEach):
    _model.model_rebuild()

__all__ = ["ForEach", "Repeat", "When"]
