"""Check that a folder holds the stores and pictures which the commands on standard input name.

Usage: echo "$commands" | python check_outputs.py FOLDER
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"


def check_store(path: Path) -> str:
    """Return one line about the record in `path`, or raise if it holds no outcomes."""
    import xarray as xr

    with xr.open_zarr(path, consolidated=False) as record:
        record.load()
        if not record.data_vars or any(size == 0 for size in record.sizes.values()):
            raise SystemExit(f"{path} must hold a record with shots, but its sizes are {dict(record.sizes)}")
        return f"{path.name}: {dict(record.sizes)}, {len(record.data_vars)} variables"


def check_picture(path: Path) -> str:
    """Return one line about the picture in `path`, or raise if it is one plain colour or no PNG."""
    from matplotlib.image import imread

    if path.read_bytes()[: len(PNG)] != PNG:
        raise SystemExit(f"{path} must be a PNG picture, but does not begin like one")
    pixels = imread(path)
    if pixels[..., :3].std() == 0.0:
        raise SystemExit(f"{path} must show something, but is one plain colour")
    return f"{path.name}: {pixels.shape[1]} x {pixels.shape[0]} pixels"


def main(folder: str) -> None:
    """Check every `*.zarr` and `*.png` that the commands name; at least one of each."""
    words = sys.stdin.read()
    for suffix, check in ((".zarr", check_store), (".png", check_picture)):
        names = sorted(set(re.findall(rf"[\w./-]+{re.escape(suffix)}\b", words)))
        if not names:
            raise SystemExit(f"the commands must write a {suffix}, but name none")
        for name in names:
            if not Path(folder, name).exists():
                raise SystemExit(f"the commands must leave {name} behind, but it is not there")
            print(check(Path(folder, name)))


if __name__ == "__main__":
    main(sys.argv[1])
