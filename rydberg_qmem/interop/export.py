"""A program's segments in a folder: Pulser's abstract JSON of each, and an index that says where each came from."""

from __future__ import annotations

import json
from pathlib import Path

from rydberg_qmem import arguments
from rydberg_qmem.errors import StoreError
from rydberg_qmem.interop.to_pulser import Exported
from rydberg_qmem.language.program import Program

INDEX = "index.json"


@arguments.taking(
    made=arguments.values(arguments.made(Exported), "segments"), program=arguments.made(Program), folder=arguments.path
)
def write(made: tuple[Exported, ...], program: Program, folder: str | Path) -> list[Path]:
    """Write one file for each segment, and an index that says where each came from; return the paths."""
    place = Path(folder)
    index = {
        "program": program.name,
        "program_sha256": program.fingerprint(),
        "device": program.device_name,
        "segments": [
            {
                "file": one.file,
                "place": one.place,
                "duration_ns": int(one.sequence.get_duration()),
                "measured": one.measured,
                "phase_references": {"before": one.before, "after": one.after},
                "values": {name: {"value": value, "from": origin} for name, (value, origin) in one.values.items()},
                "expressions": dict(one.expressions),
            }
            for one in made
        ],
    }
    texts = {one.file: one.to_json() for one in made} | {INDEX: json.dumps(index, indent=2, allow_nan=False)}
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise StoreError(f"{place}: is there already; choose another folder")
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (place / name).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{place}: cannot be written ({error})") from None
    return [place / name for name in texts]
