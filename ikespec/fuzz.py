"""The commands about fuzzing: ``ikespec fuzz`` runs a campaign, ``replay`` a finding, ``findings`` lists them."""

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ikespec.checks import check_devices
from ikespec.exits import EXIT_OK, EXIT_SIGNAL, EXIT_VERDICT, fail, one_line_errors
from ikespec.progress import Screen

if TYPE_CHECKING:
    from suites.campaign.campaign import Campaign
    from suites.campaign.findings import Finding

_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]+)?)(s|m|h|d|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
PAGE_EVERY = 5.0
"""Seconds between two versions of the page."""
LINE_EVERY = 10.0
"""Seconds between two plain lines where there is no terminal."""


def seconds_of(text: str) -> float:
    """``90``, ``90s``, ``10m``, ``1.5h``, ``2d``. Raises ValueError."""
    found = _TIME.fullmatch(text.strip())
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"--time {text}: expected a time such as 90s, 10m, 8h or 2d")
    return float(found[1]) * _SECONDS[found[2]]


def run_campaign(
    dut: Annotated[str, typer.Option(help="reference, strongswan, or a TOML file for any other device")] = "reference",
    length: Annotated[str, typer.Option("--time", help="How long, such as 90s, 10m, 8h or 2d")] = "60s",
    workers: Annotated[int, typer.Option("-n", help="On so many devices side by side")] = 1,
    states: Annotated[list[str] | None, typer.Option(help="Only from these states, * and ? allowed")] = None,
    payloads: Annotated[list[str] | None, typer.Option(help="Bend only these payloads")] = None,
    mutators: Annotated[list[str] | None, typer.Option(help="Bend only in these ways")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder of the campaign; default: results/fuzz-DEVICE-TIME")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the campaign in --out")] = False,
    stop_at: Annotated[int, typer.Option(help="End with so many findings; 0: with the time only")] = 0,
    against: Annotated[str, typer.Option(help="Play each case to this device, too, and tell what differs")] = "",
    scheduler: Annotated[str, typer.Option(help="Workers of dask.distributed, such as tcp://host:8786")] = "",
) -> None:
    """Send a device what it does not expect, in every state, and see what it makes of that.

    Exit code 0: nothing was found but differences from another device, 1: something was found, 2: the campaign could
    not be run. After Ctrl-C 130, after SIGTERM 143; --resume goes on from there, and also after kill -9.
    """
    from suites.campaign.campaign import NoDevice
    from suites.campaign.opening import Settings, devices_of, open_campaign, open_store

    try:
        duration = seconds_of(length)
    except ValueError as error:
        fail(str(error))
    check_devices(workers)
    if stop_at < 0:
        fail(f"--stop-at {stop_at}: expected a number of findings, or 0")
    if resume and out is None:
        fail("--resume: expected --out with the folder of the campaign")
    folder = out or Path("results") / f"fuzz-{re.sub('[^a-z0-9]+', '-', dut)}-{datetime.now():%Y%m%d-%H%M%S}"
    stopped: KeyboardInterrupt | None = None
    problem = ""
    with one_line_errors(folder):
        settings = Settings.selected(dut, seed, states or (), payloads or (), mutators or (), against)
        devices_of(settings, workers)  # before there is a folder, which would then be taken
        store = open_store(settings, folder, resume=resume, command=sys.argv)
        with _sigterm():
            campaign = open_campaign(settings, store, workers, stop_at=stop_at, scheduler=scheduler)
            try:
                with _views(campaign, folder) as show:
                    campaign.run(duration, show)
            except KeyboardInterrupt as interrupt:
                stopped = interrupt
            except NoDevice as error:
                problem = str(error)
            finally:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                with _uninterrupted():
                    campaign.pool.close()
                    _write(campaign, folder, running=False)
                    store.close()
    _end(campaign, dut, folder, stopped, problem)


