"""The page of a campaign and its SARIF: everything is in it, and nothing that a device says becomes markup."""

import json
import re
from pathlib import Path

import pytest

from reports.campaign import load_campaign, write_campaign
from reports.errors import ReportError
from suites.campaign.case import Case, Problem, Step
from suites.campaign.findings import Finding
from suites.campaign.saved import files_of
from suites.campaign.store import Store

EVIL = "</script><script>alert(1)</script>"
DEATH = Finding(
    Problem("death", "killed by SIGSEGV", f"it said {EVIL}", backtrace=("copy", "parse")),
    "established", (Case("established", 1, (Step("rekey"),)),), ("fake", "1", "here"), 12.5, 40,
    examined=True, tries=10, happened=7,
)  # fmt: skip
RULE = Finding(
    Problem("requirement", "another SPI", "the SPI is another one", "RFC7296-2.6-3"),
    "init",
    (Case("init", 1, (Step("init"),)),),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(tmp_path)
    store.write_json(
        "campaign.json", {"schema": 1, "settings": {"dut": "fake", "seed": 1}, "started": "2026-01-02T03:04:05"}
    )
    for one in (RULE, DEATH):
        store.save_finding(one.id, files_of(one, {"device.log": b"log", "history.pcapng": b"all"}))
    status = {
        "schema": 1,
        "running": True,
        "cases": 1234,
        "seconds": 60,
        "cells": [["KE", "init", "lie", 3]],
        "again": {DEATH.id: 5},
    }
    axes = {
        "states": {"init": ["init"], EVIL: []},
        "payloads": ["KE"],
        "mutators": ["lie"],
        "curve": [[0, 0, 0, 0], [9, 9, 9, 0]],
    }
    store.write_json("status.json", status | axes)
    store.close()
    return tmp_path


def test_the_page(folder: Path) -> None:
    results = write_campaign(folder)
    assert [one.id for one in results.findings] == [DEATH.id, RULE.id]
    page = (folder / "campaign.html").read_text()
    assert '<meta http-equiv="refresh" content="5">' in page
    assert "1,234" in page and "7 of 10" in page and "seen 5 times" in page and "not examined yet" in page
    assert f'href="./findings/{DEATH.id}/finding.json"' in page and "history.pcapng" in page.partition(RULE.id)[2]
    assert EVIL not in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])  # type: ignore[index]
    assert data["cells"] == [["KE", "init", "lie", 3]] and data["states"] == ["init", EVIL]


def test_json_and_sarif(folder: Path) -> None:
    write_campaign(folder)
    assert [one["id"] for one in json.loads((folder / "findings.json").read_text())] == [DEATH.id, RULE.id]
    (run,) = json.loads((folder / "findings.sarif").read_text())["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ikespec/fuzz-death", "RFC7296-2.6-3"]
    assert [one["level"] for one in run["results"]] == ["error", "error"]


def test_what_was_reproduced_needs_no_history(folder: Path) -> None:
    assert not (folder / "findings" / DEATH.id / "history.pcapng").exists()
    assert (folder / "findings" / RULE.id / "history.pcapng").exists()


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("campaign.json", "{", "campaign.json: no JSON"),
        ("campaign.json", '{"schema": 7}', "expected a campaign of schema 1"),
        ("status.json", "[]", "status.json: expected an object with schema 1"),
        ("status.json", '{"schema": 1, "cells": [7]}', "status.json: cells has '7', expected payload, state, mutator"),
        ("status.json", '{"schema": 1, "device": {"name": 7}}', "status.json: device.name = '7', expected text"),
        (f"findings/{DEATH.id}/finding.json", "{}", "finding.json: expected an object with schema 1"),
    ],
)
def test_what_is_broken_is_named(folder: Path, name: str, text: str, error: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ReportError, match=re.escape(error)):
        load_campaign(folder)


def test_a_finding_is_a_purpose_to_be_finished(folder: Path) -> None:
    text = (folder / "findings" / RULE.id / "test_finding.py").read_text()
    compile(text, "test_finding.py", "exec")
    assert '"RFC7296-2.6-3"' in text and f"def test_fuzz_{RULE.id}" in text
    compile((folder / "findings" / DEATH.id / "test_finding.py").read_text(), "test_finding.py", "exec")
