"""Every report of a results folder, with a hostile device in it."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports import ReportError, compare_results, load, write_all
from reports.findings import sections
from reports.records import Standing
from tests.reports.sample import HOSTILE, record, records, run_json, write_sample

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_sample(tmp_path_factory.mktemp("sample"))
    write_all(path)
    return path


# --- reading ----------------------------------------------------------------------------------------------------------


def test_all_results_are_read(folder: Path) -> None:
    results = load(folder)
    assert [one.purpose for one in results.results] == [one["purpose"] for one, _ in records()]
    assert results.missing == 0 and sum(results.counts.values()) == len(results.results)


def test_a_half_written_last_line_is_passed_over(tmp_path: Path) -> None:
    write_sample(tmp_path)
    path = tmp_path / "results.jsonl"
    lines = path.read_text()
    path.write_text(lines.rstrip("\n")[:-30])
    results = load(tmp_path)
    assert len(results.results) == len(records()) - 1 and results.missing == 1
    write_all(tmp_path)
    assert "did not come to its end" in (tmp_path / "report.html").read_text() or results.run.finished


def _change(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "results.jsonl"
        first, *rest = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(first), key: value}), *rest]) + "\n")

    return change


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (_change("verdict", "perhaps"), "results.jsonl line 1"),
        (_change("schema", 99), "schema 99: another version wrote it"),
        (lambda folder: (folder / "run.json").write_text('{"schema": 0}'), "run.json: schema 0: another version"),
        (lambda folder: (folder / "results.jsonl").write_text("[" * 200_000 + "\n{}"), "results.jsonl line 1"),
        (lambda folder: (folder / "results.jsonl").write_text("\0" * 99 + "{}\n{}"), "zero octets"),
        (lambda folder: (folder / "results.jsonl").unlink(), "results.jsonl is missing"),
        (_change("duration", "long"), "duration"),
        (_change("requirements", 7), "requirements"),
        (lambda folder: (folder / "run.json").write_text("{"), "run.json"),
        (lambda folder: (folder / "run.json").write_text("[]"), "run.json"),
        (lambda folder: (folder / "run.json").unlink(), "run.json"),
        (lambda folder: (folder / "results.jsonl").write_text("no JSON\n{}\n"), "results.jsonl line 1"),
    ],
)
def test_a_broken_folder_is_one_line(tmp_path: Path, break_it: Callable[[Path], object], complaint: str) -> None:
    write_sample(tmp_path)
    break_it(tmp_path)
    with pytest.raises(ReportError) as caught:
        load(tmp_path)
    assert complaint in str(caught.value) and "\n" not in str(caught.value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=6), st.sampled_from(["results.jsonl", "run.json"]))
def test_any_damage_is_read_or_refused(folder: Path, at: int, junk: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as copy:
        for one in ("results.jsonl", "run.json"):
            shutil.copy(folder / one, copy)
        path = Path(copy) / name
        data = path.read_bytes()
        at %= len(data)
        path.write_bytes(data[:at] + junk + data[at + len(junk) :])
        try:
            load(Path(copy))
        except ReportError as error:
            assert "\n" not in str(error)


DAMAGED = (
    b"{", b"[]", b"\xff\xfe", b'{"schema": 1, "entries": 7}', b'{"schema": 9, "entries": []}', b"[" * 200_000,
    b'{"schema": 2, "entries": [{"t": 1, "kind": 3, "src": 5, "content": {}, "payloads": 7}]}',
    b'{"schema": 2, "entries": [{"t": 1, "src": "a", "payloads": [7, {"name": [], "children": 7, "fields": 7}]}]}',
)  # fmt: skip


def test_damaged_evidence_does_not_spoil_the_page(tmp_path: Path) -> None:
    write_sample(tmp_path)
    for number, path in enumerate(sorted(tmp_path.glob("evidence/*/trace.json"))):
        path.write_bytes(DAMAGED[number % len(DAMAGED)])
    write_all(tmp_path, full=["*"])
    assert (tmp_path / "report.html").exists()


# --- the page ---------------------------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_needs_nothing_else_and_takes_no_markup_from_a_device(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert HOSTILE.split("\x1b")[0] not in page
    tags = _Tags()
    tags.feed(page)
    names = [tag for tag, _ in tags.seen]
    assert "img" not in names and "iframe" not in names and "link" not in names
    for _, attributes in tags.seen:
        assert not any(key.startswith("on") for key in attributes)
        assert not (attributes.get("src") or "").startswith(("http", "//"))
    scripts = [attributes for tag, attributes in tags.seen if tag == "script"]
    assert sum("type" not in attributes for attributes in scripts) == 1


def _browse(page: Path, fragment: str, tmp_path: Path) -> tuple[str, list[str]]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path}", "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"{page.as_uri()}#{fragment}"], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("purpose", ["hostile-device", "init-cookie-echo"])
def test_a_purpose_opens_in_a_browser(folder: Path, tmp_path: Path, purpose: str) -> None:
    assert purpose in {one["purpose"] for one, _ in records()}
    dom, complaints = _browse(folder / "report.html", purpose, tmp_path)
    assert not complaints
    assert "owned" not in re.search(r"<title>(.*?)</title>", dom, re.S).group(1)  # type: ignore[union-attr]
    opened = dom[dom.index(f'id="{purpose}"') :]
    assert 'class="detail"' in opened and 'class="chart"' in opened


def test_worst_first_and_one_root_once(folder: Path) -> None:
    found = sections(load(folder))
    assert [section.slug for section in found] == [
        "crash", "hang", "bypass", "embargo", "fail", "inconclusive", "warn", "flaky", "fixed", "known", "pass", "na",
    ]  # fmt: skip
    bypass = found[2]
    assert bypass.count == "1 in 3 purposes" and bypass.findings[0].headline == "expected no AUTH in the response"
    assert [bypass.findings[0].detail(one) for one in bypass.results] == ["got AUTH 0", "got AUTH 1", "got AUTH 2"]
    page = (folder / "report.html").read_text()
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings[:4] == ["Crashes", "Hangs", "Bypasses of authentication or policy", "Under embargo"]
    assert page.count("expected no AUTH in the response</b>") == 1
    assert "<strong>8</strong>" in page and "in 10 of" in page, "findings, and the purposes that they were found in"
    summary = (folder / "summary.md").read_text()
    assert summary.index("## Crashes") < summary.index("## Hangs") < summary.index("## Broken requirements")
    assert "3 purposes (RFC7296-1.2-18, MUST" in summary


def test_what_is_under_embargo_is_not_told(folder: Path) -> None:
    [one] = [section for section in sections(load(folder)) if section.slug == "embargo"]
    assert one.findings[0].headline == "under embargo" and one.results[0].evidence is None


def test_a_purpose_is_tried_again_as_it_was(folder: Path) -> None:
    command = "bin/ikespec run init-cookie-echo --dut strongswan:netns --deviations 'known ones.toml'"
    assert load(folder).again("init-cookie-echo") == command
    assert command in (folder / "junit.xml").read_text()
    assert json.dumps(command)[1:-1] in (folder / "report.html").read_text()


def test_an_earlier_version_wrote_no_kind_and_no_command(tmp_path: Path) -> None:
    write_sample(tmp_path)
    lines = []
    for line in (tmp_path / "results.jsonl").read_text().strip("\n").split("\n"):
        old = json.loads(line)
        for key in ("kind", "fixed", "flaky", "earlier", "embargo"):
            old.pop(key, None)
        lines.append(json.dumps(old))
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n")
    run = json.loads((tmp_path / "run.json").read_text())
    del run["again"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    results = load(tmp_path)
    assert results.again("x") == "ikespec run x --seed 1 --dut strongswan"
    slugs = [section.slug for section in sections(results)]
    assert slugs == ["crash", "fail", "inconclusive", "warn", "known", "pass", "na"]
    write_all(tmp_path)


# --- the other files --------------------------------------------------------------------------------------------------


def test_junit(folder: Path) -> None:
    root = ElementTree.parse(folder / "junit.xml").getroot()
    cases = {case.get("name"): case for case in root.iter("testcase")}
    results = load(folder)
    assert len(cases) == len(results.results)
    expected = {
        Standing.PASS: set(),
        Standing.FLAKY: {"system-out"},
        Standing.FIXED: {"system-out"},
        Standing.WARN: {"system-out"},
        Standing.FAIL: {"failure"},
        Standing.INCONCLUSIVE: {"error"},
        Standing.NOT_APPLICABLE: {"skipped"},
        Standing.KNOWN: {"skipped"},
    }
    for one in results.results:
        assert {child.tag for child in cases[one.purpose]} == expected[one.standing], one.purpose
    assert int(root.get("failures") or 0) == results.counts[Standing.FAIL]


def test_allure(folder: Path) -> None:
    found = [json.loads(path.read_text()) for path in (folder / "allure-results").glob("*-result.json")]
    results = load(folder)
    assert {one["name"] for one in found} and len(found) == len(results.results)
    for one in found:
        assert one["status"] in ("passed", "failed", "broken", "skipped")
        assert one["stop"] >= one["start"]
        for attachment in one.get("attachments", []):
            assert (folder / "allure-results" / attachment["source"]).exists()
    assert any(one.get("steps") for one in found)
    by_name = {one["name"]: one for one in found}
    assert by_name["rekey-collision-nonce"]["status"] == "skipped", "as in JUnit's file"
    assert by_name["rekey-collision-nonce"]["statusDetails"]["known"]
    assert by_name["init-flaky"]["statusDetails"]["flaky"] and by_name["init-flaky"]["status"] == "passed"
    assert by_name["format-short"]["statusDetails"]["message"].startswith("crash: ")


def test_all_formats_agree_on_what_counts(folder: Path) -> None:
    results = load(folder)
    cases = {case.get("name"): case for case in ElementTree.parse(folder / "junit.xml").getroot().iter("testcase")}
    allure = {one["name"]: one for path in (folder / "allure-results").glob("*-result.json")
              for one in [json.loads(path.read_text())]}  # fmt: skip
    for one in results.results:
        bad = one.verdict in ("fail", "inconclusive") and one.unexpected
        assert any(child.tag in ("failure", "error") for child in cases[one.purpose]) == bad, one.purpose
        assert (allure[one.purpose]["status"] in ("failed", "broken")) == bad, one.purpose
        assert (one.standing in (Standing.FAIL, Standing.INCONCLUSIVE)) == bad


def test_summary_and_coverage(folder: Path) -> None:
    summary = (folder / "summary.md").read_text()
    results = load(folder)
    for one in results.results:
        if one.unexpected:
            assert one.purpose in summary
    assert "<script>" not in summary
    covered = json.loads((folder / "coverage.json").read_text())
    cited = {requirement for one in results.results for requirement in one.requirements}
    text = json.dumps(covered)
    assert all(requirement in text for requirement in cited if requirement.startswith("RFC"))


def test_a_pattern_that_fits_no_purpose_is_an_error(folder: Path) -> None:
    with pytest.raises(ReportError, match="no purpose fits nosuch"):
        write_all(folder, full=["nosuch"])


def test_reports_are_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    write_sample(tmp_path)
    write_all(tmp_path)
    before = (tmp_path / "junit.xml").read_text()
    with mock.patch("reports.write.junit_xml", side_effect=RuntimeError("stop")), pytest.raises(RuntimeError):
        write_all(tmp_path)
    assert (tmp_path / "junit.xml").read_text() == before
    assert not list(tmp_path.glob("*.tmp")) and not list(tmp_path.glob("*.new"))


def _run(folder: Path, **verdicts: str) -> Path:
    folder.mkdir()
    lines = [json.dumps(record(name, "A title.", "format", verdict)) for name, verdict in verdicts.items()]
    (folder / "results.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "run.json").write_text(json.dumps(run_json(len(lines))))
    return folder


def test_comparison(tmp_path: Path) -> None:
    before = _run(tmp_path / "a", stays="pass", breaks="pass", heals="fail", goes="pass", turns="warn")
    after = _run(tmp_path / "b", stays="pass", breaks="fail", heals="pass", comes="pass", turns="pass")
    found = compare_results(load(before), load(after))

    def names(changes: Any) -> list[str]:
        return [change.purpose for change in changes]

    assert names(found.failing) == ["breaks"] and names(found.fixed) == ["heals"]
    assert names(found.new) == ["comes"] and names(found.gone) == ["goes"]
    assert found.worse and "breaks" in found.text() and "breaks" in found.markdown()
    assert not compare_results(load(before), load(before)).worse


@pytest.mark.parametrize(
    ("before", "after", "group"),
    [
        (("fail", "violation"), ("fail", "crash"), "failing"),
        (("fail", "violation"), ("fail", "hang"), "failing"),
        (("fail", "violation"), ("fail", "bypass"), "failing"),
        (("fail", "crash"), ("fail", "hang"), "failing"),
        (("inconclusive", "untried"), ("fail", "crash"), "failing"),
        (("fail", "crash"), ("fail", "crash"), "same"),
        (("fail", "crash"), ("fail", "violation"), "changed"),
        (("fail", "violation"), ("inconclusive", "untried"), "changed"),
    ],
)
def test_what_has_become_graver_is_new(
    tmp_path: Path, before: tuple[str, str], after: tuple[str, str], group: str
) -> None:
    folders = [_run(tmp_path / name, p="pass") for name in ("a", "b")]
    for folder, (verdict, kind) in zip(folders, (before, after), strict=True):
        (folder / "results.jsonl").write_text(json.dumps(record("p", "A title.", "format", verdict, kind=kind)) + "\n")
    found = compare_results(*map(load, folders))
    assert found.worse == (group == "failing")
    assert found.same if group == "same" else [one.purpose for one in getattr(found, group)] == ["p"]


def test_half_a_character_of_a_device_is_no_obstacle(tmp_path: Path) -> None:
    folder = _run(tmp_path / "a", p="fail")
    told = record("p", "A title.", "format", "fail", reason="HALF", got="whole \U0001f600", evidence=None)
    (folder / "results.jsonl").write_text(json.dumps(told).replace("HALF", "a \\ud800 b") + "\n")
    write_all(folder)
    [one] = load(folder).results
    assert (one.reason, one.got) == ("a ? b", "whole \U0001f600")
    assert "a ? b" in (folder / "summary.md").read_text() and "a ? b" in (folder / "report.html").read_text()


def test_a_later_run_that_lacks_something_is_no_success(tmp_path: Path) -> None:
    before = load(_run(tmp_path / "a", **{f"p{number}": "pass" for number in range(30)}))
    fewer = compare_results(before, load(_run(tmp_path / "b", p0="pass")))
    assert fewer.worse and "29 purposes of the earlier run are not in the later one" in fewer.text()
    assert fewer.text().count("pass -> absent") == 10 and "and 19 more" in fewer.text()
    unable = compare_results(load(_run(tmp_path / "c", p0="pass")), load(_run(tmp_path / "d", p0="n/a")))
    assert unable.worse and "not applicable in the later run" in unable.markdown()
    cut = _run(tmp_path / "e", **{f"p{number}": "pass" for number in range(30)})
    (cut / "run.json").write_text(json.dumps({**run_json(31), "finished": None}))
    killed = compare_results(before, load(cut))
    assert killed.worse and "did not come to its end: 1 purposes have no result" in killed.text()


FORBIDS, PROVOKED, FREE = "RFC7296-2.21-2", "RFC7296-2.18-7", "RFC7296-2.6-9"


def _covered(folder: Path, tried: list[str] | None) -> dict[str, Any]:
    """The requirements of a run with one purpose that passed."""
    folder.mkdir()
    line = record("p", "A title.", "format", requirements=[FORBIDS, PROVOKED, FREE], evidence=None)
    line |= {} if tried is None else {"tried": tried}
    (folder / "results.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "run.json").write_text(json.dumps(run_json(1)))
    write_all(folder)
    assert "right value accepted" in (folder / "coverage.html").read_text()
    found = json.loads((folder / "coverage.json").read_text())
    return {**{one["id"]: one for one in found["requirements"]}, "values": found["values"]}


def test_what_is_forbidden_to_take_is_kept_only_where_it_was_tried(tmp_path: Path) -> None:
    """Results of earlier versions do not say what was tried: they are believed."""
    right, wrong = "IKE_AUTH request|AUTH||right|taken", "IKE_AUTH request|AUTH|data|other|refused"
    before = _covered(tmp_path / "before", None)
    assert before[FORBIDS]["state"] == before[FREE]["state"] == "kept"
    idle = _covered(tmp_path / "idle", [right])
    assert [idle[one]["state"] for one in (FORBIDS, PROVOKED, FREE)] == ["undecided", "undecided", "kept"]
    assert (idle[FREE]["right_accepted"], idle[FREE]["wrong_refused"]) == (1, 0)
    earnest = _covered(tmp_path / "earnest", [right, wrong])
    assert earnest[FORBIDS]["state"] == earnest[PROVOKED]["state"] == "kept"
    assert (earnest[FORBIDS]["right_accepted"], earnest[FORBIDS]["wrong_refused"]) == (1, 1)
    places = {(one["payload"], one["field"]): one for one in earnest["values"]}
    assert places["AUTH", "data"]["wrong_refused"] == 1 and places["AUTH", ""]["right_accepted"] == 1


def test_what_was_tried_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="of exchange"):
        _covered(tmp_path / "broken", ["IKE_AUTH request|AUTH"])
