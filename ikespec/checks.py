"""What is wrong with the words of a command line: one line each, and exit code 2."""

import os
from pathlib import Path

import typer

from ikespec.exits import fail, one_line_errors

MOST_DEVICES = 256
"""Devices side by side: more would only wait for each other."""
MOST = 10**8
"""Of anything that is counted, purposes or seconds: no timer takes much more."""
MOST_CORES = 4
"""Cores that a run on the built-in device takes unasked."""


def check_selection(patterns: list[str] | None, role: str | None, subject: list[str] | None) -> None:
    """End with exit code 2 if a word of a selection means nothing."""
    if role not in (None, "initiator", "responder"):
        fail(f"--role {role}: expected initiator or responder")
    if patterns or subject:
        from ikespec import catalogue

        if problem := catalogue.unknown(patterns or (), subject or ()):
            fail(problem)


def check_kinds(tier: str, level: str | None, profile: str | None) -> None:
    """End with exit code 2 if a word for a kind of purposes means nothing."""
    from suites.options import LEVELS
    from suites.profiles import ProfileError, load
    from suites.purpose import TIERS

    if tier not in TIERS:
        fail(f"--tier {tier}: expected {', '.join(TIERS)}")
    if level is not None and level not in LEVELS:
        fail(f"--level {level}: expected {', '.join(LEVELS)}")
    if profile is not None:
        try:
            with one_line_errors():
                load(profile)
        except ProfileError as error:
            fail(str(error))


def check_algorithms(**words: list[str] | None) -> None:
    """End with exit code 2 if a suite that a run shall keep to (``ike``, ``esp``, ``ah``) is none."""
    from conformance.crypto import CryptoError
    from peers.algorithms import Limits

    for name, suites in words.items():
        try:
            Limits(**{name: tuple(suites or ())}).check()
        except CryptoError as error:
            fail(f"--{name} {','.join(suites or ())}: {error}")


def check_devices(workers: int | None) -> None:
    """End with exit code 2 if there cannot be so many devices side by side."""
    if workers is not None and not 1 <= workers <= MOST_DEVICES:
        fail(f"-n {workers}: expected a number of devices, 1 to {MOST_DEVICES}")


def check_amounts(shard: str, max_evidence: str) -> None:
    """End with exit code 2 if a part of the purposes, or of what is kept of them, is none."""
    from suites.evidence import Allowance
    from suites.options import shard_of

    try:
        shard_of(shard)
    except ValueError as error:
        fail(str(error))
    try:
        Allowance.parse(max_evidence)
    except ValueError as error:
        fail(f"--max-evidence: {error}")


def check_purposes(**patterns: list[str] | None) -> None:
    """End with exit code 2 if an option names no purpose: what is meant would be run, or be published, all the same."""
    for option, given in patterns.items():
        if not given:
            continue
        from ikespec import catalogue

        if problem := catalogue.unknown(given):
            fail(f"--{option}: {problem}")


def check_rfcs(numbers: list[int] | None) -> None:
    """End with exit code 2 if there is an RFC that no purpose is about."""
    from suites.requirements import load

    known = sorted({one.rfc for one in load()}) if numbers else []
    for number in numbers or ():
        if number not in known:
            fail(f"--rfc {number}: no purpose is about it; known: {', '.join(map(str, known))}")


def check_capabilities(words: list[str] | None) -> None:
    """End with exit code 2 if what a device must claim is no capability."""
    from peers.capabilities import Capability
    from peers.tomlfile import nearest

    for word in words or ():
        if word not in set(Capability):
            hint = nearest(word, Capability) or "see ikespec list --capabilities"
            fail(f"--expect-capability {word!r}: there is no such capability; {hint}")


def check_known(deviations: Path | None, reasons: Path | None) -> None:
    """End with exit code 2 if a file of known deviations, or of their private reasons, cannot be used."""
    from suites.known import read_known, read_reasons

    with one_line_errors():
        if deviations is not None:
            read_known(deviations)
        if reasons is not None:
            read_reasons(reasons)


def check_numbers(context: typer.Context, *names: str) -> None:
    """End with exit code 2 if a number that counts something is negative, or none."""
    for name in names:
        if not 0 <= context.params[name] <= MOST:
            fail(f"--{name.replace('_', '-')} {context.params[name]:g}: expected 0 or more, {MOST} at most")


def check_places(dut: str, folder: Path, workers: int | None, *, many: bool) -> int:
    """On how many devices a run is made side by side.

    As many as are asked for; else one, or where ``many`` purposes run against a device in this process, one for each
    core. Ends with exit code 2 if there is no such device, or not so many, or the results folder cannot be made.
    """
    from peers.registry import open_device
    from suites.record import must_be_free

    with one_line_errors():
        device = open_device(dut)
    if workers is not None and workers > 1 and device.described_in is not None:
        fail(f"-n {workers}: {dut} describes one device that is there already; expected -n 1")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"--out {folder}: cannot be made: {error.strerror}")
    with one_line_errors():
        must_be_free(folder)
    if workers is None:
        return min(_cores(), MOST_CORES) if many and not device.real_time else 1
    return workers


def check_new_file(path: Path, *, force: bool) -> None:
    """End with exit code 2 if a file cannot be written, or is there already and not to be written over with `force`."""
    if path.is_dir():
        fail(f"-o {path}: is a folder, expected a file")
    if path.exists() and not force:
        fail(f"-o {path}: is there already; give another name, or --force")
    if not path.parent.is_dir():
        fail(f"-o {path}: there is no folder {path.parent}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
