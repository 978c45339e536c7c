"""Blocks: every step that a program can take, one family a file; `walk` goes through a tree of them.

The classes of a family are what its module names in `__all__`: a new one is written there alone.
"""

from rydberg_qmem.language.blocks import cells, classical, control, gates, measurement, pulses
from rydberg_qmem.language.blocks.cells import *
from rydberg_qmem.language.blocks.cells import Cell, cell_rule
from rydberg_qmem.language.blocks.classical import *
from rydberg_qmem.language.blocks.classical import Classical, classical_rule
from rydberg_qmem.language.blocks.control import *
from rydberg_qmem.language.blocks.control import KINDS, AnyBlock, Block, Leaf, Timed
from rydberg_qmem.language.blocks.gates import *
from rydberg_qmem.language.blocks.gates import CPhaseMethod, CZMethod, Gate, PulseShape, gate_rule
from rydberg_qmem.language.blocks.measurement import *
from rydberg_qmem.language.blocks.pulses import *
from rydberg_qmem.language.blocks.pulses import EOM, Basis, Protocol, PulseLevel
from rydberg_qmem.language.blocks.walking import Change, bodies, key_of, map_tree, walk, walk_places

__all__ = [
    "AnyBlock", "Basis", "Block", "CPhaseMethod", "CZMethod", "Cell", "Change", "Classical", "EOM", "Gate", "KINDS",
    "Leaf", "Protocol", "PulseLevel", "PulseShape", "Timed", "bodies", "cell_rule", "classical_rule",
    "gate_rule", "key_of", "map_tree", "walk", "walk_places",
]  # fmt: skip
__all__ += cells.__all__ + classical.__all__ + control.__all__ + gates.__all__ + measurement.__all__ + pulses.__all__
