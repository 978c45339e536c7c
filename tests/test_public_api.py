"""The door: which names are public, that they explain themselves, and that it opens lightly."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rydberg_qmem as rq

NAMES = {
    "__version__", "analysis", "blocks", "check", "CNOT", "CZ", "Delay", "draw", "emulators", "estimate",
    "Expression", "ForEach", "from_pulser", "gallery", "HardwareProfile", "Input", "InputError", "learning", "load",
    "map_blocks", "Measure", "Memory", "Noise", "open_record", "optimise", "plots", "Probe", "Program",
    "ProgramError", "programs", "Pulse", "Push", "QmemError", "qpu_report", "Register", "Repeat", "Replay", "Reset",
    "Rotate", "run", "RunError", "save_record", "schema", "Set", "to_pulser", "verify", "waveforms", "When",
}  # fmt: skip
HEAVY = ("pulser", "matplotlib", "xarray", "scipy", "sklearn", "pandas", "zarr", "torch", "qutip", "dask", "rich")
PACKAGE = Path(rq.__file__).parent
DOORS = (
    "rydberg_qmem", *(f"rydberg_qmem.{package}" for package in (
        "analysis", "blocks", "emulators", "gallery", "learning", "plots", "programs",
        "report", "waveforms",
    )),
)  # fmt: skip
NOT_CALLED = (
    "Emulator", "Findings", "InputError", "NoisyEmulator", "Problem", "ProgramError", "QmemError", "RunError",
)  # fmt: skip
"""Protocols, and what the package itself makes or raises: nobody else calls their constructors."""
NEVER_RAISE = (
    "bodies", "walk", "walk_places", "beam_splitter", "blockade_measure", "exchange", "weak_measure",  # blocks
    "coin", "thermal_damping",  # texts that the program they are put into will refuse
    "paper",  # sizes
)  # fmt: skip
"""Functions that refuse nothing: what they take was checked when it was made, or is checked where it goes."""


def loaded_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after a statement."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


# --- names ---


def test_the_public_names_are_these() -> None:
    assert set(rq.__all__) == NAMES
    assert len(rq.__all__) == len(NAMES) <= 48


def test_all_packages_together_offer_few_names() -> None:
    """One that two of them offer is one."""
    doors = (*DOORS, "rydberg_qmem.analysis.closed_forms")
    offered = {(name, id(getattr(importlib.import_module(door), name))) for door in doors for name in _all(door)}

    assert len(offered) <= 200


def test_dir_shows_the_public_names() -> None:
    assert set(dir(rq)) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_there_and_explains_itself(name: str) -> None:
    value = getattr(rq, name)

    assert name == "__version__" or (inspect.getdoc(value) or "").strip()
    assert getattr(rq, name) is value


def test_the_help_of_the_package_names_its_verbs_and_packages() -> None:
    text = rq.__doc__ or ""
    verbs = {name for name in NAMES if inspect.isfunction(getattr(rq, name))} - {"schema"}

    assert all(f"    {verb}(" in text or f"; {verb}(" in text for verb in verbs)
    assert all(
        f"`{package}`" in text
        for package in ("analysis", "plots", "programs", "gallery", "learning", "blocks", "waveforms", "emulators")
    )


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rydberg_qmem' has no attribute 'Mesure'"):
        rq.Mesure  # noqa: B018  # the access is the test


def test_a_star_import_gives_them_all() -> None:
    namespace: dict[str, object] = {}
    exec("from rydberg_qmem import *", namespace)

    assert set(namespace) - {"__builtins__"} == NAMES


def test_the_type_checker_sees_the_same_names_as_the_interpreter() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert NAMES - {"__version__"} <= imported


def test_public_errors_have_one_root() -> None:
    assert all(issubclass(getattr(rq, name), rq.QmemError) for name in NAMES if name.endswith("Error"))
    assert (rq.InputError.exit_code, rq.RunError.exit_code) == (2, 1)


# --- imports that can be seen ---


def test_only_doors_import_by_name() -> None:
    """What a module needs is read in its import statements; a package alone may import what it offers when asked."""
    hidden = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" and {"import_module", "__import__"} & names_in(ast.parse(path.read_text("utf-8")))
    ]

    assert not hidden


def names_in(tree: ast.AST) -> set[str]:
    """Return the functions that a file imports or calls."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=names):
                found |= {alias.name for alias in names}
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                found.add(name)
            case _:
                pass
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports within functions count, and what a package offers when asked."""
    sources = {module_of(path): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}

    assert circle_of(imports_of(sources)) == []


@pytest.mark.parametrize("door", [
    "def main():\n    from p.commands import app\n    app()\n",
    "if TYPE_CHECKING:\n    from p.commands import app\n",
    "import p.commands\n",
])  # fmt: skip
def test_a_circle_is_seen_wherever_its_imports_stand(door: str) -> None:
    sources = {"p": door, "p.commands": "from p import show\n", "p.show": "from p import exit_code_of\n"}

    assert set(circle_of(imports_of(sources))) == {"p", "p.commands", "p.show"}
    assert not circle_of(imports_of({**sources, "p.show": "from p.ending import exit_code_of\n", "p.ending": ""}))


def module_of(path: Path) -> str:
    """Return the name of a module of the package."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports_of(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return, by module, the others that it imports, wherever that stands; what only types need counts in packages."""
    packages = {name.rpartition(".")[0] for name in sources}
    return {
        name: {one for one in _imported(ast.parse(source), sources, name in packages) if one in sources}
        for name, source in sources.items()
    }


