"""Print the fenced block that follows `<!-- ci:NAME -->` in a Markdown file: the gate runs the README itself.

Usage: python readme_block.py README.md NAME

A leading `$ ` is taken as a prompt: then the lines without one are shown output and are left out.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

MARKER = re.compile(r"^[ \t]*<!--[ \t]*ci:(?P<name>[\w-]+)[ \t]*-->[ \t]*$")
FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})")


def marked_blocks(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Return each marked block as (name, lines); a marker must stand directly before its fence."""
    found: list[tuple[str, list[str]]] = []
    position = 0
    while position < len(lines):
        marker = MARKER.match(lines[position])
        position += 1
        if marker is None:
            continue
        while position < len(lines) and not lines[position].strip():
            position += 1
        opening = FENCE.match(lines[position]) if position < len(lines) else None
        if opening is None:
            raise SystemExit(f"ci:{marker['name']} must stand before a fenced block, but none follows")
        body, position = until_fence_closes(lines, position + 1, opening["fence"])
        found.append((marker["name"], body))
    return found


def until_fence_closes(lines: list[str], start: int, fence: str) -> tuple[list[str], int]:
    """Return the lines up to the closing fence, and the position behind it."""
    for position in range(start, len(lines)):
        line = lines[position].strip()
        if len(line) >= len(fence) and set(line) == {fence[0]}:
            return lines[start:position], position + 1
    raise SystemExit(f"the fenced block that begins before line {start + 1} must be closed, but is not")


def commands(body: list[str]) -> str:
    """Return what is typed, without indentation, prompts and shown output."""
    text = textwrap.dedent("\n".join(body))
    typed = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return ("\n".join(typed) if typed else text).strip()


def main(path: str, name: str) -> str:
    """Return the commands of the one block of that name."""
    blocks = marked_blocks(Path(path).read_text(encoding="utf-8").splitlines())
    matching = [commands(body) for known, body in blocks if known == name]
    if len(matching) != 1 or not matching[0]:
        names = ", ".join(known for known, _ in blocks) or "none"
        raise SystemExit(f"{path} must hold exactly one block ci:{name} with commands; marked are: {names}")
    return matching[0]


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
