"""The command line and runs in odd surroundings: no output, a full one, daemons, a full disk, a bare script.

What programs write goes to files: children that outlive them would keep a pipe open.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import rydberg_qmem as rq
from rydberg_qmem.cli.commands import app

RQM = f"{sys.executable} -m rydberg_qmem"
SILENT = ("draw", "export", "export-netcdf", "gallery", "import", "report", "resume")
"""Commands that write files; what they say of it is less than a line's buffer, and tried by the others."""
COMMANDS = {
    "--help": "--help",
    "--version": "--version",
    "analyse": "analyse {store} --drive n_in --response clicks.s",
    "calibrate": "calibrate cz_gate",
    "check": "check rabi",
    "estimate": "estimate rabi",
    "info": "info {store}",
    "list": "list",
    "qpu-report": "qpu-report rabi",
    "run": "run rabi --shots 20 --seed 1",
    "schema": "schema",
    "show": "show rabi",
    "verify": "verify {store}",
}
"""One call of each command that writes to standard output."""
WAYS = [(">&-", 0), ("> /dev/full", 1)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("store") / "m.zarr"
    rq.run("two_port_memristor", shots=20, seed=1, emulator="ideal", parameters={"period": 12}, store=place)
    return place


@cache
def full() -> bool:
    return Path("/dev/full").exists()


def test_every_command_that_writes_to_standard_output_is_tried() -> None:
    named = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}

    assert named == {*COMMANDS, *SILENT} - {"--help", "--version"}


@pytest.mark.parametrize(("where", "code"), WAYS)
@pytest.mark.parametrize("command", ["--help", "list"])
def test_output_that_cannot_be_written_is_no_internal_error(command: str, where: str, code: int, store: Path) -> None:
    assert_ends(command, where, code, store)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "code"), WAYS)
@pytest.mark.parametrize("command", COMMANDS)
def test_output_of_no_command_that_cannot_be_written_is_an_internal_error(
    command: str, where: str, code: int, store: Path
) -> None:
    assert_ends(command, where, code, store)


def assert_ends(command: str, where: str, code: int, store: Path) -> None:
    if not full():
        pytest.skip("no /dev/full here")
    call = f"{RQM} {COMMANDS[command].format(store=store)} {where}"
    done = subprocess.run(call, shell=True, stderr=subprocess.PIPE, text=True, check=False, cwd=store.parent)

    assert done.returncode == code, done.stderr
    assert "Error" not in done.stderr
    assert "internal" not in done.stderr


def ended(script: str, folder: Path) -> tuple[int, str]:
    """Return the exit code of a script and what it wrote to both outputs."""
    place, said = folder / "script.py", folder / "said.txt"
    place.write_text(script)
    with said.open("w") as out:
        done = subprocess.run([sys.executable, place], stdout=out, stderr=out, cwd=folder, timeout=200, check=False)
    return done.returncode, said.read_text()


SWEPT = 'rq.run("two_port_memristor", shots=250, seed=7, emulator="ideal", sweep={"window": [3, 4]}, workers=2)'
DAEMON = f"""
import multiprocessing, rydberg_qmem as rq

def work():
    try:
        {SWEPT}
    except rq.InputError as error:
        print("refused:", error)

if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
    process.start()
    process.join()
"""
BARE = f"""
import multiprocessing, rydberg_qmem as rq
multiprocessing.set_start_method("spawn")
try:
    {SWEPT}
except rq.RunError as error:
    print("refused:", error)
"""
NO_ROOM = """
import resource, rydberg_qmem as rq
most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))  # as on a disk with no byte left
try:
    rq.run("rabi", shots=20, seed=1, emulator="ideal", store="r.zarr")
except rq.InputError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    print(error)
"""
STRICT = """
import numpy as np, rydberg_qmem as rq
np.seterr(all="raise")
record = rq.run("analog_memristor", shots=3, seed=1)
assert np.geterr()["under"] == "raise", "the caller's own settings are left as they were"
"""


def test_workers_of_a_daemon_are_refused_by_name(tmp_path: Path) -> None:
    code, said = ended(DAEMON, tmp_path)

    assert code == 0
    assert said.startswith("refused: workers: must be 1 in a daemonic process")


def test_a_disk_without_a_byte_is_told_with_the_store(tmp_path: Path) -> None:
    code, said = ended(NO_ROOM, tmp_path)

    assert code == 0
    assert "r.zarr: cannot be written, its lock holds no byte" in said
    assert not list(tmp_path.glob("*r.zarr*"))


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_of_it_where_workers_import_it(tmp_path: Path) -> None:
    code, said = ended(BARE, tmp_path)

    assert code != 0 or "refused: a worker process died" in said
    assert "must do so under `if __name__ == '__main__':`" in said


@pytest.mark.slow
def test_a_caller_that_raises_at_every_odd_number_stops_no_run(tmp_path: Path) -> None:
    assert ended(STRICT, tmp_path) == (0, "")
