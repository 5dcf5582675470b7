"""Packages whose modules add to a register as they are imported: one more file is one more entry."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules


@cache
def import_all(package: str) -> None:
    """Import every module of a package, once: whoever looks a name up does not search folders each time."""
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
