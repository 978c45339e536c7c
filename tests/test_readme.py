"""The README and the pages beside it say what the program says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq
from benchmarks import limits

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINE = re.compile(
    r"^  [ *] (?P<name>\w+) +\((?P<dims>[^)]*)\) (?P<dtype>\S+) (?P<size>\S+) (?P<values>.*)$", re.MULTILINE
)
VARIABLES = {"clicks", "R", "R_final", "n_in", "time_us", "shot", "round", "clicks_atom"}


def fenced(text: str, language: str, containing: str = "") -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    [found] = [block for block in blocks if containing in block]
    return found


def checked(printed: str, record: xr.Dataset) -> None:
    """Compare names, dims, types, sizes and the first values printed with a record, however it is laid out."""
    lines = {found["name"]: found for found in LINE.finditer(printed)}

    assert set(lines) == set(map(str, record.variables))
    sizes = re.search(r"Dimensions: +\((.*)\)", printed)
    assert sizes is not None
    assert dict(pair.split(": ") for pair in sizes[1].split(", ")) == {str(d): str(n) for d, n in record.sizes.items()}
    for name, found in lines.items():
        array = record[name]
        assert tuple(found["dims"].split(", ")) == array.dims
        assert found["dtype"] == str(array.dtype)
        first = found["values"].partition(" ...")[0].split()
        flat = array.values.ravel()[: len(first)]
        if array.dtype.kind in "if":
            np.testing.assert_allclose(np.array(first, dtype=float), flat, rtol=1e-3)
        else:
            assert [one.strip("'") for one in first] == flat.tolist()


@pytest.fixture(scope="module")
def record() -> xr.Dataset:
    """Return what the README's main command computes."""
    return rq.run(rq.load("two_port_memristor"), shots=1000, seed=7)


@pytest.mark.slow
def test_the_dataset_that_the_readme_prints_is_the_one_of_its_example(record: xr.Dataset) -> None:
    printed = README.partition("<!-- record -->")[2].partition("```text\n")[2].partition("```")[0]

    checked(printed, record)
    with pytest.raises(AssertionError):
        checked(printed.replace("0.4444 0.3889", "0.4444 0.3879"), record)
    with pytest.raises(AssertionError):
        checked(printed.replace("(shot, round) float64", "(round, shot) float64"), record)


def test_the_program_in_the_readme_is_the_ready_sequence() -> None:
    shown = rq.Program.from_yaml(fenced(README, "yaml"))

    assert shown == rq.load("two_port_memristor").model_copy(update={"about": "", "tags": ()})
    assert len(fenced(README, "yaml").splitlines()) <= 22


def test_the_law_in_the_readme_is_the_closed_form() -> None:
    [told] = re.findall(r"the law for period 24, window 9: (0\.\d+)", README)

    assert float(told) == pytest.approx(float(rq.analysis.closed_forms.discrete_loop_area(24, 9)), abs=5e-7)


def test_the_tables_of_limits_are_the_engines() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    [base] = re.findall(r"(0\.\d+) GB of libraries", page)
    rows = [line for line in README.splitlines() if re.match(r"\| \d+ \| [23] \|", line)]

    assert page == limits.page(float(base))
    assert len(rows) >= 6
    assert set(rows) <= set(limits.table().splitlines())


def test_the_readme_links_lead_to_files() -> None:
    for name in ("README.md", "tutorials/README.md", "benchmarks/README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert link.startswith("https://") or (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_every_command_on_a_page_is_one_of_rqm() -> None:
    from typer.main import get_command

    from rydberg_qmem.cli import app

    known = get_command(app)
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tutorials/*.py")]:
        for line in re.findall(r"(?:^|`|\n)rqm ([a-z][^`\n]*)", path.read_text(encoding="utf-8")):
            name, *words = line.partition("#")[0].split()
            command = known.commands.get(name)  # type: ignore[attr-defined]  # a group of commands has them
            assert command is not None, f"{path.name}: rqm {line}"
            options = {option for made in command.params for option in made.opts} | {"--debug"}
            wrong = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
            assert not wrong, f"{path.name}: rqm {line}"


# --- notebooks ---


def test_nothing_opens_a_window() -> None:
    source = {path: path.read_text(encoding="utf-8") for path in (ROOT / "rydberg_qmem").rglob("*.py")}

    assert not [path.name for path, text in source.items() if re.search(r"(?:plt|pyplot|figure)\.show\(", text)]


@pytest.mark.slow
def test_our_own_code_warns_of_nothing_from_import_to_picture(tmp_path: Path) -> None:
    code = (
        "import rydberg_qmem as rq\n"
        "record = rq.run('two_port_memristor', shots=20, seed=1, rounds=48, emulator='ideal', store='r.zarr')\n"
        "rq.plots.hysteresis(record, drive='n_in', response='clicks.s').figure.savefig('r.png')\n"
        "rq.plots.pulses(rq.load('rabi')); rq.load('rabi')._repr_html_(); rq.open_record('r.zarr')\n"
    )
    options = ["-W", "error", "-c", code]
    done = subprocess.run([sys.executable, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
