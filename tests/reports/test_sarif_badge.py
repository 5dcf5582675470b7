"""What code scanning and badge services get of a results folder."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reports import load, write_all
from reports.badge import badge_json, badge_svg
from reports.records import Standing
from tests.reports.sample import run_json, write_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_sample(tmp_path_factory.mktemp("sample"))
    write_all(path)
    return path


@pytest.fixture(scope="module")
def run(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "results.sarif").read_text())
    assert document["version"] == "2.1.0" and len(document["runs"]) == 1
    found = document["runs"][0]
    assert isinstance(found, dict)
    return found


def test_everything_that_did_not_pass_is_in_it(folder: Path, run: dict[str, Any]) -> None:
    results = load(folder)
    left_out = (Standing.PASS, Standing.NOT_APPLICABLE)
    assert len(run["results"]) == sum(one.standing not in left_out for one in results.results)
    errors = sum(one["level"] == "error" for one in run["results"])
    assert errors == results.counts[Standing.FAIL] > 0


def test_each_result_names_its_rule_and_a_place(run: dict[str, Any]) -> None:
    rules = run["tool"]["driver"]["rules"]
    assert len({one["id"] for one in rules}) == len(rules)
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        uri = one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri and not uri.startswith("/")
    prints = [one["partialFingerprints"]["ikespec/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints)


def test_what_is_known_is_suppressed(folder: Path, run: dict[str, Any]) -> None:
    known = load(folder).counts[Standing.KNOWN]
    assert sum("suppressions" in one for one in run["results"]) == known > 0


def test_the_badge_says_what_is_unexpected(folder: Path) -> None:
    results = load(folder)
    told = json.loads((folder / "badge.json").read_text())
    assert told["schemaVersion"] == 1 and told["isError"]
    assert told["message"].startswith(f"{results.unexpected} unexpected of ")
    picture = ElementTree.fromstring((folder / "badge.svg").read_text())
    assert any(told["message"] == one.text for one in picture.iter("{http://www.w3.org/2000/svg}text"))


def test_the_badge_of_a_run_that_was_cut_claims_nothing(tmp_path: Path) -> None:
    write_sample(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({**run_json(1), "finished": None}))
    results = load(tmp_path)
    assert json.loads(badge_json(results))["message"] == "not judged"
    assert "not judged" in badge_svg(results)