def _imported(tree: ast.AST, sources: dict[str, str], package: bool) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not package:
                pass
            case ast.ImportFrom(module=str(module), names=names):
                whole = {alias.name: f"{module}.{alias.name}" for alias in names}
                yield from (one if one in sources else module for one in whole.values())
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case _:
                yield from _imported(node, sources, package)


def circle_of(imports: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle, if any do."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


# --- one word for one thing ---


def test_no_two_classes_have_one_name() -> None:
    named: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                named.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))

    assert not {name: places for name, places in named.items() if len(places) > 1}


# --- lightness ---


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import rydberg_qmem").isdisjoint({*HEAVY, "numpy", "pydantic", "ruamel"})


def test_writing_a_program_loads_no_emulator() -> None:
    program = "rydberg_qmem.Program(name='p', register={'atoms': {'a': (0, 0)}}, body=[])"

    assert loaded_after(f"import rydberg_qmem; {program}.to_json()").isdisjoint(HEAVY)


def test_loading_a_ready_sequence_loads_no_emulator() -> None:
    assert loaded_after("import rydberg_qmem; rydberg_qmem.load('rabi')").isdisjoint({"pulser", "matplotlib", "xarray"})


def test_analysis_loads_neither_pulser_nor_plots() -> None:
    analysed = loaded_after("import rydberg_qmem as rq; rq.analysis.hysteresis")

    assert analysed.isdisjoint({"pulser", "matplotlib"})


# --- docstrings ---


def modules() -> list[str]:
    """Return every module of the package."""
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def public_members(module: ModuleType) -> list[tuple[str, object]]:
    """Return the classes and functions that a module defines and does not hide."""
    return [
        (name, value)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


@pytest.mark.parametrize("name", modules())
def test_everything_public_in_a_module_has_a_sentence_of_its_own(name: str) -> None:
    module = importlib.import_module(name)

    assert (module.__doc__ or "").strip()
    silent = [member for member, value in public_members(module) if not (vars(value).get("__doc__") or value.__doc__)]
    assert not silent


@pytest.mark.parametrize("name", ["Program", "Register", "Pulse", "Expression", "Replay", "check", "load", "run"])
def test_the_main_words_show_an_example_that_runs(name: str) -> None:
    value = getattr(rq, name)
    module = sys.modules[value.__module__]

    found = doctest.DocTestFinder().find(value, module=module, globs=vars(module))
    assert sum(len(test.examples) for test in found) > 0


def of_doors() -> dict[str, Any]:
    """Return the functions and classes that packages offer, by module and name, each once."""
    offered = [getattr(importlib.import_module(door), name) for door in DOORS for name in _all(door)]
    return {f"{one.__module__}.{one.__name__}": one for one in offered if inspect.isclass(one) or callable(one)}


def _all(door: str) -> list[str]:
    return list(importlib.import_module(door).__all__)


def of_modules() -> dict[str, Any]:
    """Return the functions and classes of the modules that packages offer whole, by module and name."""
    forms = (f"closed_forms.{module}" for module in ("_entangled", "_flux_controlled", "_photonic", "_superconducting"))
    names = [f"rydberg_qmem.analysis.{name}" for name in (*forms, "entanglement", "geometry", "mitigation")]
    loaded = [importlib.import_module(name) for name in (*names, "rydberg_qmem.learning.datasets")]
    return {f"{module.__name__}.{name}": value for module in loaded for name, value in public_members(module)}


OFFERED = of_doors()
FUNCTIONS = sorted(name for name, value in OFFERED.items() if inspect.isfunction(value))
SAID = {**OFFERED, **of_modules()}


def told(value: object) -> list[str]:
    """Return the names that a docstring's section of parameters, or of attributes, says, in order."""
    section = re.search(r"^(?:Args|Attributes):\n((?: {4}.*\n?)+)", inspect.getdoc(value) or "", re.MULTILINE)
    return re.findall(r"^ {4}(\w+): \S", section[1], re.MULTILINE) if section else []


def test_the_names_that_a_docstring_says_are_read() -> None:
    def wrong(shots: int, seed: int) -> None:
        """Run.

        Args:
            shots: How many.
            sede: Starts the random numbers,
                shots: no name, as it goes on.

        rounds: no name either, it stands outside.
        """

    assert told(wrong) == ["shots", "sede"]


@pytest.mark.parametrize("name", sorted(name for name in SAID if name.rpartition(".")[2] not in NOT_CALLED))
def test_every_parameter_is_said_by_its_name(name: str) -> None:
    value = SAID[name]

    assert told(value) == list(inspect.signature(value).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_shows_an_example_and_says_what_it_raises(name: str) -> None:
    value = OFFERED[name]
    module = sys.modules[value.__module__]

    found = doctest.DocTestFinder().find(value, module=module, globs=vars(module))
    assert sum(len(test.examples) for test in found) > 0
    silent = value.__name__ in NEVER_RAISE or not inspect.signature(value).parameters
    assert silent != ("Raises " in (value.__doc__ or ""))
