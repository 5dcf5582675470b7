"""Running a finding once more, alone, and saying what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.fuzz.mutators import bend
from suites.campaign.bench import Bench
from suites.campaign.both import rig
from suites.campaign.case import Outcome
from suites.campaign.findings import Finding, Signature, read_finding
from suites.campaign.kinds import KINDS
from suites.campaign.knowledge import UNREACHABLE
from suites.campaign.oracles.differential import ORACLE
from suites.campaign.states import STATES


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it, in one paragraph; ``problem`` is why it could not be run, empty if it could."""

    happened: bool
    words: str
    problem: str = ""


def replay(path: Path, word: str, tries: int = 1, out: Path | None = None, against: str = "") -> Replayed:
    """Run a finding on a fresh device until it happens, so often at most; evidence goes to ``out``.

    What differs from another device needs that, too: ``against``.

    Raises:
        ValueError: the file is no finding; one line.
        DeviceError: there is no such device, or it does not start.
        OSError: something cannot be read or written.
    """
    finding = read_finding(path)
    if finding.problem.oracle == ORACLE and not against:
        raise ValueError(f"{path}: two devices answer differently; expected the other one with --against")
    if strange := foreign(finding):
        raise ValueError(f"{path}: {strange}: this version of ikespec has none; replay it with the one that found it")
    bench = Bench(rig(word, finding.script[0].seed, against))
    try:
        bench.runner()
        outcomes: list[Outcome] = []
        for number in range(1, tries + 1):  # noqa: B007 - it is told below
            outcomes = _run(bench, finding)
            _write(bench, out)
            if any(_same(outcome, finding) for outcome in outcomes) or _problem(outcomes):
                break
        return _told(finding, outcomes, bench.device, number)
    finally:
        bench.close()


def foreign(finding: Finding) -> str:
    """What the script of a finding asks for that we cannot do: left out, it would not happen, and look as if mended."""
    for case in finding.script:
        if case.state not in STATES:
            return f"state {case.state!r}"
        for step in case.steps:
            if step.kind not in KINDS and step.kind != "octets":
                return f"message {step.kind!r}"
            for mutation in step.mutations:
                try:
                    bend(mutation)
                except ValueError as error:
                    return str(error)
    return ""


def _run(bench: Bench, finding: Finding) -> list[Outcome]:
    found: list[Outcome] = []
    for number, case in enumerate(finding.script):
        result = bench.run(case, fresh=number == 0)
        if result.error:
            raise ValueError(f"the replay failed for a reason of ours: {result.error}")
        found.append(result.outcome)
    return found


def _write(bench: Bench, out: Path | None) -> None:
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, content in bench.evidence().items():
        (out / name).write_bytes(content)


def _same(outcome: Outcome, finding: Finding) -> bool:
    return any(Signature.of(one, finding.state) == finding.signature for one in outcome.problems)


def _problem(outcomes: list[Outcome]) -> str:
    missed = [one.answers[0] for one in outcomes if one.answers and one.answers[0].startswith(UNREACHABLE)]
    return missed[0] if missed and not any(one.problems for one in outcomes) else ""


def _told(finding: Finding, outcomes: list[Outcome], device: tuple[str, str, str], tries: int) -> Replayed:
    name = " ".join(part for part in device[:2] if part)
    where = " then ".join(dict.fromkeys(case.state for case in finding.script))
    sent = f"{finding.steps} message{'s' * (finding.steps != 1)} from {where}"
    if problem := _problem(outcomes):
        return Replayed(False, f"{finding.id}: could not be run on {name}.", f"{finding.state} is {problem}")
    same = [
        one for outcome in outcomes for one in outcome.problems if Signature.of(one, finding.state) == finding.signature
    ]
    if same:
        words = f"{finding.id} still happens on {name}, at try {tries}: {sent}. {same[0].words}"
        return Replayed(True, " ".join(words.split()))
    others = [one for outcome in outcomes for one in outcome.problems]
    if others:
        words = f"{finding.id} happens in another way on {name}: {sent}. {others[0].oracle}: {others[0].words}"
        return Replayed(True, " ".join(words.split()))
    answers = "; ".join(answer for outcome in outcomes for answer in outcome.answers) or "nothing"
    times = "" if tries == 1 else f" in {tries} tries"
    return Replayed(False, f"{finding.id} does not happen on {name}{times}: {sent}, answered by {answers}.")
