"""The page from the emulator to the QPU: its lines run as they stand, those that need an account against a stand-in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import rydberg_qmem as rq

PAGE = Path(rq.__file__).parent.parent / "docs" / "jobs.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_lines_without_an_account_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks():
        if not block.startswith("# account"):
            exec(block, names)  # the page's own lines

    told = capsys.readouterr().out.splitlines()
    assert told[0] == "runs as 1 job per cohort of shots"
    assert told[1] == "1 job"
    assert told[2].startswith("done {")


@pytest.mark.filterwarnings("ignore:.*SDK version.*:DeprecationWarning", "ignore::ResourceWarning")
def test_lines_with_an_account_run_against_the_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pasqal_cloud")
    from tests.emulators.cloud import Cloud, served
    from tests.emulators.test_pasqal_cloud import MEASURE, connected
    from tests.emulators.test_pulser_backend import one_round, pulse

    monkeypatch.chdir(tmp_path)
    with served(Cloud(queue=0)) as cloud:
        names: dict[str, Any] = {
            "rq": rq,
            "program": one_round(pulse(), MEASURE),
            "cloud": cloud,
            "connected": connected,
        }
        for block in (block for block in blocks() if block.startswith("# account")):
            made = re.sub(r"PasqalCloudConnection\(.*\)", "connected(cloud)", block)
            exec(made, names)  # the page's own lines

        assert len(cloud.batches) == 2
