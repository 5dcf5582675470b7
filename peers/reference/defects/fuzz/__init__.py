"""Defects for campaigns to find: like those of memory and of states in real implementations (docs/fuzzing.md).

No test purpose has to see them, so they are a list of their own. ``reference:fuzz-NAME`` is a device with one.
"""

from peers.reference.defects.fuzz.registry import FuzzDefect, all_fuzz_defects, fuzz_defect

__all__ = ["FuzzDefect", "all_fuzz_defects", "fuzz_defect"]
