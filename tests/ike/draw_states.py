"""Writes ``docs/ike-sa.md`` and ``docs/ike-sa.svg`` from the table of states: ``python -m tests.ike.draw_states``."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from conformance.ike.core.sending import State
from conformance.ike.core.states import TABLE, Row

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = DOCS / "ike-sa.md"
PICTURE = DOCS / "ike-sa.svg"

MEANING = {
    State.NEW: "nothing is agreed yet",
    State.HALF_OPEN: "both have the keys, nobody is authenticated",
    State.ESTABLISHED: "both are authenticated",
    State.REKEYED: "another IKE SA has its Child SAs; it waits for its deletion",
    State.CLOSED: "it is gone",
}


def document() -> str:
    """The table as Markdown."""
    lines = [
        "# The states of an IKE SA",
        "",
        "<!-- written by python -m tests.ike.draw_states -->",
        "",
        "What the reference implementation does with what comes, by state. The table stands in",
        "`conformance/ike/core/states.py`, and `tests/ike/test_states.py` holds it against the code: it does each row",
        "with two IKE SAs. Sections are those of RFC 7296. What stands nowhere is dropped.",
        "",
        "![States and what leads from one to another](ike-sa.svg)",
    ]
    for state in State:
        lines += ["", f"## {state.value}: {MEANING[state]}", ""]
        lines += [
            "| role | what comes or happens | what is said | next state | section |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_row(row) for row in TABLE if row.state == state]
    return "\n".join(lines) + "\n"


def _row(row: Row) -> str:
    after = "same" if row.after == row.state else row.after.value
    return f"| {row.role or 'both'} | {row.event} | {row.reaction or 'nothing'} | {after} | {row.section} |"


# --- the picture ------------------------------------------------------------------------------------------------------

COLUMNS = (State.NEW, State.HALF_OPEN, State.ESTABLISHED, State.REKEYED)
WIDTH, GAP, LEFT, TOP = 320, 150, 20, 44
LINE = 17
LEGEND = "In a box: what leaves the state as it is. On an arrow: what leads to the next one."
STYLE = """
    .box { fill: #ffffff; stroke: #44506e; stroke-width: 1.2; }
    .gone { fill: #f4f6fb; stroke: #44506e; stroke-width: 1.2; }
    .name { font-weight: 600; fill: #1d2740; font-size: 16px; }
    .note { fill: #55607d; font-size: 12px; }
    .row { fill: #1d2740; font-size: 12px; }
    .flow { fill: none; stroke: #2f5bd0; stroke-width: 1.8; marker-end: url(#head); }
    .label { fill: #2f5bd0; font-size: 12px; }
"""


def picture() -> str:
    """States as boxes with what changes nothing inside, arrows with what leads on."""
    stays = {state: [row for row in TABLE if row.state == row.after == state] for state in State}
    ends = {state: [row for row in TABLE if row.state == state and row.after == State.CLOSED] for state in COLUMNS}
    tall = 62 + LINE * max(len(stays[state]) for state in COLUMNS)
    bar = TOP + tall + 34 + LINE * max(map(len, ends.values())) + 16
    width = LEFT * 2 + len(COLUMNS) * WIDTH + (len(COLUMNS) - 1) * GAP
    height = bar + 66 + LINE * len(stays[State.CLOSED]) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="14">',
        "  <!-- written by python -m tests.ike.draw_states -->",
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#2f5bd0"/></marker></defs>',
        f'  <rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    parts.append(_text(LEFT, 26, LEGEND, "note"))
    for at, state in enumerate(COLUMNS):
        left = LEFT + at * (WIDTH + GAP)
        parts += _box(left, TOP, WIDTH, tall, state, stays[state])
        if at + 1 < len(COLUMNS):
            parts += _across(left + WIDTH, TOP, state, COLUMNS[at + 1])
        parts += _down(left + 20, TOP + tall, bar, ends[state])
    parts += _box(LEFT, bar, width - 2 * LEFT, height - bar - 20, State.CLOSED, stays[State.CLOSED], "gone")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(
    left: int, top: int, width: int, height: int, state: State, rows: Iterable[Row], kind: str = "box"
) -> list[str]:
    found = [
        f'  <rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="8"/>',
        _text(left + 14, top + 25, state.value, "name"),
        _text(left + 14, top + 43, MEANING[state].split(";")[0], "note"),
    ]
    return found + [_text(left + 14, top + 64 + LINE * at, row.event, "row") for at, row in enumerate(rows)]


def _across(left: int, top: int, state: State, after: State) -> list[str]:
    rows = [row for row in TABLE if row.state == state and row.after == after]
    found = []
    for at, row in enumerate(rows):
        words = _wrapped(row.event, 22)
        middle = top + 30 + at * 72
        found.append(f'  <path class="flow" d="M{left + 4} {middle + 10}H{left + GAP - 6}"/>')
        found += [
            _text(left + 8, middle + 4 - LINE * (len(words) - 1 - n), word, "label") for n, word in enumerate(words)
        ]
    return found


def _down(left: int, top: int, bottom: int, rows: list[Row]) -> list[str]:
    found = [f'  <path class="flow" d="M{left} {top + 4}V{bottom - 6}"/>']
    return found + [_text(left + 14, top + 34 + LINE * at, row.event, "label") for at, row in enumerate(rows)]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _text(x: int, y: int, text: str, kind: str) -> str:
    return f'  <text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    PICTURE.write_text(picture())
