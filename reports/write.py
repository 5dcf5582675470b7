"""All reports of a results folder."""

import json
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from conformance.script import transcript
from reports.allure import write_allure
from reports.badge import badge_json, badge_svg
from reports.coverage import catalogue, coverage
from reports.errors import ReportError
from reports.html import coverage_page, profile_page, report_page
from reports.junit import junit_xml
from reports.load import load, read_trace
from reports.markdown import summary
from reports.profile import profile_markdown
from reports.records import Result, Results
from reports.sarif import of_run
from suites.files import write_folder, write_text


def write_all(
    folder: Path, requirements: Path | None = None, beside: Sequence[Path] = (), full: Sequence[str] = ()
) -> Results:
    """Write report.html, coverage.html, coverage.json, junit.xml, summary.md, results.sarif, badge.svg, badge.json and
    allure-results/ into ``folder``, and profile.html and profile.md where the run was about a profile.

    Each is replaced in one step, so that none is ever half-written. ``requirements`` is a folder with other requirement
    files than those that ship with the suites, ``beside`` the results of other devices to show where a purpose did not
    pass. ``full`` are patterns of purposes that get their transcripts and are shown with all payloads though they
    passed. Raises `ReportError` for a folder that breaks the schema, OSError where it cannot be written.
    """
    results = load(folder)
    chosen = [one for one in results.results if any(fnmatchcase(one.purpose, pattern) for pattern in full)]
    if full and not chosen:
        raise ReportError(f"{folder}: no purpose fits {' '.join(full)}")
    for one in chosen:
        write_transcript(results, one)
    known, others = catalogue(requirements), [load(one) for one in beside]
    covered = coverage(results, known)
    write_text(folder / "report.html", report_page(results, known, others, {one.purpose for one in chosen}))
    write_text(folder / "coverage.html", coverage_page(results, covered))
    write_text(folder / "coverage.json", json.dumps(covered.to_json(), indent=1) + "\n")
    if results.run.profile is not None:
        write_text(folder / "profile.html", profile_page(results))
        write_text(folder / "profile.md", profile_markdown(results))
    write_text(folder / "junit.xml", junit_xml(results, known))
    write_text(folder / "summary.md", summary(results, known))
    write_text(folder / "results.sarif", of_run(results, known))
    write_text(folder / "badge.svg", badge_svg(results))
    write_text(folder / "badge.json", badge_json(results))
    write_folder(folder / "allure-results", lambda path: write_allure(results, known, path))
    return results


def write_transcript(results: Results, one: Result) -> None:
    """Write ``transcript.txt`` beside the trace that it is made of, if that can be read. Raises OSError."""
    path = results.folder / one.evidence / "trace.json" if one.evidence else None
    if path is not None and path.is_file():
        with suppress(ReportError):  # the page says what is wrong with it
            write_text(path.with_name("transcript.txt"), transcript.text(read_trace(path)))