def _end(campaign: "Campaign", dut: str, folder: Path, stopped: KeyboardInterrupt | None, problem: str) -> NoReturn:
    from suites.interrupts import Terminated

    console = Screen()
    known = campaign.known
    for finding in sorted(known.findings.values(), key=lambda one: one.signature.severity):
        console.print(line_of(finding), highlight=False, soft_wrap=True)
    console.print(
        f"{known.cases} cases, {known.datagrams} datagrams in {campaign.seconds:.0f} s; {len(known.corpus)} in the "
        f"corpus; {len(known.findings)} finding{'s' * (len(known.findings) != 1)}",
        highlight=False,
    )
    if known.missed:
        console.print(f"not reached lately: {', '.join(known.missed)}", highlight=False, soft_wrap=True)
    if known.errors:
        first = next(iter(known.said))
        console.print(f"{known.errors} cases failed for reasons of ours, such as {escape(first)}", highlight=False)
    console.print(f"read {escape(str(folder / 'campaign.html'))}", highlight=False)
    if problem:
        fail(problem)
    if stopped is not None:
        terminated = isinstance(stopped, Terminated)
        words = "terminated" if terminated else "interrupted"
        print(f"ikespec: {words}; ikespec fuzz --resume --out {folder} goes on", file=sys.stderr)
        raise SystemExit(EXIT_SIGNAL + (signal.SIGTERM if terminated else signal.SIGINT))
    if not known.cases:
        fail("no case was run")
    if known.silent and not known.findings:
        fail(f"nothing was tried: {dut} has answered nothing; ikespec run --dut {dut} says what is probably wrong")
    accused = any(one.problem.oracle != "differential" for one in known.findings.values())
    raise SystemExit(EXIT_VERDICT if accused else EXIT_OK)


def line_of(finding: "Finding") -> str:
    """A finding in one line."""
    rate = f"{finding.happened}/{finding.tries}" if finding.examined else "not examined"
    size = f"{finding.steps} message{'s' * (finding.steps != 1)}"
    style = "bold red" if finding.severe else "red"
    return f"[{style}]{finding.id}[/{style}] {escape(finding.title)} ({rate}, {size}, after {finding.after:.0f} s)"


@contextmanager
def _sigterm() -> Iterator[None]:
    from suites import interrupts

    before = interrupts.heed()
    try:
        yield
    finally:
        interrupts.restore(before)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What ends a campaign is not interrupted by a second Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _views(campaign: "Campaign", folder: Path) -> Iterator[Callable[[], None]]:
    """What is called as often as the campaign likes, and shows how it goes: on the terminal, and on the page."""
    from ikespec.fuzzview import Lines, Live

    view = Live(Screen(), campaign) if Console().is_terminal else Lines(Screen(), campaign, LINE_EVERY)
    written = 0.0

    def show() -> None:
        nonlocal written
        view.show()
        if time.monotonic() - written > PAGE_EVERY:
            _write(campaign, folder, running=True)
            written = time.monotonic()

    with view:
        yield show


def _write(campaign: "Campaign", folder: Path, *, running: bool) -> None:
    from reports.campaign import write_campaign
    from suites.campaign.status import status

    campaign.store.write_json("status.json", status(campaign, running=running))
    with suppress(OSError):
        write_campaign(folder)


# --- replay -----------------------------------------------------------------------------------------------------------


def run_finding(
    finding: Annotated[Path, typer.Argument(help="A finding's folder, or its finding.json")],
    dut: Annotated[str, typer.Option(help="reference, strongswan, or a TOML file for any other device")] = "reference",
    tries: Annotated[int, typer.Option(help="Try it so often, until it happens")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the evidence of the last try here")] = None,
    against: Annotated[str, typer.Option(help="The other device of a difference")] = "",
) -> None:
    """Run what a campaign has found once more, on a fresh device, and say whether it still happens.

    Exit code 0: it does not happen, 1: it happens, 2: it could not be run.
    """
    from suites.campaign.replaying import replay

    if tries < 1:
        fail(f"--tries {tries}: expected a number, 1 or more")
    with one_line_errors(), _sigterm():
        try:
            replayed = replay(finding, dut, tries, out, against)
        except ValueError as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail("interrupted")
    print(replayed.words)
    if replayed.problem:
        fail(replayed.problem)
    raise SystemExit(EXIT_VERDICT if replayed.happened else EXIT_OK)


# --- findings ---------------------------------------------------------------------------------------------------------


def list_findings(
    folder: Annotated[Path, typer.Argument(help="The folder of a campaign")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the scripts")] = False,
) -> None:
    """List what a campaign has found, the worst first, and write its page, findings.json and findings.sarif again."""
    from reports.campaign import load_campaign, write_campaign

    with one_line_errors():
        campaign = load_campaign(folder)
        write_campaign(folder)
    if as_json:
        print(json.dumps([one.to_json() for one in campaign.findings], indent=1, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        for one in campaign.findings:
            rate = f"{one.happened}/{one.tries}" if one.examined else "-"
            print("\t".join((one.id, one.problem.oracle, rate, str(one.steps), one.state, one.title)))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "oracle", "happens", "messages", "after", "what"):
        table.add_column(heading)
    for one in campaign.findings:
        rate = f"{one.happened}/{one.tries}" if one.examined else "not examined"
        table.add_row(one.id, one.problem.oracle, rate, str(one.steps), f"{one.after:.0f} s", escape(one.title))
    console.print(table)
