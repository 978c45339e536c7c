"""YAML 1.2 by the events of a parser that refuses tags, anchors, aliases and directives unread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from rydberg_qmem.errors import short
from rydberg_qmem.language.data_builder import DataBuilder
from rydberg_qmem.language.scalars import NotPlain, resolved
from rydberg_qmem.language.source_map import Mark


def feed_yaml(text: str, builder: DataBuilder) -> None:
    """Hand the parts of a YAML text to a builder, or fail at the place where it is no YAML."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        for event in _yaml_events(text, builder):
            _feed_event(event, builder)
    except MarkedYAMLError as error:
        unclosed = "end of stream" in str(error.problem) or "<stream end>" in str(error.problem)
        mark = error.context_mark if unclosed and error.context_mark else error.problem_mark
        builder.fail(_yaml_rule(error), (mark.line + 1, mark.column + 1) if mark else builder.mark)
    except (YAMLError, ValueError, OverflowError) as error:  # such as an escape beyond the last character
        builder.fail(f"is not YAML: {error}", builder.mark)


def _yaml_rule(error: Any) -> str:
    if "\\t" in str(error.problem):
        return "a tab may not stand here: use spaces"
    context = f" ({error.context})" if error.context else ""
    return f"is not YAML: {error.problem}{context}"


def _yaml_events(text: str, builder: DataBuilder) -> Iterator[Any]:
    """Return the parser's events; the scanner refuses tags, anchors, aliases and directives unread."""
    from ruamel.yaml import YAML
    from ruamel.yaml.reader import Reader
    from ruamel.yaml.scanner import Scanner

    yaml = YAML(typ="safe", pure=True)
    yaml.Reader, yaml.Scanner = Reader, Scanner
    yaml.reader.stream = text
    for noun in ("tag", "anchor", "alias", "directive"):
        setattr(yaml.scanner, f"fetch_{noun}", _refusal(noun, yaml.reader, builder))
    parser = yaml.parser
    while parser.check_event():
        yield parser.get_event()


def _refusal(noun: str, reader: Any, builder: DataBuilder) -> Any:
    rules = {
        "tag": "tags (!) may not stand here: put text that begins with ! in quotes",
        "anchor": "anchors (&) may not stand here: write the value out at each place",
        "alias": "aliases (*) may not stand here: write the value out at each place",
        "directive": "directives (%) may not stand here",
    }

    def refuse() -> NoReturn:
        builder.fail(rules[noun], (reader.line + 1, reader.column + 1))

    return refuse


def _feed_event(event: Any, builder: DataBuilder) -> None:
    mark = builder.mark = (event.start_mark.line + 1, event.start_mark.column + 1)
    match type(event).__name__:
        case "ScalarEvent":
            builder.scalar(_scalar_value(event, builder, mark), mark)
        case "MappingStartEvent":
            builder.open({}, mark)
        case "SequenceStartEvent":
            builder.open([], mark)
        case "MappingEndEvent" | "SequenceEndEvent":
            builder.close()
        case "DocumentStartEvent" if builder.root is not None:
            builder.fail("must hold one document, but a second begins here", mark)


def _scalar_value(event: Any, builder: DataBuilder, mark: Mark) -> object:
    if event.style or not event.implicit[0]:
        return event.value
    try:
        return resolved(event.value)
    except NotPlain as error:
        builder.note(str(error), mark, short(event.value))
        return event.value
