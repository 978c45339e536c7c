"""Write the small record that each released version leaves here, to be opened for ever: run once per release.

Usage: python tests/data/make_record.py        from the root of the repository
"""

from __future__ import annotations

from pathlib import Path

import rydberg_qmem as rq

PLACE = Path(__file__).parent / "records" / f"{rq.__version__}.zarr"


def main() -> None:
    rq.run(
        "two_port_memristor", parameters={"window": 3}, sweep={"period": [4, 6]}, shots=40, seed=7, emulator="ideal",
        store=PLACE,
    )  # fmt: skip


if __name__ == "__main__":
    main()
