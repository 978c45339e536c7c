"""The tree of blocks: what a block holds, all blocks of a program, and a tree changed block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rydberg_qmem.language.blocks.cells import Cell, cell_rule
from rydberg_qmem.language.blocks.control import AnyBlock, ForEach, Leaf, Repeat, When
from rydberg_qmem.language.blocks.measurement import Measure

Change = Callable[[AnyBlock], Any]
"""Returns what stands in a block's place: a block, several of them, or none (an empty sequence)."""


def bodies(block: AnyBlock) -> Mapping[str, tuple[AnyBlock, ...]]:
    """Return the blocks in a block, by the field that holds them; nothing for one that holds none.

    Args:
        block: The block.

    >>> list(bodies(When(condition="m == 1", then=[{"reset": {"atoms": "q"}}])))
    ['then', 'otherwise']
    """
    match block:
        case Repeat() | ForEach():
            return {"body": block.body}
        case When():
            return {"then": block.then, "otherwise": block.otherwise}
        case _:
            return _none(block)


def _none(block: Leaf) -> Mapping[str, tuple[AnyBlock, ...]]:
    """Say that a block holds no others: the type checker refuses a kind that is neither a leaf nor told above."""
    return {}


def key_of(block: AnyBlock) -> str | None:
    """Return the name that an outcome of a block is kept under; None where none is."""
    if isinstance(block, Cell):
        return cell_rule(block).key
    return block.key if isinstance(block, Measure) else None


def walk(blocks: Iterable[AnyBlock]) -> Iterator[AnyBlock]:
    """Yield blocks in the order of a program's text, each before those in it.

    Args:
        blocks: The blocks, as a program's body.

    >>> import rydberg_qmem as rq
    >>> [block.kind for block in walk(rq.load("rabi").body)]
    ['pulse', 'measure']
    """
    for block in blocks:
        yield block
        for inner in bodies(block).values():
            yield from walk(inner)


def walk_places(blocks: Iterable[AnyBlock], place: str = "body") -> Iterator[tuple[str, AnyBlock]]:
    """Yield each block with its place, as errors tell it, in the order of a program's text.

    Args:
        blocks: The blocks, as a program's body.
        place: Where they stand, "body" by default.

    >>> import rydberg_qmem as rq
    >>> [place for place, block in walk_places(rq.load("two_port_memristor").body) if block.kind == "measure"]
    ['body[0].repeat.body[2].measure']
    """
    for i, block in enumerate(blocks):
        here = f"{place}[{i}].{block.kind}"
        yield here, block
        for name, inner in bodies(block).items():
            yield from walk_places(inner, f"{here}.{name}")


def map_tree(blocks: Iterable[AnyBlock], change: Change) -> tuple[Any, ...]:
    """Return blocks changed one by one, inner ones before those around them."""
    made: list[Any] = []
    for block in blocks:
        inner = {name: map_tree(within, change) for name, within in bodies(block).items()}
        changed = change(block.with_(**inner) if inner else block)
        made += changed if isinstance(changed, list | tuple) else (changed,)
    return tuple(made)
