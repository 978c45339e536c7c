"""Physical constants and unit conversions; Pulser's units everywhere (rad/µs, µm, ns)."""

from __future__ import annotations

from math import pi

NS_PER_US = 1000.0
"""Nanoseconds in a microsecond."""

MHZ = 2.0 * pi
"""One megahertz as an angular frequency in rad/µs: `2 * MHZ` is 2π·2 rad/µs."""


def with_error(value: float, error: float) -> str:
    """Return value ± error, digits as the error allows.

    >>> with_error(0.29512, 0.0031)
    '0.2951 ± 0.0031'
    >>> with_error(0.294922, 0.0)
    '0.294922'
    >>> with_error(0.294922, float("nan"))  # an error that the data do not tell
    '0.294922 ± ?'
    """
    if error != error:
        return f"{value:.6g} ± ?"
    if not 0 < error < float("inf"):
        return f"{value:.6g}"
    from math import floor, log10

    digits = max(0, 1 - floor(log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def spoken_bytes(size: float) -> str:
    """Return a number of bytes in the largest unit that it fills, three digits.

    >>> spoken_bytes(2_400_000), spoken_bytes(0)
    ('2.4 MB', '0 B')
    """
    for unit, bytes_ in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size:.0f} B"
