import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ikespec.interop import failures, matrix_table
from reports.errors import ReportError
from reports.interop import load_interop, write_interop
from reports.records import Standing

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\u2028"


def result(
    initiator: str, responder: str, verdict: str = "pass", scenario: str = "auth-psk", **more: Any
) -> dict[str, Any]:
    return {
        "schema": 1,
        "scenario": scenario,
        "title": "Both authenticate with a shared key",
        "subject": "authentication",
        "initiator": initiator,
        "responder": responder,
        "verdict": verdict,
        "reason": "" if verdict == "pass" else "0 IKE SAs, expected 1",
        "started": 1.0,
        "duration": 0.25,
        "steps": [{"text": "the initiator opens a connection", "problem": "", "seconds": 0.1}],
        "traffic": True,
        "decrypted": True,
        "known": None,
        "unexpected": verdict == "fail",
        "evidence": None,
        **more,
    }


def write(folder: Path, results: list[dict[str, Any]], labels: tuple[str, ...] = ("a", "b", "c")) -> Path:
    devices = [{"label": one, "name": one, "version": "1", "backend": "here", "capabilities": []} for one in labels]
    run = {"schema": 1, "started": "2026-11-21T09:00:00+00:00", "finished": "2026-11-21T09:01:30+00:00"}
    run |= {"devices": devices, "command": ["ikespec", "interop", *labels], "selected": len(results), "host": {}}
    (folder / "interop.json").write_text(json.dumps(run))
    (folder / "interop.jsonl").write_text("".join(json.dumps(one) + "\n" for one in results))
    return folder


KNOWN = {"device": "b", "reason": "rekeys wrongly", "until": None, "reference": "RFC 7296, 2.8"}
THREE = [
    result("a", "b", "fail"),
    result("b", "a", "fail", known=KNOWN, unexpected=False),
    result("a", "c"),
    result("c", "a"),
    result("b", "c", "n/a"),
    result("c", "b", "fail"),
]


def test_cells_and_who_stands_alone(tmp_path: Path) -> None:
    results = load_interop(write(tmp_path, THREE))
    assert results.unexpected == 2
    assert list(results.cells) == [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
    assert results.cells["b", "a"].counts[Standing.KNOWN] == 1
    assert results.cells["b", "c"].total == 0
    assert results.suspect("auth-psk") == "b", "a and c manage without it"


@pytest.mark.parametrize(
    "results",
    [
        [result("a", "b", "fail"), result("b", "a", "fail")],
        [result("a", "b", "fail"), result("a", "c", "fail")],
        [result("a", "b", "fail"), result("b", "c", "fail"), result("a", "c", "fail")],
        [result("a", "b"), result("a", "c")],
    ],
)
def test_nobody_is_accused_without_witnesses(tmp_path: Path, results: list[dict[str, Any]]) -> None:
    assert load_interop(write(tmp_path, results)).suspect("auth-psk") == ""


def test_the_table_on_the_terminal(tmp_path: Path) -> None:
    results = load_interop(write(tmp_path, THREE))
    console = Console(width=80, record=True)
    console.print(matrix_table(results))
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in console.export_text().splitlines() if "│" in row]
    assert rows == [["a", "-", "0/1", "1/1"], ["b", "0/1", "-", "0/0"], ["c", "1/1", "0/1", "-"]]
    [line] = failures(results.cells["b", "a"])
    assert "b -> a: auth-psk: 0 IKE SAs, expected 1 (known deviation of b: rekeys wrongly)" in line


def test_the_page_has_everything_and_runs_nothing_foreign(tmp_path: Path) -> None:
    hostile = result("a", "b", "fail", reason=HOSTILE, evidence="evidence/a-b/auth-psk", title=HOSTILE)
    write(tmp_path, [hostile, *THREE[1:]])
    folder = tmp_path / "evidence/a-b/auth-psk"
    folder.mkdir(parents=True)
    entry = {"kind": "note", "t": 0.5, "text": HOSTILE}
    (folder / "trace.json").write_text(json.dumps({"schema": 1, "ours": "1", "device": "2", "entries": [entry]}))
    (folder / "initiator.log").write_text(HOSTILE)
    (folder / "responder.log").write_text("its own log\n")
    (folder / "capture.pcapng").write_bytes(b"")
    write_interop(tmp_path)
    page = (tmp_path / "interop.html").read_text()
    assert "<script>document" not in page
    assert "<img" not in page
    assert "script-src 'sha256-" in page
    start = page.index('data-result="a-b/auth-psk">') + len('data-result="a-b/auth-psk">')
    detail = json.loads(page[start : page.index("</script>", start)])
    assert detail["reason"] == detail["trace"]["entries"][0]["text"] == HOSTILE
    assert detail["initiator_log"].startswith("</script>")
    assert detail["responder_log"] == "its own log\n"
    assert detail["suspect"] == "b"
    assert [one["who"] for one in detail["beside"]] == ["b → a", "a → c", "c → a", "b → c", "c → b"]
    assert [one["name"] for one in detail["files"]] == [
        "capture.pcapng",
        "initiator.log",
        "responder.log",
        "trace.json",
    ]


def test_missing_evidence_is_said_on_the_page(tmp_path: Path) -> None:
    write(tmp_path, [result("a", "b", evidence="evidence/gone")])
    write_interop(tmp_path)
    assert "No such file" in (tmp_path / "interop.html").read_text()


def test_a_killed_run_can_be_read(tmp_path: Path) -> None:
    write(tmp_path, THREE)
    with (tmp_path / "interop.jsonl").open("a") as file:
        file.write('{"schema": 1, "scen')
    assert len(load_interop(tmp_path).results) == len(THREE)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"verdict": "maybe"}, "interop.jsonl line 1: verdict: 'maybe', expected one of pass, fail"),
        ({"evidence": "../outside"}, "evidence: '../outside', expected a path inside the results folder"),
        ({"steps": ["x"]}, "steps: "),
        ({"schema": 2}, "schema"),
    ],
)
def test_a_broken_folder_is_refused(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    write(tmp_path, [{**result("a", "b"), **changes}])
    with pytest.raises(ReportError, match=complaint.replace(".", r"\.")):
        load_interop(tmp_path)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"interop\.json is missing"):
        load_interop(tmp_path)
