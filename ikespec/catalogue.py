"""``ikespec list`` and ``ikespec explain``: what is tested, and why."""

from difflib import get_close_matches
from fnmatch import fnmatchcase
from inspect import cleandoc

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from peers.reference.defects import all_defects
from suites.conduct import Written, all_purposes
from suites.requirements import load


def show_list(console: Console, pattern: str, role: str | None, subject: str | None) -> int:
    """Print the purposes that fit; returns how many."""
    table = Table(box=None, pad_edge=False)
    for title in ("purpose", "device is", "level", "tier", "title"):
        table.add_column(title, no_wrap=title != "title")
    fitting = [
        written
        for written in all_purposes().values()
        if fnmatchcase(written.purpose.id, pattern)
        and role in (None, written.purpose.role)
        and subject in (None, written.subject)
    ]
    for written in fitting:
        purpose = written.purpose
        level = load().get(purpose.requirements[0]).level
        table.add_row(purpose.id, purpose.role, str(level), purpose.tier, escape(written.title))
    if fitting:
        console.print(table)
        console.print(f"{len(fitting)} purposes", highlight=False)
    return len(fitting)


def show(console: Console, identifier: str) -> str:
    """Print a purpose or a requirement; returns what is wrong with the identifier, empty if nothing is."""
    purposes, requirements = all_purposes(), {one.id: one for one in load()}
    if identifier in purposes:
        _show_purpose(console, purposes[identifier])
    elif identifier in requirements:
        found = requirements[identifier]
        console.print(f"[bold]{found.id}[/bold]  {found.level}, binds {found.binds}", highlight=False)
        console.print(escape(found.text), highlight=False)
        for written in purposes.values():
            if identifier in written.purpose.requirements:
                console.print(f"  tested by {written.purpose.id}: {escape(written.title)}", highlight=False)
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
        console.print(f"\n{escape(body)}", highlight=False)
    console.print("\nrequirements")
    for identifier in purpose.requirements:
        requirement = load().get(identifier)
        console.print(f"  {identifier}  {requirement.level}\n    {escape(requirement.text)}", highlight=False)
    console.print(f"\nneeds  {', '.join(sorted(purpose.needs))}", highlight=False)
    for defect in all_defects().values():
        if purpose.id in defect.breaks:
            console.print(f"fails on  reference:{defect.name}  {escape(defect.summary)}", highlight=False)
    console.print(f"written in  {written.function.__module__.replace('.', '/')}.py", highlight=False)
