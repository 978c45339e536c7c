"""The command line and runs in odd surroundings: no output, a full one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RQM = f"{sys.executable} -m rydberg_qmem"


@pytest.mark.parametrize(("where", "code"), [(">&-", 0), ("> /dev/full", 1)])
def test_output_that_cannot_be_written_is_no_internal_error(where: str, code: int) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    done = subprocess.run(f"{RQM} list {where}", shell=True, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert "Error" not in done.stderr
    assert "internal" not in done.stderr
