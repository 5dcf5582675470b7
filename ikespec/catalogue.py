"""``ikespec list`` and ``ikespec explain``: what is tested, and why."""

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from inspect import cleandoc
from sys import modules
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from peers.capabilities import Capability
from peers.reference.defects import all_defects
from peers.reference.variants import all_variants
from suites.conduct import Written, all_purposes
from suites.invariants import INVARIANTS
from suites.judge import strongest
from suites.requirements import load

_IN_PARAGRAPH = re.compile(r"(?<=\S)\n(?=\w)")
"""The end of a line within a paragraph of a docstring, where a terminal may break it elsewhere."""
COLUMNS = ("purpose", "device is", "level", "tier", "title")


def unknown(patterns: Sequence[str], subjects: Sequence[str] = ()) -> str:
    """What is wrong with a selection of purposes, and the nearest name; empty if all of it fits something."""
    purposes = all_purposes()
    for pattern in patterns:
        if not any(fnmatchcase(identifier, pattern) for identifier in purposes):
            return f"no purpose fits {pattern!r}" + _near(pattern, purposes)
    known = sorted({written.subject for written in purposes.values()})
    for subject in subjects:
        if subject not in known:
            return f"there is no subject {subject!r}" + (_near(subject, known) or f"; known: {', '.join(known)}")
    return ""


def _near(word: str, known: Sequence[str] | dict[str, Any]) -> str:
    near = get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def fitting(patterns: Sequence[str], role: str | None, subjects: Sequence[str]) -> list[Written]:
    """The purposes that fit one of the patterns (none: all), the role of the device and one of the subjects."""
    return [
        written
        for written in all_purposes().values()
        if (not patterns or any(fnmatchcase(written.purpose.id, pattern) for pattern in patterns))
        and role in (None, written.purpose.role)
        and (not subjects or written.subject in subjects)
    ]


def files(patterns: Sequence[str], role: str | None, subjects: Sequence[str]) -> list[str]:
    """The files in which the purposes that fit are written."""
    return sorted({str(modules[one.function.__module__].__file__) for one in fitting(patterns, role, subjects)})


def show_list(console: Console, found: Sequence[Written]) -> None:
    """Print purposes: a table on a terminal, tab-separated lines without a heading in a pipe."""
    rows = [_row(written) for written in found]
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table(box=None, pad_edge=False)
    for title in COLUMNS:
        table.add_column(title, no_wrap=title != "title")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
    console.print(f"{len(rows)} {'purpose' if len(rows) == 1 else 'purposes'}", highlight=False)


def _row(written: Written) -> tuple[str, ...]:
    purpose = written.purpose
    return purpose.id, purpose.role, strongest(purpose, load()).level, purpose.tier, written.title


def as_json(found: Sequence[Written]) -> str:
    """Purposes as a JSON list of objects, with everything that one may select or look them up by."""
    breaking: dict[str, list[str]] = {}
    for defect in all_defects().values():
        for broken in defect.breaks:
            breaking.setdefault(broken, []).append(defect.name)
    objects = [
        {
            "purpose": written.purpose.id,
            "role": written.purpose.role,
            "level": strongest(written.purpose, load()).level,
            "tier": written.purpose.tier,
            "subject": written.subject,
            "title": written.title,
            "text": written.text,
            "requirements": list(written.purpose.requirements),
            "needs": sorted(written.purpose.needs),
            "defects": breaking.get(written.purpose.id, []),
        }
        for written in found
    ]
    return json.dumps(objects, indent=1, ensure_ascii=False)


def show_capabilities(console: Console) -> None:
    """Print the words by which a device file says what a device can do."""
    needed = [written.purpose.needs for written in all_purposes().values()]
    if not console.is_terminal:
        for one in Capability:
            print(f"{one}\t{sum(one in needs for needs in needed)}\t{one.description}")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("capability", "purposes that need it", "meaning"):
        table.add_column(title, no_wrap=title == "capability", justify="right" if "need" in title else "left")
    for one in Capability:
        table.add_row(str(one), str(sum(one in needs for needs in needed)), escape(one.description))
    console.print(table)


def show_variants(console: Console) -> None:
    """Print the variants of the reference device, and which RFC leaves them open."""
    for one in all_variants().values():
        console.print(f"[bold]reference:+{one.name}[/bold]  {escape(one.summary)}", highlight=False)
        console.print(f"    {escape(one.allowed)}", highlight=False)


def show_invariants(console: Console) -> None:
    """Print what is demanded of every message of a device, with the requirements."""
    if not console.is_terminal:
        for name, one in INVARIANTS.items():
            print(f"{name}\t{','.join(one.requirements)}\t{one.text}")
        return
    for name, one in INVARIANTS.items():
        console.print(f"[bold]{name}[/bold]  {escape(one.text)}", highlight=False)
        console.print(f"    {', '.join(one.requirements)}", highlight=False)


def show(console: Console, identifier: str) -> str:
    """Print a purpose or a requirement; returns what is wrong with the identifier, empty if nothing is."""
    purposes, requirements = all_purposes(), {one.id: one for one in load()}
    if identifier in purposes:
        _show_purpose(console, purposes[identifier])
    elif identifier in requirements:
        found = requirements[identifier]
        console.print(f"[bold]{found.id}[/bold]  {found.demand}, binds {found.binds}", highlight=False)
        console.print(escape(found.text), highlight=False)
        for written in purposes.values():
            if identifier in written.purpose.requirements:
                console.print(f"  tested by {written.purpose.id}: {escape(written.title)}", highlight=False)
        for name, one in INVARIANTS.items():
            if identifier in one.requirements:
                console.print(f"  tested in every purpose by the invariant {name}: {escape(one.text)}", highlight=False)
    else:
        near = get_close_matches(identifier, [*purposes, *requirements], 1)
        return f"no purpose or requirement {identifier!r}" + (f"; did you mean {near[0]}?" if near else "")
    return ""


def _show_purpose(console: Console, written: Written) -> None:
    purpose = written.purpose
    console.print(f"[bold]{purpose.id}[/bold]  {escape(written.title)}", highlight=False)
    console.print(f"the device is the {purpose.role}; tier {purpose.tier}; subject {written.subject}", highlight=False)
    body = cleandoc("\n".join(written.text.split("\n")[1:])).strip()
    if body:
        console.print(f"\n{escape(_IN_PARAGRAPH.sub(' ', body))}", highlight=False)
    console.print("\nrequirements")
    for identifier in purpose.requirements:
        requirement = load().get(identifier)
        console.print(f"  {identifier}  {requirement.demand}\n    {escape(requirement.text)}", highlight=False)
    console.print(f"\nneeds  {', '.join(sorted(purpose.needs))}", highlight=False)
    for defect in all_defects().values():
        if purpose.id in defect.breaks:
            console.print(f"fails on  reference:{defect.name}  {escape(defect.summary)}", highlight=False)
    console.print(f"written in  {written.function.__module__.replace('.', '/')}.py", highlight=False)
