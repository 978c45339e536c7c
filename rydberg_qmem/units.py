"""Physical constants and unit conversions; Pulser's units everywhere (rad/µs, µm, ns)."""

from __future__ import annotations

from math import pi

NS_PER_US = 1000.0
"""Nanoseconds in a microsecond."""

MHZ = 2.0 * pi
"""One megahertz as an angular frequency in rad/µs: `2 * MHZ` is 2π·2 rad/µs."""
