"""The ``ikespec`` command: a thin front on pytest, and what one does with the results."""

import gc
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import pytest
import typer
from rich.console import Console
from rich.markup import escape

from conformance import version
from ikespec import again, checks, doctor, fuzz
from ikespec.exits import EXIT_OK, EXIT_SETUP, EXIT_SIGNAL, EXIT_VERDICT, fail, one_line_errors
from ikespec.progress import RunProgress, Screen, tally


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ikespec {version.full()}")
        raise typer.Exit


app = typer.Typer(
    name="ikespec",
    help="Conformance, interoperability and fuzzing suite for IKEv2/IPsec.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _ikespec(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which ikespec this is")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    context: typer.Context,
    purposes: Annotated[list[str] | None, typer.Argument(help="Purposes by id, * and ? allowed; default: all")] = None,
    dut: Annotated[str, typer.Option(help="reference, strongswan, or a TOML file for any other device")] = "reference",
    out: Annotated[Path | None, typer.Option(help="Results folder; default: results/DEVICE-TIME")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice")] = 1,
    tier: Annotated[str, typer.Option(help="quick; full: what waits up to 10 s, too; slow: everything")] = "quick",
    slow: Annotated[bool, typer.Option("--slow", help="The same as --tier slow")] = False,
    profile: Annotated[str | None, typer.Option(help="Only what a profile asks for: niap, ..., or a TOML file")] = None,
    rfc: Annotated[list[int] | None, typer.Option(help="Only what cites this RFC")] = None,
    level: Annotated[str | None, typer.Option(help="Only what is about a MUST, SHOULD or MAY")] = None,
    role: Annotated[str | None, typer.Option(help="Only purposes with the device as initiator or responder")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Only these subjects, such as ike_sa_init")] = None,
    deviations: Annotated[Path | None, typer.Option(help="Known deviations of the device (TOML)")] = None,
    ike: Annotated[list[str] | None, typer.Option(help="Keep to these suites, such as aes256-sha384-ecp384")] = None,
    esp: Annotated[list[str] | None, typer.Option(help="Keep to these for ESP, such as aes256-sha384")] = None,
    ah: Annotated[list[str] | None, typer.Option(help="Keep to these for AH, such as sha384")] = None,
    look: Annotated[bool, typer.Option(help="Try ordinary handshakes first; end where none works")] = True,
    max_evidence: Annotated[str, typer.Option(help="Keep this much evidence of a purpose, and of the run")] = "8M/1G",
    workers: Annotated[
        int | None,
        typer.Option("-n", help="On so many devices side by side; default: 1, or built-in ones, one per core"),
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Not these purposes, * and ? allowed")] = None,
    shard: Annotated[str, typer.Option(help="Only the Kth of N parts that take about as long, such as 2/5")] = "1/1",
    retry: Annotated[int, typer.Option(help="Try again alone, so often, what failed unexpectedly")] = 0,
    retry_inconclusive: Annotated[int, typer.Option(help="The same, for what could not be judged only")] = 0,
    max_fail: Annotated[int, typer.Option(help="End after so many unexpected verdicts; 0: never")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds that a purpose may take, its waits apart; 0: any")] = 0.0,
    max_flaky: Annotated[int, typer.Option(help="So many purposes may pass at a later try only")] = 3,
    repeat: Annotated[int, typer.Option(help="Run so often; say which verdicts were not always the same")] = 1,
    expect_pass: Annotated[int, typer.Option(help="So many purposes must pass")] = 0,
    expect_capability: Annotated[list[str] | None, typer.Option(help="The device must claim this")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Known deviations must still happen")] = False,
    private_deviations: Annotated[Path | None, typer.Option(help="The reasons of private deviations (TOML)")] = None,
    embargo: Annotated[list[str] | None, typer.Option(help="Say only the verdict of these purposes")] = None,
    embargo_to: Annotated[Path | None, typer.Option(help="Write the full results of these here")] = None,
    pytest_args: Annotated[list[str] | None, typer.Option("--pytest", help="Hand an option on to pytest")] = None,
) -> None:
    """Run test purposes against a device.

    Exit code 0: at least one purpose passed and nothing unexpected happened, 1: something unexpected happened, 2: the
    run could not be made, or judged nothing, or no purpose passed though nothing unexpected happened. After Ctrl-C 130,
    after SIGTERM 143, with reports of what was judged.
    """
    from suites.options import default_folder
    from suites.session import RARELY

    gc.set_threshold(*RARELY)
    checks.check_selection(purposes, role, subject)
    checks.check_kinds(tier, level, profile)
    checks.check_numbers(context, "retry", "retry_inconclusive", "max_fail", "timeout", "max_flaky", "expect_pass")
    if repeat < 1:
        fail(f"--repeat {repeat}: expected a number of runs, 1 or more")
    checks.check_devices(workers)
    checks.check_algorithms(ike=ike, esp=esp, ah=ah)
    checks.check_amounts(shard, max_evidence)
    checks.check_purposes(without=without, embargo=embargo)
    checks.check_capabilities(expect_capability)
    checks.check_rfcs(rfc)
    checks.check_known(deviations, private_deviations)
    folder = out or default_folder(dut)
    many = not (purposes or subject or rfc or level or profile or pytest_args) and shard == "1/1"
    workers = checks.check_places(dut, folder, workers, many=many)
    if repeat > 1:
        from ikespec import repeat as repetition

        with one_line_errors():
            raise SystemExit(repetition.run(Screen(), repetition.words_of(sys.argv[2:]), repeat, folder))
    suites = Path(__file__).resolve().parent.parent / "suites"
    arguments = [f"--rootdir={suites.parent}", "-c", str(suites / "pytest.ini"), "-p", "no:cacheprovider"]
    arguments += _files(purposes, role, subject) or [str(suites)]
    arguments += [f"--dut={dut}", f"--out={folder}", f"--ike-seed={seed}"]
    arguments += [f"--tier={'slow' if slow else tier}"] + [f"--purpose={one}" for one in purposes or ()]
    arguments += [f"--rfc={one}" for one in rfc or ()]
    arguments += [f"--{name}={one}" for name, one in (("level", level), ("profile", profile)) if one]
    arguments += [f"--role={role}"] if role else []
    arguments += [f"--subject={one}" for one in subject or ()]
    arguments += [f"--deviations={deviations}"] if deviations else []
    arguments += [f"--{name}={one}" for name, words in (("ike", ike), ("esp", esp), ("ah", ah)) for one in words or ()]
    arguments += [f"--max-evidence={max_evidence}"] + ["--no-look"] * (not look)
    arguments += ["-n", str(workers)] if workers > 1 else []
    arguments += [
        f"--shard={shard}",
        f"--retry={retry}",
        f"--retry-inconclusive={retry_inconclusive}",
        f"--max-flaky={max_flaky}",
        *[f"--max-fail={max_fail}", f"--maxfail={max_fail}"] * (max_fail > 0),
        f"--timeout={timeout}",
        f"--expect-pass={expect_pass}",
        *["--strict-deviations"] * strict,
    ]
    arguments += [f"--private-deviations={private_deviations}"] if private_deviations else []
    arguments += [f"--embargo-to={embargo_to}"] if embargo_to else []
    lists = {"without": without, "expect-capability": expect_capability, "embargo": embargo}
    arguments += [f"--{name}={one}" for name, words in lists.items() for one in words or ()]
    arguments += [f"--again={json.dumps(again.words(context))}"]
    sys.argv[0] = again.program()
    console = Screen()
    progress = RunProgress(console)
    with one_line_errors(folder):
        code = int(pytest.main([*arguments, *(pytest_args or ())], plugins=[progress]))
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        fail("no purpose fits the selection; see ikespec list")
    if progress.ending is None and not progress.stopped:
        raise SystemExit(EXIT_SETUP)
    _close(console, progress, folder)


def _files(purposes: list[str] | None, role: str | None, subject: list[str] | None) -> list[str]:
    """The files of what is named, so that nobody who wants one purpose waits for all others; empty: all files."""
    if not purposes and not subject:
        return []
    from ikespec import catalogue

    return catalogue.files(purposes or (), role, subject or ())


def _close(console: Console, progress: RunProgress, folder: Path) -> NoReturn:
    """Write the reports of what was done, also where that is not all, and say how it went."""
    import reports

    ending = progress.ending
    if progress.counts.total():
        with one_line_errors(folder):
            reports.write_all(folder)
        counted = [f"{ending.unexpected} unexpected"] if ending is not None else []
        counted += [f"{len(ending.flaky)} flaky"] if ending is not None and ending.flaky else []
        counted += [f"{len(ending.fixed)} known deviations no longer happen"] if ending and ending.fixed else []
        console.print("; ".join([tally(progress.counts), *counted]), highlight=False)
        console.print(f"read {escape(str(folder / 'report.html'))}", highlight=False)
    if progress.signal is not None:
        print(f"ikespec: {progress.stopped}; what was judged is in {folder}", file=sys.stderr)
        raise SystemExit(EXIT_SIGNAL + progress.signal)
    if ending is None or ending.code == EXIT_SETUP:
        fail(progress.stopped or (ending.why if ending is not None else ""))
    if ending.why:
        print(f"ikespec: {ending.why}", file=sys.stderr)
    raise SystemExit(ending.code)


@app.command()
def interop(
    context: typer.Context,
    devices: Annotated[list[str] | None, typer.Argument(help="Two devices or more, as for run --dut")] = None,
    out: Annotated[Path | None, typer.Option(help="Results folder; default: results/interop-DEVICES-TIME")] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="Only these scenarios, * and ? allowed")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Not these scenarios, * and ? allowed")] = None,
    retry: Annotated[int, typer.Option(help="Try again, so often, what failed unexpectedly")] = 0,
    max_flaky: Annotated[int, typer.Option(help="So many may pass only then")] = 3,
    show: Annotated[bool, typer.Option("--list", help="List the scenarios and do nothing")] = False,
) -> None:
    """Let every device open connections to every other one; exit codes as for run."""
    from ikespec import interop as crossing

    if show:
        crossing.show_scenarios(Console())
        return
    checks.check_numbers(context, "retry", "max_flaky")
    if len(devices or ()) < 2:
        fail("interop needs two devices or more, such as: ikespec interop strongswan reference")
    with one_line_errors():
        try:
            unexpected, flaky = crossing.run(
                Console(), devices or (), out, scenario or (), sys.argv, without or (), retry
            )
        except KeyboardInterrupt:
            fail("interrupted; ikespec report FOLDER makes a page of what there is")
    raise SystemExit(EXIT_VERDICT if unexpected or flaky > max_flaky else EXIT_OK)


@app.command("probe")
def ask_device(
    address: Annotated[str, typer.Argument(help="The device: an IPv4 or IPv6 address, or a name")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Device file to write; default: probed-ADDRESS.toml")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there")] = False,
    port: Annotated[int, typer.Option(help="Its port for IKE")] = 500,
    nat_port: Annotated[int, typer.Option(help="Its port for NAT traversal")] = 4500,
    source: Annotated[str | None, typer.Option(help="Our address; default: the one that leads there")] = None,
    rate: Annotated[float, typer.Option(help="At most so many datagrams a second")] = 100.0,
    timeout: Annotated[float, typer.Option(help="Seconds that an answer may take")] = 2.0,
    quick: Annotated[bool, typer.Option("--quick", help="No combinations, no order of preference")] = False,
    ikev1: Annotated[bool, typer.Option(help="Ask for IKEv1, too")] = True,
    psk: Annotated[str | None, typer.Option(help="The shared key: it finds out more with it")] = None,
    psk_file: Annotated[Path | None, typer.Option(help="The shared key, in a file")] = None,
    identity: Annotated[str | None, typer.Option(help="Who we are, as in a device file; default: our address")] = None,
    device_identity: Annotated[str | None, typer.Option(help="Who the device is; default: whoever it says")] = None,
    like: Annotated[Path | None, typer.Option(help="Take identities and secrets from this device file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON")] = False,
) -> None:
    """Find out what an unknown device takes and write a device file for run --dut.

    Exit code 0: a file was written, 1: it answers, but takes nothing that we know, 2: it does not answer.
    """
    from ikespec import probe

    wish = probe.Wish(
        address, port, nat_port, source, rate, timeout, quick, ikev1, psk, psk_file, identity, device_identity, like
    )
    name = address.strip("[]").replace(":", "-").replace("/", "-")
    path = output or Path(f"probed-{name}.toml")
    with one_line_errors():
        checks.check_new_file(path, force=force)
    console = Screen()
    with one_line_errors(), console.status("asking") as status:
        try:
            found, given = probe.probe(wish, os.urandom, lambda text: status.update(f"asking: {text}"))
        except KeyboardInterrupt:
            fail("interrupted")
    if found.mute:
        fail(f"{address}: nothing answers on UDP port {port} in {found.tally.seconds:.0f} s: address, port, firewall?")
    if as_json:
        print(probe.as_json(found))
    else:
        probe.show(console, found)
    if not found.boxes:
        fail(
            f"{address}: answers, but takes nothing that we know, or nothing from this address; no file is written",
            EXIT_VERDICT,
        )
    with one_line_errors():
        probe.write(found, given, path)
    if not as_json:
        console.print(
            f"wrote {escape(str(path))}; next: ikespec run --dut {escape(str(path))}", highlight=False, soft_wrap=True
        )


@app.command("learn")
def learn_machine(
    dut: Annotated[str, typer.Option(help="reference, strongswan, or a TOML file for any other device")] = "reference",
    beside: Annotated[
        list[str] | None, typer.Option(help="Compare with this device, or with a machine.json learned before")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Results folder; default: results/learn-DEVICE-TIME")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on where learning ended early: its results folder")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice")] = 1,
    queries: Annotated[int, typer.Option(help="At most so many conversations with a device")] = 4000,
    seconds: Annotated[float, typer.Option("--time", help="At most so many seconds with a device")] = 900.0,
) -> None:
    """Learn the state machine of a responder, from IKE_SA_INIT to rekeying, and compare it with others.

    Exit code 0: learned; 1: it could not be finished, or the same conversation had different answers; 2: the device
    cannot be used.
    """
    try:
        from ikespec import learn
        from suites.learning.asking import Enough, Limits, Nondeterministic
        from suites.learning.talk import Lost
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "aalpy":
            raise
        fail(f"learning needs AALpy: {sys.executable} -m pip install aalpy")
    from conformance.script.verdict import Inconclusive, NotApplicable
    from suites.judge import Died

    if queries < 1:
        fail(f"--queries {queries}: expected a number of conversations, 1 or more")
    if not seconds > 0:
        fail(f"--time {seconds:g}: expected a number of seconds above 0")
    if resume is not None and (out is not None or not (resume / learn.CONVERSATIONS).is_file()):
        fail(f"--resume {resume}: expected the results folder of an ikespec learn, and no --out")
    wish = learn.Wish(dut, tuple(beside or ()), seed, Limits(queries, seconds), resume is not None)
    console = Screen()
    with one_line_errors(resume or out):
        try:
            machine = learn.run(console, wish, resume or out or learn.default_folder(dut))
        except Nondeterministic as found:
            fail(f"{dut}: {found}", EXIT_VERDICT)
        except Enough as early:
            fail(f"{dut}: {early}, before anything was learned; give it more with --queries and --time", EXIT_VERDICT)
        except Inconclusive as problem:
            fail(f"{dut}: {problem}; ikespec run --dut {dut} says how far it comes")
        except (Lost, Died, NotApplicable) as problem:
            fail(f"{dut}: {problem}")
        except KeyboardInterrupt:
            fail("interrupted", EXIT_SIGNAL + 2)
    if machine.unfinished or machine.wavering:
        raise SystemExit(EXIT_VERDICT)


@app.command("list")
def list_purposes(
    patterns: Annotated[list[str] | None, typer.Argument(help="Ids to list, * and ? allowed; default: all")] = None,
    role: Annotated[str | None, typer.Option(help="initiator or responder")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Such as ike_auth")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with requirements, needs and defects")] = False,
    capabilities: Annotated[bool, typer.Option("--capabilities", help="The words for what a device can do")] = False,
    variants: Annotated[bool, typer.Option("--variants", help="The other correct devices that are built in")] = False,
    invariants: Annotated[bool, typer.Option("--invariants", help="What is demanded of every message")] = False,
    catalog: Annotated[bool, typer.Option("--catalog", help="Rows of books and other suites")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --catalog: docs/coverage.md")] = False,
) -> None:
    """List the test purposes: a table on a terminal, tab-separated lines in a pipe."""
    from ikespec import catalogue

    if catalog or markdown:
        _list_rows(patterns or (), as_json, markdown)
        return
    if capabilities:
        catalogue.show_capabilities(Console())
        return
    if variants:
        catalogue.show_variants(_told())
        return
    if invariants:
        catalogue.show_invariants(_told())
        return
    checks.check_selection(patterns, role, subject)
    found = catalogue.fitting(patterns or (), role, subject or ())
    if not found:
        fail("no purpose fits the selection")
    if as_json:
        print(catalogue.as_json(found))
    else:
        catalogue.show_list(Console(), found)


def _list_rows(patterns: Sequence[str], as_json: bool, markdown: bool) -> None:
    """Print rows of the catalogues, as a page if that is wanted."""
    from ikespec import rows

    if markdown:
        print(rows.page(), end="")
        return
    found = rows.fitting(patterns)
    if not found:
        fail(f"no row fits {' '.join(patterns)}")
    if as_json:
        print(rows.as_json(found))
    else:
        rows.show(Console(), found)


@app.command()
def explain(purpose: Annotated[str, typer.Argument(help="The id of a purpose or of a requirement")]) -> None:
    """Say what a purpose tests, why, what it needs and which defects it finds."""
    from ikespec import catalogue

    problem = catalogue.show(_told(), purpose)
    if problem:
        fail(problem)


def _told() -> Console:
    """A console for sentences: in a pipe they are not broken into lines."""
    return Console(soft_wrap=not sys.stdout.isatty())


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A results folder")],
    purposes: Annotated[
        list[str] | None, typer.Argument(help="Show these whole although they passed; * and ? allowed")
    ] = None,
    beside: Annotated[list[Path] | None, typer.Option(help="Results of another device to show beside")] = None,
) -> None:
    """Write the reports of a results folder again; of one of ikespec interop, its page."""
    import reports
    from reports.beside import text
    from reports.interop import write_interop

    with one_line_errors():
        if (folder / "interop.json").exists():
            write_interop(folder)
            print(folder / "interop.html")
            return
        results = reports.write_all(folder, beside=beside or (), full=purposes or ())
        if beside:
            print(text(results, [reports.load(one) for one in beside]))
    print(folder / "report.html")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A results folder")],
    after: Annotated[Path, typer.Argument(help="A later one")],
    markdown: Annotated[bool, typer.Option("--markdown", help="For a comment on a pull request")] = False,
) -> None:
    """Say what is new between two runs; exit code 1 if something fails that did not, or the later run lacks results."""
    from reports import compare as comparison

    with one_line_errors():
        found = comparison.compare(before, after)
    print(found.markdown() if markdown else found.text())
    raise SystemExit(EXIT_VERDICT if found.worse else EXIT_OK)


@app.command("doctor")
def show_doctor() -> None:
    """Say what this machine can and cannot do, and how to mend it."""
    doctor.print_findings(doctor.diagnose())


app.command("fuzz")(fuzz.run_campaign)
app.command("replay")(fuzz.run_finding)
app.command("findings")(fuzz.list_findings)


def main() -> None:
    """Run the command. Names of files need not be text, and not every terminal has all characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
