"""A record as one self-contained page: what ran, what it looks like, what came out, how to run it again."""

from __future__ import annotations

from rydberg_qmem.report._page import first_loop as first_loop
from rydberg_qmem.report._page import page, write

__all__ = ["page", "write"]
