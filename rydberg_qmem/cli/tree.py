"""A program as an indented tree of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, assert_never

from rydberg_qmem.cli.text import listed
from rydberg_qmem.errors import short

if TYPE_CHECKING:
    from rydberg_qmem.language.blocks import AnyBlock
    from rydberg_qmem.language.program import Program


def tree_of(program: Program) -> Iterator[str]:
    """Yield a program as lines of indented text."""
    yield program.name
    yield from (f"  {line}" for line in program.about.strip().splitlines())
    yield f"  device {program.device_name}"
    yield "  register (µm)"
    for name, place in program.register.positions.items():
        yield f"    {name} at {', '.join(f'{x:g}' for x in place)}"
    yield from _section("parameters", [f"{name} = {value}" for name, value in program.parameters.items()])
    yield from _section("inputs", [f"{name} = {_input_text(given)}" for name, given in program.inputs.items()])
    yield from _section("memory", [f"{name} = {_memory_text(kept)}" for name, kept in program.memory.items()])
    yield "  body"
    for block in program.body:
        yield from _block_tree(block, "    ")


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"  {title}"
        yield from (f"    {line}" for line in lines)


def _input_text(given: Any) -> str:
    if isinstance(given.default, tuple):
        return f"{short(list(given.default))}, {len(given.default)} rounds"
    return f"{given.default} for {given.rounds} rounds"


def _memory_text(kept: Any) -> str:
    return str(kept.initial) if kept.window is None else f"the last {kept.window} values, at first {kept.initial}"


def _block_tree(block: AnyBlock, indent: str) -> Iterator[str]:
    """Yield one block, and the blocks within it, as lines of indented text."""
    from rydberg_qmem.language import blocks as b

    match block:
        case b.Repeat(times=times, over=over):
            what = f"{times} times" if times is not None else f"for each {', '.join(over or ())}"
            named = "" if block.name is None else f" as {block.name}"
            yield f"{indent}repeat {what}{named} (counter {block.counter})"
            yield from _inside(block.body, indent)
        case b.When(condition=condition, then=then, otherwise=otherwise):
            yield f"{indent}when {condition}"
            yield from _inside(then, indent)
            if otherwise:
                yield f"{indent}otherwise"
                yield from _inside(otherwise, indent)
        case b.ForEach(atom=atoms, variable=variable):
            yield f"{indent}for_each ${variable} in {_value_text(atoms)}"
            yield from _inside(block.body, indent)
        case b.Set(values=values) | b.Push(values=values):
            yield from (f"{indent}{block.kind} {name} <- {value}" for name, value in values.items())
        case (
            b.Pulse() | b.DetuningMap() | b.Delay() | b.Align() | b.PhaseShift() | b.Rotate() | b.CZ() | b.CNOT()
            | b.Damp() | b.BeamSplitter() | b.WeakMeasure() | b.Measure() | b.Reset() | b.Probe()
        ):  # fmt: skip
            yield f"{indent}{block.kind} {_fields_text(block)}".rstrip()
        case _:
            assert_never(block)


def _inside(body: Iterable[AnyBlock], indent: str) -> Iterator[str]:
    for block in body:
        yield from _block_tree(block, f"{indent}  ")


def _fields_text(part: Any) -> str:
    """Return the fields of a block or waveform that differ from their defaults."""
    shown = []
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if field.is_required() or value != field.get_default():
            shown.append(f"{field.alias or name} {_value_text(value)}")
    return ", ".join(shown)


def _value_text(value: Any) -> str:
    if hasattr(type(value), "kind"):
        return f"{value.kind}({_fields_text(value)})"
    if isinstance(value, tuple):
        return listed([_value_text(item) for item in value])
    if isinstance(value, dict):
        return listed([f"{name}: {_value_text(item)}" for name, item in value.items()])
    return str(value)
