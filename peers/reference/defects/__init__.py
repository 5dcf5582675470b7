"""Known-bad relatives of the reference device, one decision wrong in each (DESIGN.md)."""

from peers.reference.defects.registry import Defect, all_defects, defect

__all__ = ["Defect", "all_defects", "defect"]
