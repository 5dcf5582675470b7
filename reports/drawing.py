"""A learned machine as a picture: states in layers, by how many messages it takes to get there, and what leads on.

What leads a state to itself is not drawn, nor what leads to the same state from most others (a new IKE_SA_INIT does
that): the picture would be nothing but that. Both stand in the table of the page.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from suites.learning.machine import Machine

GAP_X, GAP_Y, RADIUS, MARGIN = 210, 104, 17, 46
MOST_LINES = 3
"""More messages than that beside one arrow are counted."""

_STYLE = (
    "text{font:11px ui-monospace,monospace;fill:currentColor}.n{font-size:13px;text-anchor:middle}"
    ".l{text-anchor:middle;paint-order:stroke;stroke:Canvas;stroke-width:4px}"
    "path{fill:none}circle{fill:Canvas}circle,path{stroke:currentColor;stroke-width:1.3}"
    "circle.dead{stroke-dasharray:3 3}path.back{opacity:.55}marker path{fill:currentColor;stroke:none}"
)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the picture."""

    x: float
    y: float


def usual_ways(machine: Machine) -> dict[str, int]:
    """Messages that lead to one and the same state from more than half of all, and that state."""
    found = {}
    for letter in machine.alphabet:
        to, times = Counter(state[letter][1] for state in machine.states).most_common(1)[0]
        if len(machine.states) > 2 and 2 * times > len(machine.states):
            found[letter] = to
    return found


def arrows(machine: Machine) -> dict[tuple[int, int], list[str]]:
    """What is drawn: for two states the messages that lead from the one to the other."""
    usual, found = usual_ways(machine), defaultdict(list)
    nearest = machine.access()
    for number, state in enumerate(machine.states):
        for letter in machine.alphabet:
            to = state[letter][1]
            first = nearest.get(to, ())[:-1] == nearest.get(number) and nearest[to][-1:] == (letter,)
            if to != number and (usual.get(letter) != to or first):
                found[number, to].append(letter)
    return dict(found)


def places(machine: Machine) -> dict[int, Point]:
    """Where the states stand: a column for each number of messages, each state beside those that lead to it."""
    access = machine.access()
    columns: dict[int, list[int]] = defaultdict(list)
    for state, word in access.items():
        columns[len(word)].append(state)
    height = max(map(len, columns.values())) * GAP_Y
    found: dict[int, Point] = {}
    drawn = arrows(machine)
    for depth in sorted(columns):
        column = sorted(columns[depth], key=lambda one: _pull(one, found, drawn))
        for row, state in enumerate(column):
            y = height * (row + 0.5) / len(column)
            found[state] = Point(MARGIN + depth * GAP_X, MARGIN + y)
    return found


def _pull(state: int, found: Mapping[int, Point], drawn: Mapping[tuple[int, int], list[str]]) -> tuple[float, int]:
    before = [found[one].y for one, to in drawn if to == state and one in found]
    return (sum(before) / len(before) if before else 0.0, state)


def svg(machine: Machine) -> str:
    """The picture, to stand alone or in a page."""
    spots = places(machine)
    width = max(one.x for one in spots.values()) + GAP_X / 2
    height = max(one.y for one in spots.values()) + GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'width="{width:.0f}" height="{height:.0f}" style="color:CanvasText">',
        f"<title>The state machine of {escape(machine.device)}</title><style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    drawn = arrows(machine)
    for (one, to), letters in drawn.items():
        if one in spots and to in spots:
            parts.append(_arrow(machine, one, to, letters, spots, both=(to, one) in drawn))
    for state, spot in spots.items():
        dead = ' class="dead"' if _is_dead(machine, state) else ""
        word = " ".join(machine.access()[state]) or "nothing sent yet"
        parts.append(
            f'<g><title>{escape(word)}</title><circle cx="{spot.x:.0f}" cy="{spot.y:.0f}" r="{RADIUS}"{dead}/>'
            f'<text class="n" x="{spot.x:.0f}" y="{spot.y + 5:.0f}">{state}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _arrow(machine: Machine, one: int, to: int, letters: list[str], spots: Mapping[int, Point], *, both: bool) -> str:
    start, end = spots[one], spots[to]
    dx, dy = end.x - start.x, end.y - start.y
    length = max(1.0, (dx * dx + dy * dy) ** 0.5)
    forward = dx > 0
    straight = forward and dx <= GAP_X and not both
    bow = 0.0 if straight else min(130.0, 26 + length / 8) * (1.0 if dx else 2.2)
    middle = Point((start.x + end.x) / 2 + bow * dy / length, (start.y + end.y) / 2 - bow * dx / length)
    first, last = _edge_of(start, middle), _edge_of(end, middle)
    path = f"M{first.x:.1f} {first.y:.1f}Q{middle.x:.1f} {middle.y:.1f} {last.x:.1f} {last.y:.1f}"
    told = "\n".join(f"{letter} / {machine.states[one][letter][0]}" for letter in letters)
    shown = letters[:MOST_LINES] + ([f"+{len(letters) - MOST_LINES}"] if len(letters) > MOST_LINES else [])
    x, y = (start.x + 2 * middle.x + end.x) / 4, (start.y + 2 * middle.y + end.y) / 4
    top = y - 6 * len(shown) + 8
    lines = "".join(
        f'<tspan x="{x:.0f}" y="{top + 12 * row:.0f}">{escape(text)}</tspan>' for row, text in enumerate(shown)
    )
    kind = "" if forward else ' class="back"'
    return (
        f'<g><title>{escape(f"{one} to {to}")}\n{escape(told)}</title><path d="{path}"{kind} marker-end="url(#tip)"/>'
        f'<text class="l">{lines}</text></g>'
    )


def _edge_of(center: Point, towards: Point) -> Point:
    """Where an arrow touches the circle of a state."""
    dx, dy = towards.x - center.x, towards.y - center.y
    length = max(1.0, (dx * dx + dy * dy) ** 0.5)
    return Point(center.x + dx * RADIUS / length, center.y + dy * RADIUS / length)


def _is_dead(machine: Machine, state: int) -> bool:
    """Whether a liveness check gets no answer there although there are keys."""
    answer = machine.states[state].get("LIVENESS", ("", 0))[0]
    return answer.startswith("silence")
