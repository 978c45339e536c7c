"""Names in scope: parameters, inputs, memory, keys and counters, as expressions read them and blocks write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.bind import bind_parameters
from rydberg_qmem.errors import Problem, QmemError, did_you_mean
from rydberg_qmem.gates import HIDDEN
from rydberg_qmem.language.arithmetic import RESERVED as OF_EXPRESSIONS
from rydberg_qmem.language.blocks import Classical, Repeat, classical_rule, key_of, walk
from rydberg_qmem.language.evaluation import Columns, ExpressionError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification._findings import Report

RESERVED = OF_EXPRESSIONS | {"shot", "point", "time_us"}
MISSPELT = 0.8
"""How like a declared name another must be to be taken for it: `thetta` for `theta`, not `beta`."""


def is_reserved(name: str) -> bool:
    """Return whether no parameter, input, memory, key, counter or loop may have a name.

    >>> is_reserved("sum"), is_reserved("rate_final"), is_reserved("rate")
    (True, True, False)
    """
    return name in RESERVED or name.endswith((HIDDEN, "_final"))


def clashes(program: Program) -> Iterator[Problem]:
    """Yield what is wrong with the names of atoms, parameters, inputs and memory."""
    for name in program.register.names:
        if name == "all":
            yield Problem("register", "must not name an atom all, which stands for every atom", name)
    spaces: dict[str, Iterable[str]] = {
        "parameters": program.parameters,
        "inputs": program.inputs,
        "memory": program.memory,
    }
    owner: dict[str, str] = {}
    for space, names in spaces.items():
        for name in names:
            if is_reserved(name):
                yield Problem(f"{space}.{name}", "is a reserved name", name)
            if name in owner:
                yield Problem(f"{space}.{name}", f"is already the name of one of the {owner[name]}", name)
            owner[name] = space


@dataclass
class NamesInScope:
    """The names that a block may read and write where it stands; problems with them go into a report."""

    program: Program
    report: Report
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    counters: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)

    @cached_property
    def parameters(self) -> dict[str, float]:
        """The program's own parameters; none where they cannot be evaluated."""
        try:
            return bind_parameters(self.program)
        except QmemError:
            return {}

    @cached_property
    def measured(self) -> set[str]:
        """Every key of the program."""
        return {key for block in walk(self.program.body) if (key := key_of(block)) is not None}

    @cached_property
    def windows(self) -> dict[str, int]:
        """The size of each window of memory."""
        memory = self.program.memory
        return {name: self._window_size(one.window) for name, one in memory.items() if one.window is not None}

    def _window_size(self, window: Expression) -> int:
        """Return a window's size with the program's own parameters, 1 where that is not to be had."""
        size = self.constant(window)
        return 1 if size is None or not np.isfinite(size) else int(min(max(size, 1), 1000))

    def constant(self, expression: Expression) -> float | None:
        """Return an expression's value where parameters alone decide it."""
        try:
            return float(np.asarray(expression.evaluate(self.parameters)))
        except (QmemError, TypeError, ValueError):
            return None

    # --- reading ---

    def read(self, expression: Expression, place: str, *, random: bool, bare: bool = False) -> None:
        """Say what is wrong with an expression: names, columns, types; draws and means unless they may be `random`.

        A `bare` one reads parameters alone.
        """
        if expression.placeholders:
            self.report.say(place, "uses a $name outside its for_each", expression.text)
            return
        spaces: list[Collection[str]] = [self.program.parameters]
        if not bare:
            spaces += [self.program.memory, self.keys, self.assigned, self.counters, self.signals]
        before = len(self.report.found)
        for name in sorted(name for name in expression.names if not any(name in space for space in spaces)):
            self.report.say(place, self._unknown(name, {name for space in spaces for name in space}), name)
        for key, atom in sorted(expression.columns):
            if key in self.keys and atom not in self.keys[key]:
                self.report.say(
                    place,
                    f"key {key} has no atom {atom}{did_you_mean(atom, self.keys[key])}",
                    f"{key}.{atom}",
                )
            elif key not in self.keys and any(key in space for space in spaces):
                self.report.say(place, f"{key} is no key of several atoms", f"{key}.{atom}")
        if len(self.report.found) == before:
            self._dry(expression, place)
        if not random and (expression.is_random or expression.uses_ensemble):
            self.report.say(place, "may not draw or average here: set a memory variable first", expression.text)

    def _dry(self, expression: Expression, place: str) -> None:
        """Evaluate with stand-ins: windows and numbers must be used as what they are."""
        scope: dict[str, Any] = {name: np.ones(1) for name in expression.names}
        for name in expression.names & self.windows.keys():
            scope[name] = np.ones((1, self.windows[name]))
        for name in expression.names & self.keys.keys():
            scope[name] = Columns(self.keys[name], np.ones((1, len(self.keys[name]))))
        try:
            expression.evaluate(scope, random=_Ones(), weights=np.ones(1))
        except ExpressionError as error:
            self.report.say(place, f"{error.rule} at column {error.column} of the expression", expression.text)
        except QmemError as error:
            self.report.say(place, str(error), expression.text)

    def _unknown(self, name: str, known: set[str]) -> str:
        if name in self.program.inputs:
            return "is an input: it has a value only inside a repeat over it"
        if name in self.measured:
            return "is a key that is not measured yet at this point: measure it above, or keep a value in memory"
        return f"is not a known name here{did_you_mean(name, sorted(known))}"

    # --- writing ---

    def measure(self, key: str, atoms: tuple[str, ...], place: str) -> None:
        """Keep the outcome of atoms under a key."""
        others = {**self.program.parameters, **self.program.inputs, **self.program.memory}
        if key in others or is_reserved(key):
            self.report.say(place, "must not be a reserved name or that of a parameter, input or memory", key)
        if self.keys.setdefault(key, atoms) != atoms:
            self.report.say(place, f"already keeps the outcome of {', '.join(self.keys[key])}", key)

    def assign(self, block: Classical, place: str) -> None:
        """Write memory."""
        rule = classical_rule(block)
        for name, expression in rule.values.items():
            self.read(expression, f"{place}.{name}", random=True)
            if name in self.program.parameters or name in self.program.inputs or name in self.counters:
                self.report.say(f"{place}.{name}", "must be memory, not a parameter, input or counter", name)
            elif name in self.keys or is_reserved(name):
                self.report.say(f"{place}.{name}", "must not be a key or a reserved name", name)
            elif name not in self.program.memory and (
                meant := get_close_matches(name, self.program.memory, n=1, cutoff=MISSPELT)
            ):
                hint = f"did you mean {meant[0]!r}? (declare it there if not)"
                self.report.say(f"{place}.{name}", f"is not declared in memory; {hint}", name)
            elif rule.windows and name not in self.windows:
                hint = did_you_mean(name, sorted(self.windows))
                self.report.say(f"{place}.{name}", f"must be a memory with a window{hint}", name)
            elif not rule.windows and name in self.windows:
                self.report.say(f"{place}.{name}", "is a window: push to it instead", name)
        if not rule.windows:
            self.assigned |= set(rule.values)

    @contextmanager
    def loop(self, block: Repeat, place: str) -> Iterator[None]:
        """Have a repeat's counter and inputs in scope while its body is looked at."""
        self._begin(block, place)
        self.counters.append(block.counter)
        self.signals.extend(block.over or ())
        yield
        self.counters.pop()
        del self.signals[len(self.signals) - len(block.over or ()) :]

    def _begin(self, block: Repeat, place: str) -> None:
        if block.times is not None:
            self.read(block.times, f"{place}.times", random=False)
        for name in block.over or ():
            if name not in self.program.inputs:
                hint = did_you_mean(name, list(self.program.inputs))
                self.report.say(f"{place}.over", f"must be an input of the program{hint}", name)
        taken = {**self.program.parameters, **self.program.inputs, **self.program.memory, **self.keys}
        if block.counter in taken:
            self.report.say(f"{place}.counter", "must not be the name of anything else", block.counter)
        for part, given in (("counter", block.counter), ("name", block.name)):
            if given is not None and is_reserved(given):
                self.report.say(f"{place}.{part}", "is a reserved name", given)


class _Ones:
    """Stands in for random numbers."""

    def uniform(self) -> NDArray[np.float64]:
        return np.ones(1)

    def normal(self) -> NDArray[np.float64]:
        return np.ones(1)
