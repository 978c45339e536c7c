"""The page of a record: it holds all that it shows, fetches nothing, and says how to run it again."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.cli import app
from rydberg_qmem.programs import reward_learning
from rydberg_qmem.report import page, write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "img", "br", "link"}


class Seen(HTMLParser):
    """Collects headings, pictures and what a page would fetch; every tag must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.pictures: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not (value or "").startswith("data:"):
                self.fetched.append(value or "")
            if tag == "img" and name == "src":
                self.pictures.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


@pytest.fixture(scope="module")
def loops() -> Any:
    values = {"period": 8, "window": 3}
    return rq.run("two_port_memristor", parameters=values, shots=60, seed=7, emulator="ideal")


def test_a_loop_stands_on_the_page_with_its_area_and_error(loops: Any) -> None:
    seen = Seen(page(loops, drive="n_in", response="clicks.s"))
    figures = rq.analysis.hysteresis(loops, drive="n_in", response="clicks.s")
    shown = re.search(r"clicks\.s against n_in\n+(?:\n)*(0\.\d+) ± (0\.\d+)", seen.text)

    assert seen.fetched == []
    assert all(picture.startswith("data:image/png;base64,iVBOR") for picture in seen.pictures)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(float(figures.area), abs=1e-3)
    assert float(shown[2]) == pytest.approx(float(figures.area_error), rel=0.06)
    assert plt.get_fignums() == []


def test_points_of_different_length_have_a_loop_each() -> None:
    record = rq.run("two_port_memristor", sweep={"period": [6, 8]}, shots=40, seed=7, emulator="ideal")
    seen = Seen(page(record))

    assert "Round by round, period = 6" in seen.text
    for period in (6, 8):
        shown = re.search(rf"clicks\.s against n_in\n+period = {period}\n+(0\.\d+) ± 0\.\d+", seen.text)
        alone = record.isel(point=[period // 2 - 3], round=slice(2 * period))
        figures = rq.analysis.hysteresis(alone, drive="n_in", response="clicks.s")
        assert shown is not None
        assert float(shown[1]) == pytest.approx(float(figures.area[0]), abs=2e-3)


def test_why_there_is_no_loop_is_said(loops: Any) -> None:
    drive = loops.n_in.values.copy()
    drive[5] = np.nan

    text = Seen(page(loops.assign(n_in=("round", drive)))).text
    assert "No loop of clicks.s against n_in: drive 'n_in' must have a valid value each round" in text


def test_a_page_without_a_loop_has_a_table_of_outcomes() -> None:
    record = rq.run("rabi", shots=400, seed=1, emulator="ideal")
    seen = Seen(page(record))
    mean, error = float(record.m.mean()), float(record.m.std(ddof=1)) / 20

    assert "Loops" not in seen.text
    assert "Outcomes" in seen.text
    shown = re.search(r"(0\.\d+) ± (0\.\d+)", seen.text)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(mean, abs=1e-3)
    assert float(shown[2]) == pytest.approx(error, rel=0.05)


def test_what_was_learnt_has_a_curve() -> None:
    record = rq.run(reward_learning("great_circle", rounds=4), shots=20, seed=1, emulator="ideal")

    assert "Learning curve" in Seen(page(record)).text
    assert "Learning curve" not in Seen(page(rq.run("rabi", shots=5, seed=1, emulator="ideal"))).text


def test_its_command_makes_the_record_again(tmp_path: Path) -> None:
    run = "run two_port_memristor --shots 30 --seed 7 --set period=6 --sweep window=2,3 --rounds 8 --emulator ideal"
    for name, line in (("first", run), ("second", "")):
        words = line or re.findall(r"<pre>rqm (.*)</pre>", (tmp_path / "first.html").read_text())[0]
        made = CliRunner().invoke(app, [*words.split(), "-o", str(tmp_path / f"{name}.zarr")])
        assert made.exit_code == 0, made.output
        told = CliRunner().invoke(app, ["report", str(tmp_path / f"{name}.zarr"), "-o", str(tmp_path / f"{name}.html")])
        assert told.exit_code == 0, told.output
    first, second = (rq.open_record(tmp_path / f"{name}.zarr").load() for name in ("first", "second"))

    assert first.equals(second)
    assert first.attrs["program_sha256"] == second.attrs["program_sha256"]


def test_a_program_of_ones_own_is_kept_in_the_page() -> None:
    program = rq.load("rabi").model_copy(update={"name": "mine", "about": "<script>alert(1)</script>"})
    text = page(rq.run(program, shots=5, seed=1, emulator="ideal"))

    assert "rqm run mine.json --shots 5 --seed 1 --emulator ideal" in text
    assert 'download="mine.json" href="data:application/json;base64,' in text
    assert "<script" not in text


def test_what_is_no_record_of_a_run_is_refused() -> None:
    import xarray as xr

    with pytest.raises(rq.InputError, match="report: the record must hold its program"):
        page(xr.Dataset({"m": ("shot", np.zeros(3))}))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page was parsed, but not looked at")
def test_a_browser_shows_every_picture_and_fetches_nothing(loops: Any, tmp_path: Path) -> None:
    path = write(loops, tmp_path / "report.html", drive="n_in", response="clicks.s")
    probe = (
        "<script>onload=()=>{document.title='seen '+[...document.images]"
        ".filter(i=>i.naturalWidth>300).length+' of '+document.images.length"
        "+' fetched '+performance.getEntriesByType('resource').filter(e=>!e.name.startsWith('data:')).length"
        "+' overflow '+(document.documentElement.scrollWidth>innerWidth)}</script></body>"
    )
    path.write_text(path.read_text().replace("</body>", probe))
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={tmp_path}/profile", "--window-size=1000,800", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    assert "<title>seen 3 of 3 fetched 0 overflow false</title>" in done.stdout
