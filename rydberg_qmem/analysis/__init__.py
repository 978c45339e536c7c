"""From a record to numbers: xarray Datasets in, xarray Datasets out, with errors; no emulator needed.

Importing it registers the accessor `record.qmem`.
"""

from rydberg_qmem.analysis import geometry, laws, mitigation
from rydberg_qmem.analysis.accessor import program_json, register, unstack
from rydberg_qmem.analysis.hysteresis import hysteresis, loop

__all__ = ["geometry", "hysteresis", "laws", "loop", "mitigation", "program_json", "register", "unstack"]

register()
