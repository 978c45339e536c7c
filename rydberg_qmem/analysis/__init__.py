"""From a record to numbers: xarray Datasets in, xarray Datasets out, with errors; no emulator needed.

Importing it registers the accessor `record.qmem`.
"""

from rydberg_qmem.analysis import geometry, laws, mitigation
from rydberg_qmem.analysis.accessor import program_json, register, unstack
from rydberg_qmem.analysis.expectation import expectation, group
from rydberg_qmem.analysis.hysteresis import hysteresis, loop

__all__ = [
    "expectation",
    "geometry",
    "group",
    "hysteresis",
    "laws",
    "loop",
    "mitigation",
    "program_json",
    "register",
    "unstack",
]

register()
