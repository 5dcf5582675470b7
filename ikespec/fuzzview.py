"""What a campaign shows while it goes: a live view on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from suites.campaign.campaign import Campaign

SHADES = "·░▒▓█"
"""Never touched, and then ten times as often from one to the next."""
REFRESH = 0.5
"""Seconds between two versions of the live view."""
_ROWS, _FINDINGS = 24, 8


def shade(count: int) -> str:
    """How dark a cell of the heat map is."""
    return SHADES[min(len(str(count)), len(SHADES) - 1) if count else 0]


def summary(campaign: Campaign) -> str:
    """How it goes, in one line."""
    from suites.campaign.status import rate

    known = campaign.known
    parts = [
        f"{campaign.seconds:.0f} s",
        f"{known.cases} cases",
        f"{rate(campaign):.0f}/s",
        f"{len({state for _, state, _ in known.cells})}/{len(known.schedule.states)} states",
        f"corpus {len(known.corpus)}",
        f"{len(known.findings)} findings",
    ]
    parts += [f"{known.errors} errors of ours"] if known.errors else []
    return ", ".join(parts)


class Lines:
    """Plain lines: one now and then, and one for each new finding."""

    def __init__(self, console: Console, campaign: Campaign, every: float) -> None:
        """``every``: seconds between two lines."""
        self.console, self.campaign, self.every = console, campaign, every
        self._last = time.monotonic()
        self._told: dict[str, bool] = {}

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self) -> None:
        """Say what is new."""
        for key, finding in self.campaign.known.findings.items():
            if self._told.get(key) != finding.examined:
                self._told[key] = finding.examined
                news = f"found {key}: {finding.title}"
                if finding.examined:
                    news = f"examined {key}: {finding.happened} of {finding.tries} times, {finding.steps} messages"
                self.console.print(escape(news), highlight=False, soft_wrap=True)
        if time.monotonic() - self._last >= self.every:
            self._last = time.monotonic()
            self.console.print(escape(summary(self.campaign)), highlight=False, soft_wrap=True)


class Live:
    """A view of everything that is drawn again and again."""

    def __init__(self, console: Console, campaign: Campaign) -> None:
        """Nothing is shown yet."""
        self.console, self.campaign = console, campaign
        self._live = RichLive(console=console, auto_refresh=False, transient=True)
        self._last = 0.0

    def __enter__(self) -> Self:
        """Take the screen."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._live.stop()

    def show(self) -> None:
        """Draw it again, if it is time to."""
        if time.monotonic() - self._last < REFRESH:
            return
        self._last = time.monotonic()
        self._live.update(view(self.campaign, self.console.width, self.console.height), refresh=True)


def view(campaign: Campaign, width: int, height: int) -> Group:
    """The whole view for a terminal of this size."""
    device = " ".join(part for part in campaign.device if part) or "starting the device"
    head = Text.assemble((device, "bold"), "  ", summary(campaign))
    findings = _findings(campaign, width)
    return Group(head, Text(), heat(campaign, width, max(6, height - len(findings) - 6)), Text(), *findings)


def heat(campaign: Campaign, width: int, rows: int) -> Table:
    """State by mutator; the states that got least are left out where there is no room, and how many is said."""
    known = campaign.known
    mutators = [*known.schedule.sources.mutators, "content", "none"]
    counts: Counter[tuple[str, str]] = Counter()
    for (_, state, mutator), count in known.cells.items():
        counts[state, mutator] += count
    totals = {state: sum(counts[state, one] for one in mutators) for state in known.schedule.states}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("state", no_wrap=True)
    shown = mutators[: max(4, (width - 36) // 3)]
    for one in shown:
        table.add_column(Text(one[:2], style="dim"), no_wrap=True)
    table.add_column("cases", justify="right")
    listed = list(totals)[: min(rows, _ROWS)]
    for state in listed:
        style = "dim" if state in known.schedule.barred else ""
        cells = [Text(shade(counts[state, one]) * 2, style="cyan" if counts[state, one] else "dim") for one in shown]
        table.add_row(Text(state[:24], style=style), *cells, str(totals[state]))
    if len(totals) > len(listed):
        rest = list(totals)[len(listed) :]
        untouched = sum(not totals[one] for one in rest)
        table.caption = f"and {len(rest)} more states, {untouched} of them untouched: see campaign.html"
        table.caption_justify = "left"
    return table


def _findings(campaign: Campaign, width: int) -> list[Text]:
    found = sorted(campaign.known.findings.values(), key=lambda one: one.signature.severity)
    lines = []
    for one in found[:_FINDINGS]:
        rate = f"{one.happened}/{one.tries}" if one.examined else "…"
        again = campaign.known.again[one.id]
        line = Text.assemble((one.id, "bold red" if one.severe else "red"), f" {rate} ×{again} ", one.title)
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    if len(found) > _FINDINGS:
        lines.append(Text(f"and {len(found) - _FINDINGS} more", style="dim"))
    return lines
