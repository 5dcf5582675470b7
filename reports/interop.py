"""Read the results folder of ``ikespec interop`` (schema 1): ``interop.json`` and ``interop.jsonl``."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from reports.checked import Fields
from reports.load import SCHEMA, inside, is_json, read_known, read_text
from reports.records import Known, Standing, Verdict
from suites.files import write_text


@dataclass(frozen=True, slots=True)
class Participant:
    """A device of the matrix; ``label`` is its name there."""

    label: str
    name: str
    version: str
    backend: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step of a scenario: what was ordered, what was wrong afterwards (empty: nothing), how long it took."""

    text: str
    problem: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CellResult:
    """What became of a scenario between two devices.

    ``deviant`` is the device of the known deviation; ``earlier`` are verdict and reason of earlier tries.
    """

    scenario: str
    title: str
    subject: str
    initiator: str
    responder: str
    verdict: Verdict
    reason: str
    duration: float
    steps: tuple[StepResult, ...]
    traffic: bool
    decrypted: bool
    known: Known | None
    deviant: str
    unexpected: bool
    evidence: str | None
    earlier: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """The verdict, with known deviations apart."""
        if self.verdict is Verdict.FAIL and self.known is not None and not self.unexpected:
            return Standing.KNOWN
        return Standing(self.verdict.value)

    @property
    def key(self) -> str:
        """Its name on the page."""
        return f"{self.initiator}-{self.responder}/{self.scenario}"


@dataclass(frozen=True)
class Cell:
    """All results of one initiator with one responder."""

    initiator: str
    responder: str
    results: tuple[CellResult, ...]

    @property
    def key(self) -> str:
        """Its name on the page."""
        return f"{self.initiator}-{self.responder}"

    @cached_property
    def counts(self) -> dict[Standing, int]:
        """How many results have each standing."""
        found = dict.fromkeys(Standing, 0)
        for one in self.results:
            found[one.standing] += 1
        return found

    @property
    def total(self) -> int:
        """How many results say something: those that are not applicable do not."""
        return len(self.results) - self.counts[Standing.NOT_APPLICABLE]

    @property
    def failures(self) -> tuple[CellResult, ...]:
        """What did not pass, known deviations included."""
        return tuple(one for one in self.results if one.standing not in (Standing.PASS, Standing.NOT_APPLICABLE))


@dataclass(frozen=True)
class InteropResults:
    """A results folder. ``finished`` is None for a run that was killed or still goes on."""

    folder: Path
    started: datetime
    finished: datetime | None
    command: tuple[str, ...]
    selected: int
    participants: tuple[Participant, ...]
    results: tuple[CellResult, ...]

    @cached_property
    def cells(self) -> dict[tuple[str, str], Cell]:
        """The cells by initiator and responder; those without any result are there, too."""
        labels = [one.label for one in self.participants]
        return {
            (ours, theirs): Cell(
                ours,
                theirs,
                tuple(one for one in self.results if (one.initiator, one.responder) == (ours, theirs)),
            )
            for ours in labels
            for theirs in labels
            if ours != theirs
        }

    @cached_property
    def scenarios(self) -> dict[str, dict[tuple[str, str], CellResult]]:
        """The results of each scenario by cell, in the order of the run."""
        found: dict[str, dict[tuple[str, str], CellResult]] = {}
        for one in self.results:
            found.setdefault(one.scenario, {})[one.initiator, one.responder] = one
        return found

    @property
    def unexpected(self) -> int:
        """How many results count for the exit code."""
        return sum(one.unexpected for one in self.results)

    def suspect(self, scenario: str) -> str:
        """The device that is in every failure of a scenario while the others do it among themselves; else empty.

        With three devices that is how one sees who is wrong; with fewer nobody can tell.
        """
        cells = self.scenarios[scenario].values()
        failed = [{one.initiator, one.responder} for one in cells if one.verdict is Verdict.FAIL]
        common = set.intersection(*failed) if failed else set()
        innocent = [one for one in cells if one.verdict is Verdict.PASS and not common & {one.initiator, one.responder}]
        return next(iter(common)) if len(common) == 1 and innocent else ""


def load_interop(folder: Path) -> InteropResults:
    """Read a results folder. Raises `ReportError` if there is none or if it breaks the schema."""
    fields = Fields.parse(str(folder / "interop.json"), read_text(folder, "interop.json"))
    fields.schema(SCHEMA)
    names = ("label", "name", "version", "backend")
    participants = [Participant(*(one.text(key) for key in names)) for one in fields.objects("devices")]
    results: dict[tuple[str, str, str], CellResult] = {}
    lines = read_text(folder, "interop.jsonl").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (number == len(lines) and not is_json(line)):
            continue
        one = _result(Fields.parse(f"{folder / 'interop.jsonl'} line {number}", line))
        results[one.initiator, one.responder, one.scenario] = one
    return InteropResults(
        folder,
        fields.time("started"),
        fields.time_or_none("finished"),
        fields.texts("command"),
        fields.integer("selected"),
        tuple(participants),
        tuple(results.values()),
    )


def _result(fields: Fields) -> CellResult:
    fields.schema(SCHEMA)
    evidence = fields.text_or_none("evidence")
    if evidence is not None and not inside(evidence):
        raise fields.wrong("evidence", "a path inside the results folder")
    return CellResult(
        scenario=fields.text("scenario"),
        title=fields.text("title"),
        subject=fields.text("subject"),
        initiator=fields.text("initiator"),
        responder=fields.text("responder"),
        verdict=fields.choice("verdict", Verdict),
        reason=fields.text("reason", ""),
        duration=fields.number("duration"),
        steps=_steps(fields),
        traffic=fields.flag("traffic"),
        decrypted=fields.flag("decrypted"),
        known=read_known(fields),
        deviant=fields.inner("known").text("device", "") if fields.values.get("known") else "",
        unexpected=fields.flag("unexpected"),
        evidence=evidence,
        earlier=tuple(f"{one.text('verdict')}: {one.text('reason', '')}" for one in fields.objects("earlier")),
    )


def _steps(fields: Fields) -> tuple[StepResult, ...]:
    steps = fields.objects("steps")
    return tuple(StepResult(one.text("text"), one.text("problem", ""), one.number("seconds")) for one in steps)


def write_interop(folder: Path) -> InteropResults:
    """Write ``interop.html`` into the folder. Raises `ReportError`, OSError."""
    from reports.html.interop_page import interop_page

    results = load_interop(folder)
    write_text(folder / "interop.html", interop_page(results))
    return results
