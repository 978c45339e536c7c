"""Loops and branches, and the closed union of blocks: every step that a program can take."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.blocks.cells import BeamSplitter, BlockadeMeasure, Damp, WeakMeasure
from rydberg_qmem.language.blocks.classical import Push, Set
from rydberg_qmem.language.blocks.gates import CNOT, CZ, ZZ, BlockadeRotate, CPhase, Exchange, Ising, Rotate, Swap
from rydberg_qmem.language.blocks.measurement import Measure, Probe, Reset
from rydberg_qmem.language.blocks.pulses import (
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Pulse,
    Retarget,
    SLMMask,
)
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


Block = Annotated[
    Annotated[Pulse, Tag("pulse")]
    | Annotated[DetuningMap, Tag("detuning_map")]
    | Annotated[SLMMask, Tag("slm_mask")]
    | Annotated[EnableEOM, Tag("enable_eom_mode")]
    | Annotated[EOMPulse, Tag("add_eom_pulse")]
    | Annotated[ModifyEOM, Tag("modify_eom_setpoint")]
    | Annotated[DisableEOM, Tag("disable_eom_mode")]
    | Annotated[Retarget, Tag("target")]
    | Annotated[Delay, Tag("delay")]
    | Annotated[Align, Tag("align")]
    | Annotated[PhaseShift, Tag("phase_shift")]
    | Annotated[Rotate, Tag("rotate")]
    | Annotated[CZ, Tag("cz")]
    | Annotated[CNOT, Tag("cnot")]
    | Annotated[CPhase, Tag("cphase")]
    | Annotated[ZZ, Tag("zz")]
    | Annotated[Swap, Tag("swap")]
    | Annotated[Exchange, Tag("exchange")]
    | Annotated[BlockadeRotate, Tag("blockade_rotate")]
    | Annotated[Ising, Tag("ising")]
    | Annotated[Damp, Tag("damp")]
    | Annotated[BeamSplitter, Tag("beam_splitter")]
    | Annotated[WeakMeasure, Tag("weak_measure")]
    | Annotated[BlockadeMeasure, Tag("blockade_measure")]
    | Annotated[Measure, Tag("measure")]
    | Annotated[Reset, Tag("reset")]
    | Annotated[Probe, Tag("probe")]
    | Annotated[Set, Tag("set")]
    | Annotated[Push, Tag("push")]
    | Annotated[Repeat, Tag("repeat")]
    | Annotated[When, Tag("when")]
    | Annotated[ForEach, Tag("for_each")],
    Discriminator(kind_of),
]
"""Any block, as an object or as a one-key mapping."""

EOM = EnableEOM | EOMPulse | ModifyEOM | DisableEOM
"""Blocks of the EOM mode."""

Gate = Rotate | CZ | CNOT | CPhase | ZZ | Swap | Exchange | BlockadeRotate | Ising
"""Unitary blocks that are known as matrices, whatever pulses make them."""

Timed = Pulse | DetuningMap | SLMMask | EOM | Retarget | Delay | Align | PhaseShift | Gate
"""Blocks that a segment holds: unitary, on the atoms alone."""

Cell = Damp | BeamSplitter | WeakMeasure | BlockadeMeasure
"""Blocks that stand for several others."""

Leaf = Timed | Cell | Measure | Reset | Probe | Set | Push
"""Blocks that hold no others."""

AnyBlock = Leaf | Repeat | When | ForEach

for _model in (Repeat, When, ForEach):
    _model.model_rebuild()

KINDS: dict[str, type[Tagged]] = {
    cls.kind: cls
    for cls in (
        Pulse, DetuningMap, SLMMask, EnableEOM, EOMPulse, ModifyEOM, DisableEOM, Retarget, Delay, Align, PhaseShift,
        Rotate, CZ, CNOT, CPhase, ZZ, Swap, Exchange,
        BlockadeRotate, Ising, Damp, BeamSplitter, WeakMeasure, BlockadeMeasure,
        Measure, Reset, Probe, Set, Push, Repeat, When, ForEach,
    )
}  # fmt: skip
"""Every kind of block by its name in files."""
