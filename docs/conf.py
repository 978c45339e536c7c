"""Sphinx reads this: the site from Markdown, executed notebooks as they are stored, and docstrings."""

from inspect import getdoc, ismodule
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

import rydberg_qmem as rq

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGES = {
    "errors": "what goes wrong, with place, rule and value",
    "units": "constants, and numbers with their errors as text",
    "arguments": "what arguments of functions may be, and how they are refused",
    "checked": "arguments of constructors, refused in a sentence",
    "language": "what a program is: blocks, expressions, waveforms, registers, files",
    "blocks": "every block, by name",
    "waveforms": "every waveform, by name",
    "language.blocks": "the blocks, one family a module, and their tree",
    "programs": "builders of programs: cells, networks, arrays",
    "programs.protocols": "programs with feedback, as functions",
    "compile": "from blocks to pulses",
    "verification": "whether a program may run",
    "interop": "in from Pulser, and out to it",
    "interop.openqasm": "circuits in and out",
    "gates": "gates as pulses",
    "pulses": "pulses in time",
    "devices": "channels, registers and interactions",
    "emulators": "what evolves a state through a segment",
    "engine": "what steps do to rows that share quantum states",
    "store": "records, and the folders that keep them",
    "running": "points, cohorts, estimates, limits, workers",
    "analysis": "from records to numbers",
    "analysis.closed_forms": "closed forms of the memristors of the literature",
    "learning": "reservoirs, readouts, controls, training",
    "plots": "pictures of programs and records",
    "report": "a record as one page",
    "gallery": "the ready sequences, and figures of memristors",
}

EXCLUDED = (
    "model_config, kind, payload, set"  # pydantic's own, and what Matplotlib writes
    ", Name, AtomName, AtomPair, Atoms, KeyName"  # patterns that reStructuredText would read as links
    ", set_fit_request, set_predict_request, set_score_request"  # scikit-learn's, with links into its own pages
)
"""Names of a class or module that are no part of the reference."""

project = "rydberg_qmem"
author = "The rydberg_qmem contributors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
nb_execution_mode = "off"  # notebooks are stored with their outputs; the gate runs their sources
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
html_theme = "furo"
html_title = "rydberg_qmem"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_copyright = False
html_math_renderer = "mathml"  # formulas stand in the page: nothing is fetched, and they show without a network
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "exclude-members": EXCLUDED}
suppress_warnings = ["ref.python", "myst.xref_ambiguous"]  # a class re-exported by its package has two homes


def copy_tutorials() -> None:
    """Lay the notebooks beside the pages."""
    folder = HERE / "tutorials"
    folder.mkdir(exist_ok=True)
    for notebook in (ROOT / "tutorials").glob("*.ipynb"):
        stored = notebook.read_text(encoding="utf-8")
        (folder / notebook.name).write_text(stored.replace("](../docs/", "](../"), encoding="utf-8")
    names = sorted(path.stem for path in folder.glob("*.ipynb"))
    listed = "\n".join(names)
    (folder / "index.md").write_text(
        f"# Tutorials\n\nIn order; each runs in under two minutes.\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    )


def write_reference() -> None:
    """Write one page for each package, every module of it with what its docstrings say."""
    folder = HERE / "reference"
    folder.mkdir(exist_ok=True)
    for package in PACKAGES:
        base = ROOT / "rydberg_qmem" / package.replace(".", "/")
        modules = [path.stem for path in sorted(base.glob("*.py")) if not path.stem.startswith("_")]
        parts = [f"# {package}", _module(f"rydberg_qmem.{package}", own=bool(modules))]
        parts += [f"## {module}\n\n{_module(f'rydberg_qmem.{package}.{module}')}" for module in modules]
        (folder / f"{package}.md").write_text("\n\n".join(parts) + "\n")
    tree = "\n".join(PACKAGES)
    rows = "\n".join(f"| [{package}]({package}.md) | {about} |" for package, about in PACKAGES.items())
    (folder / "index.md").write_text(
        "# Reference\n\nFrom the docstrings; every example on these pages runs with the tests.\n\n"
        "## What `import rydberg_qmem as rq` has\n\n| name | what it is |\n|---|---|\n"
        f"{_door()}\n\n## Packages, from the language up\n\n| package | holds |\n|---|---|\n{rows}\n\n"
        f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{tree}\n```\n"
    )


def _door() -> str:
    """Return the public names as rows: each leads to where its docstring stands, with its first sentence."""
    rows = []
    for name in sorted(set(rq.__all__) - {"__version__"}, key=str.lower):
        value: Any = getattr(rq, name)
        if ismodule(value):
            link = f"[{name}]({value.__name__.partition('.')[2]}.md)"
        else:
            module = value.__module__.partition("._")[0]  # what is behind a package's door stands on its page
            link = f"{{py:obj}}`{name} <{module}.{value.__qualname__}>`"
        sentence = (getdoc(value) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        rows.append(f"| {link} | {sentence} |")
    return "\n".join(rows)


def _module(name: str, *, own: bool = False) -> str:
    """Return what shows a module with its members; of a package itself only `own` ones, as it names others' too."""
    option = "   :ignore-module-all:\n" if own else ""
    return f"```{{eval-rst}}\n.. automodule:: {name}\n{option}```"


def escape(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the bars of |g⟩ and |x| from being read as markup; examples stay as they are."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else line.replace("|", r"\|") for line in lines]


def inline_math(writer: Any, node: nodes.math) -> None:
    """Write a formula within a line as MathML."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display_math(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own as MathML."""
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Let Sphinx call us."""
    app.connect("autodoc-process-docstring", escape)
    app.add_html_math_renderer("mathml", inline_renderers=(inline_math, None), block_renderers=(display_math, None))


copy_tutorials()
write_reference()
