"""The pages as text: templates filled with results. Nothing that a device says becomes markup."""

import json
import shlex
from base64 import b64encode
from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from reports.coverage import Coverage, demand, section_url
from reports.findings import sections, unexpected_findings
from reports.html.details import Budget, details
from reports.load import load_evidence
from reports.profile import activities
from reports.records import Result, Results, Standing
from suites.requirements import Catalogue

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def script_json(value: Any) -> Markup:
    """JSON that may stand in a script element: no text in it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text.encode(errors="replace").decode())


def report_page(
    results: Results, requirements: Catalogue, beside: Sequence[Results] = (), full: Collection[str] = ()
) -> str:
    """The page of a run: verdicts by subject, and behind each purpose its conversation and evidence.

    ``beside`` are runs against other devices: where a purpose did not pass, theirs stands beside it. ``full`` are
    purposes whose conversations are shown with all payloads although they passed.
    """
    budget = Budget()

    def behind(one: Result) -> dict[str, Any]:
        whole = one.standing is not Standing.PASS or one.purpose in full
        return details(results, one, load_evidence(results, one), requirements, budget, beside, full=whole)

    found = sections(results)
    # In the order of the page: its room is for the worst first.
    behind_all = {one.purpose: behind(one) for section in found for one in section.results}
    return render(
        "report.html.jinja",
        ("chart.js", "report.js"),
        results=results,
        run=results.run,
        sections=found,
        unexpected=unexpected_findings(found),
        details=behind_all,
        demand=lambda cited: demand(cited, requirements),
        subjects=_subjects(results),
        command=shlex.join(results.run.command),
    )


def coverage_page(results: Results, coverage: Coverage) -> str:
    """The page of the requirements: which were tested, with what result."""
    states = ["broken", "known", "kept", "undecided", "untested", "untestable"]
    rfcs = [(rfc, members, _count(members, states)) for rfc, members in coverage.by_rfc().items()]
    return render(
        "coverage.html.jinja",
        ("coverage.js",),
        results=results,
        run=results.run,
        coverage=coverage,
        states=states,
        rfcs=rfcs,
        url=section_url,
    )


def profile_page(results: Results) -> str:
    """The page of the profile that a run was about: its activities, in its order."""
    done = activities(results)
    labels = {one.state: one.label for one in done}
    states = [(state, labels[state], sum(one.state == state for one in done)) for state in labels]
    return render(
        "profile.html.jinja", ("coverage.js",), results=results, run=results.run, done=done, states=sorted(states)
    )


def render(template: str, scripts: Sequence[str], **values: Any) -> str:
    """A page of this folder's template with its style sheet and, in one element, these scripts."""
    code = "\n".join((_FOLDER / script).read_text(encoding="utf-8") for script in scripts)
    return (
        _templates()
        .get_template(template)
        .render(
            Standing=Standing,
            style=Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
            code=Markup(code),
            # The browser runs this script and no other, whatever should get into the page.
            code_hash=b64encode(sha256(code.encode()).digest()).decode(),
            script_json=script_json,
            clock=_clock,
            **values,
        )
    )


def _subjects(results: Results) -> list[tuple[str, dict[Standing, int], int, int]]:
    """Each subject with its counts, how many of its purposes passed, and how many there are."""
    found: dict[str, dict[Standing, int]] = {}
    for one in results.results:
        counts = found.setdefault(one.subject, dict.fromkeys(Standing, 0))
        counts[one.standing] += 1
    return [
        (subject, counts, sum(counts[one] for one in Standing if one.passed), sum(counts.values()))
        for subject, counts in sorted(found.items())
    ]


def _count(members: list[Any], states: list[str]) -> dict[str, int]:
    found = dict.fromkeys(states, 0)
    for one in members:
        found[one.state] += 1
    return found


def _clock(seconds: float) -> str:
    """A duration for a person."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
