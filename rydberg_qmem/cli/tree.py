"""A program as an indented tree of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rydberg_qmem.cli.text import listed
from rydberg_qmem.errors import Problem, short

if TYPE_CHECKING:
    from rydberg_qmem.compile.clock import Clock
    from rydberg_qmem.language.blocks import AnyBlock, Leaf
    from rydberg_qmem.language.program import Program


Line = tuple[str, str]
"""Indented text, and the time that belongs to it."""
_WIDEST = 84


def tree_of(program: Program) -> list[str]:
    """Return a program as lines of indented text: laboratory times at the right where known, problems at the end."""
    found, clock = _clock(program)
    lines = [*_lines(program, clock), *((line, "") for line in _section("problems", [str(one) for one in found]))]
    width = min(max(len(text) for text, time in lines if time), _WIDEST) if any(time for _, time in lines) else 0
    return [f"{text.ljust(width)}  {time}".rstrip() if time else text for text, time in lines]


def _clock(program: Program) -> tuple[Sequence[Problem], Clock | None]:
    """Return what is wrong with a program, or the clock of one that its device can play."""
    from rydberg_qmem.compile.clock import clock_of
    from rydberg_qmem.verification import check_and_compile

    problems, compiled = check_and_compile(program)
    return problems, None if problems or compiled is None else clock_of(compiled)


def _lines(program: Program, clock: Clock | None) -> Iterator[Line]:
    yield from ((line, "") for line in _head(program))
    yield "  body", "" if clock is None else _time(clock, "", clock.total_ns)
    for i, block in enumerate(program.body):
        yield from _block_tree(block, "    ", f"body[{i}].{block.kind}", clock)


def _head(program: Program) -> Iterator[str]:
    yield program.name
    yield from (f"  {line}" for line in program.about.strip().splitlines())
    yield f"  device {program.device_name}"
    yield "  register (µm)"
    for name, place in program.register.positions.items():
        yield f"    {name} at {', '.join(f'{x:g}' for x in place)}"
    yield from _section("parameters", [f"{name} = {value}" for name, value in program.parameters.items()])
    yield from _section("inputs", [f"{name} = {_input_text(given)}" for name, given in program.inputs.items()])
    yield from _section("memory", [f"{name} = {_memory_text(kept)}" for name, kept in program.memory.items()])
    fields = {} if program.noise is None else program.noise.to_dict()
    yield from _section("noise", [f"{name} = {value}" for name, value in fields.items()])
    if program.hardware is not None:
        yield f"  hardware {program.hardware if isinstance(program.hardware, str) else program.hardware.name}"


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


def _block_tree(block: AnyBlock, indent: str, place: str, clock: Clock | None) -> Iterator[Line]:
    """Yield one block, and the blocks within it, as lines of indented text."""
    from rydberg_qmem.language import blocks as b

    time = "" if clock is None else _time(clock, place, clock.ns(place))
    match block:
        case b.Repeat(times=times, over=over):
            what = f"{times} times" if times is not None else f"for each {', '.join(over or ())}"
            named = "" if block.name is None else f" as {block.name}"
            yield f"{indent}repeat {what}{named} (counter {block.counter})", time
            yield from _inside(block.body, indent, f"{place}.body", clock)
        case b.When(condition=condition, then=then, otherwise=otherwise):
            yield f"{indent}when {condition}", time
            yield from _inside(then, indent, f"{place}.then", clock)
            if otherwise:
                yield f"{indent}otherwise", ""
                yield from _inside(otherwise, indent, f"{place}.otherwise", clock)
        case b.ForEach(atom=atoms, variable=variable):
            yield f"{indent}for_each ${variable} in {_value_text(atoms)}", time
            yield from _inside(block.body, indent, f"{place}.body", clock)
        case _:
            yield from _leaf_lines(block, indent, time)


def _leaf_lines(block: Leaf, indent: str, time: str) -> Iterator[Line]:
    """Yield a block that holds no others."""
    from rydberg_qmem.language.blocks import Classical, classical_rule

    if isinstance(block, Classical):
        values = classical_rule(block).values
        yield from ((f"{indent}{block.kind} {name} <- {value}", "") for name, value in values.items())
    else:
        yield f"{indent}{block.kind} {_fields_text(block)}".rstrip(), time


def _inside(body: Iterable[AnyBlock], indent: str, place: str, clock: Clock | None) -> Iterator[Line]:
    for i, block in enumerate(body):
        yield from _block_tree(block, f"{indent}  ", f"{place}[{i}].{block.kind}", clock)


def _time(clock: Clock, place: str, once_ns: float) -> str:
    """Return a time in µs, of a loop with its count; nothing for what takes none."""
    if clock.is_open(place):
        return "set in the run"
    if not once_ns:
        return ""
    if place not in clock.counts:
        return f"{once_ns / 1000:.6g} µs"
    count = clock.counts[place]
    return f"{count} × {once_ns / 1000:.6g} µs = {count * once_ns / 1000:.6g} µs"


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
