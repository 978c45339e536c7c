"""Sphinx reads this: the site from Markdown, executed notebooks as they are stored, and docstrings."""

from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
ROOMS = (
    "language",
    "language.protocols",
    "cells",
    "compile",
    "emulators",
    "execute",
    "analysis",
    "learning",
    "plots",
    "report",
    "gallery",
)

EXCLUDED = (
    "model_config, kind, payload, set"  # pydantic's own, and what Matplotlib writes
    ", Name, AtomName, AtomPair, Atoms, KeyName"  # patterns that reStructuredText would read as links
    ", set_fit_request, set_predict_request, set_score_request"  # scikit-learn's, with links into its own pages
)
"""Names of a class or module that are no part of the reference."""

project = "rydberg_qmem"
author = "The rydberg_qmem contributors"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"  # notebooks are stored with their outputs; the gate runs their sources
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
html_theme = "furo"
html_title = "rydberg_qmem"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": False, "exclude-members": EXCLUDED}
suppress_warnings = ["ref.python", "myst.xref_ambiguous"]  # a class re-exported by its room has two homes


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
    """Write one page for each room, every module of it with what its docstrings say."""
    folder = HERE / "reference"
    folder.mkdir(exist_ok=True)
    for room in ROOMS:
        base = ROOT / "rydberg_qmem" / room.replace(".", "/")
        modules = [path.stem for path in sorted(base.glob("*.py")) if path.stem != "__init__"]
        parts = [f"# {room}", _module(f"rydberg_qmem.{room}", members=False)]
        parts += [f"## {module}\n\n{_module(f'rydberg_qmem.{room}.{module}')}" for module in modules]
        (folder / f"{room}.md").write_text("\n\n".join(parts) + "\n")
    tree = "\n".join(ROOMS)
    (folder / "index.md").write_text(
        "# Reference\n\nFrom the docstrings; every example on these pages runs with the tests. The pages follow"
        " the rooms of the package, from the language up. `rq.__all__` lists what `import rydberg_qmem as rq` has.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{tree}\n```\n"
    )


def _module(name: str, *, members: bool = True) -> str:
    option = "" if members else "   :no-members:\n"
    return f"```{{eval-rst}}\n.. automodule:: {name}\n{option}```"


def escape(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the bars of |g⟩ and |x| from being read as markup; examples stay as they are."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else line.replace("|", r"\|") for line in lines]


def setup(app: object) -> None:
    """Let Sphinx call us."""
    app.connect("autodoc-process-docstring", escape)  # type: ignore[attr-defined]


copy_tutorials()
write_reference()
