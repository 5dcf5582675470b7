"""``ikespec list --catalog``: the rows of books, guides and other suites, and what tests each of them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from suites.catalog import Reason, Row, State, load

COMMAND = "ikespec list --catalog --markdown"


def fitting(patterns: Sequence[str]) -> list[Row]:
    """The rows whose id, section or source fits one of the patterns, or that a purpose of that name tests."""
    return [
        row
        for source in load()
        for section in source.sections
        for row in section.rows
        if not patterns or _fits(patterns, source.name, section.code, row.id, *row.purposes, *row.scenarios)
    ]


def _fits(patterns: Sequence[str], *words: str) -> bool:
    return any(fnmatchcase(word, pattern) for word in words for pattern in patterns)


def show(console: Console, found: Sequence[Row]) -> None:
    """Print rows: a table on a terminal, tab-separated lines without a heading in a pipe."""
    if not console.is_terminal:
        for row in found:
            print("\t".join((row.id, row.state, _tested_by(row, ","), row.missing or row.why)))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("row", "tested", "by", "what is missing, or why nothing tests it"):
        table.add_column(title, no_wrap=title == "row")
    for row in found:
        table.add_row(row.id, row.state, escape(_tested_by(row, " ")), escape(row.missing or row.why))
    console.print(table)
    console.print(_counted(found), highlight=False)


def _tested_by(row: Row, between: str) -> str:
    return between.join((*row.purposes, *(f"interop:{one}" for one in row.scenarios))) or str(row.reason)


def _counted(rows: Sequence[Row]) -> str:
    states = Counter(row.state for row in rows)
    return f"{len(rows)} rows: " + ", ".join(f"{states[state]} {state}" for state in State)


def as_json(found: Iterable[Row]) -> str:
    """Rows as a JSON list of objects."""
    objects = [
        {
            "row": row.id,
            "tested": row.state,
            "purposes": row.purposes,
            "scenarios": row.scenarios,
            "missing": row.missing,
            "reason": row.reason,
            "why": row.why,
        }
        for row in found
    ]
    return json.dumps(objects, indent=1, ensure_ascii=False)


def page() -> str:
    """The page ``docs/coverage.md``: how much of each section is tested, then every row that is not."""
    sources = load()
    rows = [row for source in sources for row in source.rows]
    lines = [
        "# What of books, guides and other suites is tested",
        "",
        f"Made by `{COMMAND}` from `suites/catalog/`; do not edit.",
        "`ikespec list --catalog 'BK1-ESP-*'` shows what tests these rows; the name of a purpose, its rows.",
        "",
        f"{_counted(rows)}. A row is *covered* if purposes or interop",
        "scenarios check what it says, *in part* if something of it is left, such as a negative variant. Why not:",
        "",
        "| reason | rows | meaning: it ... |",
        "| --- | --: | --- |",
    ]
    reasons = Counter(row.reason for row in rows)
    lines += [f"| {reason} | {reasons[reason]} | {reason.meaning} |" for reason in Reason]
    for source in sources:
        lines += ["", f"## {source.title}", ""]
        lines += [
            "| section | subject | rows | covered | in part | not | reasons |",
            "| --- | --- | --: | --: | --: | --: | --- |",
        ]
        for section in source.sections:
            states = Counter(row.state for row in section.rows)
            why = Counter(str(row.reason) for row in section.rows if row.reason)
            numbers = (len(section.rows), *(states[state] for state in State))
            cells = (section.code, section.title, *map(str, numbers), ", ".join(f"{n} {k}" for k, n in why.items()))
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Rows that nothing tests", "", "| row | reason | why |", "| --- | --- | --- |"]
    lines += [f"| {row.id} | {row.reason} | {_cell(row.why)} |" for row in rows if row.state is State.NOT]
    lines += ["", "## Rows that are tested in part", "", "| row | what is missing |", "| --- | --- |"]
    lines += [f"| {row.id} | {_cell(row.missing)} |" for row in rows if row.state is State.PART]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
