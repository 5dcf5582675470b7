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
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from peers.reference.engine import ReferenceEngine
from tests.mutation.mutants import Function, Mutant, functions

INSIDE = "_ikespec_inside_the_device"
setattr(builtins, INSIDE, False)

HOUSE = Path(__file__).resolve().parents[2]
FOLDERS = ("conformance/ike", "conformance/wire/payloads", "conformance/ipsec")


@dataclass(frozen=True, slots=True)
class Made:
    """A function of the house and the code that it gets with a mutant."""

    function: FunctionType
    code: CodeType


@contextmanager
def watched(trace: Callable[..., Any] | None = None) -> Iterator[None]:
    """Know when the device runs; meanwhile ``trace`` is the tracer of the interpreter, if there is one."""
    before = {name: value for name, value in vars(ReferenceEngine).items() if isinstance(value, FunctionType)}
    before.pop("__init__")
    for name, function in before.items():
        if not name.startswith("_"):
            setattr(ReferenceEngine, name, _entering(function, trace))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(ReferenceEngine, name, function)


def _entering(function: Callable[..., Any], trace: Callable[..., Any] | None) -> Callable[..., Any]:
    @wraps(function)
    def enter(*given: Any, **named: Any) -> Any:
        if getattr(builtins, INSIDE):
            return function(*given, **named)
        _forget()
        setattr(builtins, INSIDE, True)
        before = sys.gettrace()
        if trace is not None:
            sys.settrace(trace)
        try:
            return function(*given, **named)
        finally:
            if trace is not None:
                sys.settrace(before)
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


def make(mutant: Mutant) -> Made:
    """Compile a mutant. Raises LookupError where the function is not to be found or made anew."""
    function, code = _live(mutant), _code(mutant)
    if code.co_freevars != function.__code__.co_freevars:
        raise LookupError(f"{mutant}: other variables from outside")
    return Made(function, code)


def module_of(path: Path) -> ModuleType:
    """The module that is made of a file."""
    return importlib.import_module(".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__"))


def _live(mutant: Mutant) -> FunctionType:
    found: Any = module_of(mutant.path)
    for name in mutant.function.split("."):
        found = vars(found).get(name) if isinstance(found, type) else getattr(found, name, None)
    for attribute in ("__func__", "fget", "func", "__wrapped__"):
        found = getattr(found, attribute, None) or found
    if not isinstance(found, FunctionType):
        raise LookupError(f"{mutant}: there is no such function")
    return found


def _code(mutant: Mutant) -> CodeType:
    """The code of the function with both bodies, compiled where it stands in its module."""
    tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
    function = dict(functions(tree))[mutant.function]
    both: list[ast.stmt] = [ast.If(ast.Name(INSIDE, ast.Load()), copy.deepcopy(mutant.tree.body), function.body)]
    function.body = both
    compiled = compile(ast.fix_missing_locations(tree), str(mutant.path), "exec")
    return _inner(compiled, mutant.function.split("."), function)


def _inner(code: CodeType, names: list[str], function: Function) -> CodeType:
    for name in names:
        inner = [one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name]
        if not inner:
            raise LookupError(f"{'.'.join(names)}: no code")
        code = inner[-1]
    return code
