"""Levels: which bases a program's blocks need, so that its level set is pinned once."""

from __future__ import annotations

from typing import assert_never

from rydberg_qmem.devices import device_of
from rydberg_qmem.language.blocks import (
    Align,
    AnyBlock,
    Cell,
    Classical,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ForEach,
    Gate,
    Measure,
    ModifyEOM,
    PhaseShift,
    Probe,
    Pulse,
    Repeat,
    Reset,
    Retarget,
    SLMMask,
    When,
    cell_rule,
    gate_rule,
    walk,
)
from rydberg_qmem.language.program import Program

NONE: frozenset[str] = frozenset()
_MASK = "slm_mask"


def bases_of(program: Program) -> frozenset[str]:
    """Return the bases whose channels any block of the program plays or waits on; where none does, those measured."""
    device = device_of(program)
    channels = {**device.channels, **device.dmm_channels}
    driven = NONE.union(*(_driven(block, channels) for block in walk(program.body)))
    if _MASK in driven:  # a DMM holds it, but where microwaves drive: there it is no light at all
        light = driven - {_MASK}
        driven = light | (frozenset({"ground-rydberg"}) if light and "XY" not in light else NONE)
    return driven or NONE.union(*(_measured(block) for block in walk(program.body)))


def _driven(block: AnyBlock, channels: dict[str, object]) -> frozenset[str]:
    if isinstance(block, Gate):
        return gate_rule(block).bases
    if isinstance(block, Cell):
        return cell_rule(block).bases
    if isinstance(block, Classical):
        return NONE
    match block:
        case Pulse() | DetuningMap() | EnableEOM() | EOMPulse() | ModifyEOM():
            return _basis(block.channel, channels)
        case Retarget() | Delay(channel=str()):
            return _basis(block.channel, channels)
        case Align(channels=tuple() as names):
            return NONE.union(*(_basis(name, channels) for name in names))
        case SLMMask():
            return frozenset({_MASK})
        case DisableEOM() | Delay() | Align() | PhaseShift() | Measure() | Reset() | Probe():
            return NONE
        case Repeat() | When() | ForEach():
            return NONE
        case _:
            assert_never(block)


def _basis(channel: str | None, channels: dict[str, object]) -> frozenset[str]:
    basis = getattr(channels.get(channel or ""), "basis", None)
    return frozenset({basis}) if basis else NONE


def _measured(block: AnyBlock) -> frozenset[str]:
    return frozenset({block.basis}) if isinstance(block, Measure | Probe) and block.basis else NONE
