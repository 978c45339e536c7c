"""Statements in order, branches, loops, and leaving them early: `when` and `repeat` where the run decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rydberg_qmem.interop.openqasm._assigned import assigned
from rydberg_qmem.interop.openqasm._casts import to
from rydberg_qmem.interop.openqasm._expressions import ends, evaluate, resolved, type_of, whole
from rydberg_qmem.interop.openqasm._lookups import value_of
from rydberg_qmem.interop.openqasm._operators import binary
from rydberg_qmem.interop.openqasm._reading import NeedsKnown, refuse
from rydberg_qmem.interop.openqasm._scopes import Array, Cell, Meaning
from rydberg_qmem.interop.openqasm._terms import Unsaid, scalar, truth
from rydberg_qmem.interop.openqasm._translation import Block, Loop, Translation
from rydberg_qmem.interop.openqasm._values import BOOL, INT, Bits, Number, Type, Value, known, unknown

STOPPING = ("BreakStatement", "ContinueStatement", "ReturnStatement", "EndStatement")
COMPOUND = ("BranchingStatement", "ForInLoop", "WhileLoop", "SwitchStatement", "CompoundStatement", "Box")
MAX_ROUNDS = 100_000


def in_order(here: Translation, statements: Sequence[Any], one_by_one: Callable[[Translation, Any], None]) -> None:
    """Translate statements one by one; what follows a possible stop is done only where none happened."""
    for i, node in enumerate(statements):
        here.count(node)
        one_by_one(here, node)
        if type(node).__name__ not in STOPPING + COMPOUND:
            continue
        flags = here.stops()
        if any(flag.value is not None and flag.value.known for flag in flags):
            return
        open_ = [flag for flag in flags if flag.value is None and any(flag is one for one in assigned(here, [node]))]
        if open_ and i + 1 < len(statements):
            _rest(here, open_, statements[i + 1 :], one_by_one)
            return


def _rest(here: Translation, flags: Sequence[Cell], rest: Sequence[Any], one_by_one: Any) -> None:
    _guarded(here, flags, rest, lambda: in_order(here, rest, one_by_one))


def _guarded(here: Translation, flags: Sequence[Cell], statements: Any, play: Callable[[], None]) -> None:
    """Translate what is done only where some flags are down."""
    with here.branch(assigned(here, statements)) as blocks:
        play()
    if blocks:
        here.emit("when", {"if": _down(flags), "then": blocks})


def _down(flags: Sequence[Cell]) -> str:
    return " and ".join(f"{flag.name} == 0" for flag in flags)


# --- branches ---


def branching(here: Translation, node: Any) -> None:
    """Translate an if: the side that is known to be taken, or a `when` of both."""
    condition = truth(scalar(evaluate(here, node.condition)))
    _sides(here, condition, node.if_block, lambda: here.play(here, node.else_block or []), node.else_block)


def _sides(here: Translation, condition: Number, then: Any, otherwise: Callable[[], None], rest: Any) -> None:
    if condition.known is not None:
        with here.within(here.scope.inner()):
            here.play(here, then) if condition.known else otherwise()
        return
    cells = assigned(here, [then, rest])
    with here.branch(cells) as yes, here.within(here.scope.inner()):
        here.play(here, then)
    with here.branch(cells) as no, here.within(here.scope.inner()):
        otherwise()
    if yes or no:
        sides: Block = {"if": condition.text, "then": yes}
        here.emit("when", sides | ({"otherwise": no} if no else {}))


def switch(here: Translation, node: Any) -> None:
    """Translate a switch: the first case that fits, else the default."""
    target = scalar(evaluate(here, node.target))
    _case(here, node, target, list(node.cases))


def _case(here: Translation, node: Any, target: Number, cases: list[Any]) -> None:
    if not cases:
        if node.default is not None:
            here.play(here, node.default.statements)
        return
    (values, body), *rest = cases
    fits: Value = known(BOOL, 0)
    for one in values:
        number = known(INT, whole(here, one, "case"))
        fits = binary("||", fits, binary("==", target, number))
    others = [body for _, body in rest] + [node.default]
    _sides(here, scalar(fits), body.statements, lambda: _case(here, node, target, rest), others)


# --- loops ---


def for_loop(here: Translation, node: Any) -> None:
    """Translate a for: a `repeat` where its variable is needed in expressions alone, else its rounds written out."""
    kind = type_of(here, node.type)
    if not isinstance(kind, Type):
        refuse(node, "for", "the variable of a `for` is one number")
    values = _values(here, node.set_declaration)
    if isinstance(values, range) and len(values) > 1:
        restore = here.snapshot()
        try:
            _repeat(here, node, kind, values)
            return
        except NeedsKnown:
            restore()
    loop = Loop(here.flag(), here.flag())
    for value in values:
        here.count(node)
        loop.skipped = here.flag()
        if loop.left.value is not None and loop.left.value.known:
            return
        number = known(INT, value) if isinstance(value, int) else value
        try:
            number = to(kind, number)
        except Unsaid as error:
            refuse(node, "for", str(error))
        _round(here, node, loop, number)


def _values(here: Translation, node: Any) -> range | list[Number]:
    match type(node).__name__:
        case "RangeDefinition":
            start, step, last = ends(here, node)
            made = range(start, last + (1 if step > 0 else -1), step)
            if len(made) > MAX_ROUNDS:
                refuse(node, "for", f"must have at most {MAX_ROUNDS} rounds", len(made))
            return made
        case "DiscreteSet":
            return [scalar(evaluate(here, one)) for one in node.values]
    named = type(node).__name__ in ("Identifier", "IndexExpression")
    found: Meaning = resolved(here, node) if named else evaluate(here, node)
    if isinstance(found, Array):
        return [scalar(value_of(here, node, part)) for part in found.parts]
    value = value_of(here, node, found)
    if not isinstance(value, Bits):
        refuse(node, "for", "goes through a range, a set, an array or a register of bits")
    return list(value.bits)


def _round(here: Translation, node: Any, loop: Loop, number: Number) -> None:
    """Translate one round of a loop that is written out, done only where the loop was not left."""
    here.loops[-1].append(loop)
    scope = here.scope.inner()
    scope.names[node.identifier.name] = number
    try:
        with here.within(scope):
            if loop.left.value is None:
                _guarded(here, [loop.left], node.block, lambda: here.play(here, node.block))
            else:
                here.play(here, node.block)
    finally:
        here.loops[-1].pop()


def _repeat(here: Translation, node: Any, kind: Type, values: range) -> None:
    """Translate a for as a `repeat`; raise NeedsKnown where a round needs its number."""
    counter = here.namer.name(node.identifier.name)
    scaled = counter if values.step == 1 else f"{values.step} * {counter}"
    text = scaled if not values.start else f"{values.start} + {scaled}"
    number = unknown(INT, text, low=min(values), high=max(values))
    scope = here.scope.inner()
    try:
        scope.names[node.identifier.name] = to(kind, number)
    except Unsaid as error:
        refuse(node, "for", str(error))
    with here.within(scope):
        blocks, _ = _rounds(here, node.block, lambda: here.play(here, node.block))
    if blocks:
        here.emit("repeat", {"times": len(values), "counter": counter, "body": blocks})


def _rounds(here: Translation, body: Any, play: Callable[[], None]) -> tuple[list[Block], Cell]:
    """Return the blocks of a round that is repeated, and the flag that the loop was left."""
    loop = Loop(here.flag(), here.flag())
    here.loops[-1].append(loop)
    try:
        cells = assigned(here, body)
        leaves, skips = (any(flag is one for one in cells) for flag in (loop.left, loop.skipped))
        with here.branch(cells) as blocks:
            if skips:
                here.assign((loop.skipped, known(BOOL, 0)))
            if leaves:
                _guarded(here, [loop.left], body, play)
            else:
                play()
    finally:
        here.loops[-1].pop()
    return blocks, loop.left


def while_loop(here: Translation, node: Any) -> None:
    """Translate a while: its rounds written out while its condition is known, then as many as were allowed."""
    loop, done = Loop(here.flag(), here.flag()), 0
    while True:
        here.count(node)
        condition = truth(scalar(evaluate(here, node.while_condition)))
        if condition.known is None or loop.left.value is None:
            break
        if not condition.known or loop.left.value.known:
            return
        loop.skipped, done = here.flag(), done + 1
        here.loops[-1].append(loop)
        try:
            with here.within(here.scope.inner()):
                here.play(here, node.block)
        finally:
            here.loops[-1].pop()
    _bounded(here, node, loop.left, done)


def _bounded(here: Translation, node: Any, before: Cell, done: int) -> None:
    """Translate as many rounds of a while as are left, each done only where its condition holds."""
    if here.while_rounds is None:
        rule = "ends when the run says so, and a program's loops have a number of rounds: give while_rounds=N"
        refuse(node, "while", f"{rule} (`--while-rounds N`), or write a `for` with a `break`")

    def condition(*flags: Cell) -> str:
        number = truth(scalar(evaluate(here, node.while_condition)))
        raised = [flag for flag in flags if flag.value is None]
        return f"({number.said}) and {_down(raised)}" if raised else number.said

    def play() -> None:
        said = condition(before)
        with here.branch([]) as inner, here.within(here.scope.inner()):
            here.play(here, node.block)
        if inner:
            here.emit("when", {"if": said, "then": inner})

    blocks, left = _rounds(here, node.block, play)
    if blocks and here.while_rounds > done:
        here.emit("repeat", {"times": here.while_rounds - done, "counter": here.namer.name("n"), "body": blocks})
    cut = here.namer.name("unfinished")
    here.memory[cut] = 0
    here.emit("set", {cut: condition(before, left)})
    here.notes["loops cut"] += 1
