"""The floors of the house: what may import what, and which exchanges may know each other."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from itertools import permutations
from pathlib import Path
from pkgutil import walk_packages

import pytest

from conformance.ike.core.rfc7296 import Rfc7296
from conformance.ike.core.spine import Spine
from conformance.ike.ikesa import IkeSa
from suites.conduct import all_purposes
from suites.purpose import purpose_of

ROOT = Path(__file__).parents[1]
FLOORS = ("conformance", "peers", "suites", "reports", "ikespec")

EXTENSIONS = [base for base in IkeSa.__bases__ if base is not Rfc7296]
PARTS = [*EXTENSIONS, *Rfc7296.__bases__]


def modules() -> dict[str, Path]:
    """All modules of the floors by their names."""
    found = {}
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def statements(node: ast.AST, *, typing: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports below ``node``, in functions, too; those for the type checker only where asked for."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING" and not typing:
            continue
        else:
            yield from statements(child, typing=typing)


def imports(name: str, *, typing: bool = False) -> set[str]:
    """The modules of the floors that the module ``name`` imports."""
    found = set()
    for statement in statements(ast.parse(MODULES[name].read_text()), typing=typing):
        if isinstance(statement, ast.Import):
            found |= {one.name for one in statement.names}
        else:
            for one in statement.names:
                inner = f"{statement.module}.{one.name}"
                found.add(inner if inner in MODULES else str(statement.module))
    return found & MODULES.keys()


def no_circle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail("imports in a circle: " + " <- ".join(circle.args[1]))


def test_imports_only_go_down() -> None:
    floors = {name: FLOORS.index(name.split(".")[0]) for name in MODULES}
    up = [(name, found) for name in MODULES for found in imports(name, typing=True) if floors[found] > floors[name]]
    assert not up


def test_nothing_in_conformance_is_imported_in_a_circle() -> None:
    no_circle({name: imports(name) for name in MODULES if name.startswith("conformance")})


def test_nothing_in_ike_needs_a_circle_even_for_its_types() -> None:
    no_circle({name: imports(name, typing=True) for name in MODULES if name.startswith("conformance.ike")})


def test_a_circle_would_be_found() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a <- b <- a|b <- a <- b"):
        no_circle({"a": {"b"}, "b": {"a"}})


def test_the_core_knows_no_extension() -> None:
    core = [name for name in MODULES if name.startswith("conformance.ike.core")]
    assert not [name for name in core for found in imports(name, typing=True) if "extensions" in found]


def test_extensions_know_the_core_by_its_hooks_only() -> None:
    exchanges = {part.__module__ for part in Rfc7296.__bases__} | {Rfc7296.__module__}
    extensions = [name for name in MODULES if name.startswith("conformance.ike.extensions.")]
    assert {part.__module__ for part in EXTENSIONS} <= set(extensions)
    for name in extensions:
        known = imports(name, typing=True)
        assert not known & exchanges and not {one for one in known if one.startswith("conformance.ike.extensions.")}


def test_no_exchange_inherits_from_another() -> None:
    assert all(issubclass(part, Spine) for part in PARTS)
    assert not [(one, other) for one, other in permutations(PARTS, 2) if issubclass(one, other)]


def test_pytest_is_told_of_every_hook_of_the_suites() -> None:
    written = {
        (path.stem, one.name)
        for path in (ROOT / "suites").glob("*.py")
        for one in ast.parse(path.read_text()).body
        if isinstance(one, ast.FunctionDef) and one.name.startswith("pytest_") and path.stem != "conftest"
    }
    told = ast.parse((ROOT / "suites/conftest.py").read_text())
    assert written == {
        ((one.module or "").removeprefix("suites."), alias.name)
        for one in told.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
        if alias.name.startswith("pytest_")
    }


def test_no_purpose_gets_lost() -> None:
    """What a factory makes belongs to the factory's module, and is a purpose only in a module of tests."""
    root = ROOT / "suites"
    modules = [import_module(one.name) for one in walk_packages([str(root)], "suites.") if ".test_" in one.name]
    made = {found.id for module in modules for one in vars(module).values() if (found := purpose_of(one))}
    assert made == set(all_purposes())
