"""What the RFCs demand, in our own words, and the catalogue that test purposes cite it from."""

from suites.requirements.catalogue import (
    Binds,
    Catalogue,
    CatalogueError,
    Level,
    Requirement,
    RequirementError,
    Words,
    load,
)

__all__ = ["Binds", "Catalogue", "CatalogueError", "Level", "Requirement", "RequirementError", "Words", "load"]
