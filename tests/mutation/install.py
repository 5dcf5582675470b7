"""Puts mutants in the place of functions, for as long as the code of the device runs.

A function gets a code of two bodies, the mutant's and its own; which one runs says a name among the builtins that is
true between the moment when the engine of the device is called and that when it returns. What the mutated modules
remember of earlier calls (``lru_cache``) is forgotten at both moments.
"""

import ast
import builtins
import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from peers.reference.engine import ReferenceEngine
from tests.mutation.mutants import Mutant, functions

INSIDE, SEEN = "_ikespec_inside_the_device", "_ikespec_seen"
setattr(builtins, INSIDE, False)

HOUSE = Path(__file__).resolve().parents[2]
FOLDERS = ("conformance/ike", "conformance/wire/payloads", "conformance/ipsec")


@dataclass(frozen=True, slots=True)
class Made:
    """A function of the house and the code that it gets with a mutant."""

    function: FunctionType
    code: CodeType


@contextmanager
def watched() -> Iterator[None]:
    """Know when the device runs."""
    before = {name: value for name, value in vars(ReferenceEngine).items() if isinstance(value, FunctionType)}
    before.pop("__init__")
    for name, function in before.items():
        if not name.startswith("_"):
            setattr(ReferenceEngine, name, _entering(function))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(ReferenceEngine, name, function)


def _entering(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def enter(*given: Any, **named: Any) -> Any:
        if getattr(builtins, INSIDE):
            return function(*given, **named)
        _forget()
        setattr(builtins, INSIDE, True)
        try:
            return function(*given, **named)
        finally:
            setattr(builtins, INSIDE, False)
            _forget()

    return enter


def _forget() -> None:
    for clear in _memories():
        clear()


@lru_cache(maxsize=1)
def _memories() -> tuple[Callable[[], None], ...]:
    """How all caches of the modules are cleared that mutants are made of."""
    names = [".".join(path.relative_to(HOUSE).with_suffix("").parts) for path in files()]
    modules = [sys.modules[name] for name in names if name in sys.modules]
    return tuple(one.cache_clear for module in modules for one in vars(module).values() if hasattr(one, "cache_clear"))


def files() -> list[Path]:
    """The modules that mutants are made of."""
    return sorted(path for folder in FOLDERS for path in (HOUSE / folder).rglob("*.py"))


@contextmanager
def installed(*made: Made) -> Iterator[None]:
    """With these mutants in place, no two of one function."""
    before = [(one.function, one.function.__code__) for one in made]
    for one in made:
        one.function.__code__ = one.code
    try:
        yield
    finally:
        for function, code in before:
            function.__code__ = code


@contextmanager
def marked() -> Iterator[tuple[set[int], list[tuple[str, int]]]]:
    """With marks in front of all statements: gives the numbers of those that the device comes by, and their places."""
    seen, places = set[int](), list[tuple[str, int]]()
    made = [one for path in files() for one in _with_marks(path, places)]
    setattr(builtins, SEEN, seen.add)
    with installed(*made):
        yield seen, places
    delattr(builtins, SEEN)


def _with_marks(path: Path, places: list[tuple[str, int]]) -> Iterator[Made]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = list(functions(tree))
    for _, function in found:
        twin = copy.deepcopy(function)
        for holder in ast.walk(twin):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(holder, field, None)
                if isinstance(block, list):
                    setattr(holder, field, [each for one in block for each in (_mark(path, one, places), one)])
        function.body = [ast.If(ast.Name(INSIDE, ast.Load()), twin.body, function.body)]
    compiled = compile(ast.fix_missing_locations(tree), str(path), "exec")
    for name, _ in found:
        with suppress(LookupError):
            yield _made(_live(path, name), _inner(compiled, name))


def _mark(path: Path, statement: ast.stmt, places: list[tuple[str, int]]) -> ast.stmt:
    places.append((str(path), statement.lineno))
    return ast.Expr(ast.Call(ast.Name(SEEN, ast.Load()), [ast.Constant(len(places) - 1)], []))


def make(mutant: Mutant) -> Made:
    """Compile a mutant. Raises LookupError where the function is not to be found or made anew."""
    return _made(_live(mutant.path, mutant.function), _code(mutant))


def _made(function: FunctionType, code: CodeType) -> Made:
    if code.co_freevars != function.__code__.co_freevars:
        raise LookupError(f"{function.__qualname__}: other variables from outside")
    return Made(function, code)


def module_of(path: Path) -> ModuleType:
    """The module that is made of a file."""
    return importlib.import_module(".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__"))


def _live(path: Path, name: str) -> FunctionType:
    found: Any = module_of(path)
    for part in name.split("."):
        found = vars(found).get(part) if isinstance(found, type) else getattr(found, part, None)
    for attribute in ("__func__", "fget", "func", "__wrapped__"):
        found = getattr(found, attribute, None) or found
    if not isinstance(found, FunctionType):
        raise LookupError(f"{path.name}: there is no function {name}")
    return found


def _code(mutant: Mutant) -> CodeType:
    """The code of the function with both bodies, compiled where it stands in its module."""
    tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
    function = dict(functions(tree))[mutant.function]
    both: list[ast.stmt] = [ast.If(ast.Name(INSIDE, ast.Load()), copy.deepcopy(mutant.tree.body), function.body)]
    function.body = both
    return _inner(compile(ast.fix_missing_locations(tree), str(mutant.path), "exec"), mutant.function)


def _inner(code: CodeType, name: str) -> CodeType:
    for part in name.split("."):
        inner = [one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == part]
        if not inner:
            raise LookupError(f"{name}: no code")
        code = inner[-1]
    return code
