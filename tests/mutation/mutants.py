"""Mutants of a module: one small change of one function, as somebody might have written it by mistake."""

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        path: the file.
        function: its name with the classes around it, ``IkeSa.on_request``.
        line: where the change is.
        lines: those of the statement around it, without what is nested in that; whoever runs one of them comes by.
        text: what is changed.
        tree: the function with the change.
    """

    path: Path
    function: str
    line: int
    lines: range
    text: str
    tree: Function

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line} {self.function}: {self.text}"


def mutants(path: Path) -> Iterator[Mutant]:
    """All mutants of a file."""
    for name, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
        lines = dict(_lines(function))
        for number, node in enumerate(ast.walk(function)):
            for text in _changes(node) if node in lines else ():
                tree = copy.deepcopy(function)
                changed = next(one for at, one in enumerate(ast.walk(tree)) if at == number)
                _apply(changed, text, tree)
                yield Mutant(path, name, getattr(node, "lineno", lines[node].start), lines[node], text, tree)


def _lines(function: Function) -> Iterator[tuple[ast.AST, range]]:
    """The nodes of the body of a function, each with the lines of its statement; defaults of arguments are outside."""
    for statement in function.body:
        yield from _within(statement, _own(statement))


def _within(node: ast.AST, lines: range) -> Iterator[tuple[ast.AST, range]]:
    yield node, lines
    for child in ast.iter_child_nodes(node):
        yield from _within(child, _own(child) if isinstance(child, ast.stmt) else lines)


def _own(node: ast.stmt) -> range:
    """The lines of a statement up to those that are nested in it."""
    nested = node.cases[0].pattern.lineno if isinstance(node, ast.Match) else _first_line(getattr(node, "body", ()))
    if nested:
        return range(node.lineno, max(node.lineno + 1, nested))
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _first_line(statements: Sequence[ast.stmt]) -> int:
    return statements[0].lineno if statements else 0


def functions(tree: ast.AST, around: str = "") -> Iterator[tuple[str, Function]]:
    """The functions of a module and the methods of its classes, by their qualified names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{around}{node.name}.")
        elif isinstance(node, Function) and not any("overload" in ast.unparse(one) for one in node.decorator_list):
            yield around + node.name, node


def _changes(node: ast.AST) -> Iterator[str]:
    """What can be done to a node, in words."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARED:
            yield f"{_SIGNS[_COMPARED[type(op)]]} instead of {_SIGNS[type(op)]} in {ast.unparse(node)}"
        case ast.BoolOp(op=op):
            yield f"{'or' if isinstance(op, ast.And) else 'and'} in {ast.unparse(node)}"
        case ast.If() | ast.IfExp() if not isinstance(node.test, ast.Compare):
            yield f"if not ({ast.unparse(node.test)})"
        case ast.Raise() if node.exc is not None:
            yield f"without {ast.unparse(node)}"
        case ast.Expr(value=ast.Call()) as call:
            yield f"without {ast.unparse(call)}"
        case ast.Return(value=ast.Constant(value=bool(value))):
            yield f"return {not value}"
        case ast.Return(value=ast.List() | ast.ListComp() as value):
            yield f"the last one cut from {ast.unparse(value)}"
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield f"{value + 1} instead of {value}"
        case ast.BinOp(op=ast.Add() | ast.Sub()) if not _is_text(node):
            yield f"the other sign in {ast.unparse(node)}"


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(one, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp) for one in sides) or any(
        isinstance(one, ast.Constant) and isinstance(one.value, str | bytes) for one in sides
    )


def _apply(node: ast.AST, text: str, function: Function) -> None:
    match node:
        case ast.Compare():
            node.ops = [_COMPARED[type(node.ops[0])]()]
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Raise() | ast.Expr():
            _replace(function, node, ast.Pass())
        case ast.Return(value=ast.Constant() as value):
            value.value = not value.value
        case ast.Return(value=ast.expr() as value):
            node.value = ast.Subscript(value, ast.Slice(upper=ast.UnaryOp(ast.USub(), ast.Constant(1))), ast.Load())
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.BinOp():
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        case _:
            raise ValueError(f"{text}: no change for {type(node).__name__}")


def _replace(function: Function, node: ast.AST, other: ast.stmt) -> None:
    """Put another statement in the place of one."""
    for parent in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(parent, field, None)
            if isinstance(statements, list) and node in statements:
                statements[statements.index(node)] = other
                return
    raise ValueError("the statement is not in the function")
