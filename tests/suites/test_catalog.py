"""Every row of books, guides and other suites is tested, or says why not; and the page that shows it is not stale."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ikespec.cli import app
from ikespec.rows import COMMAND, page
from suites.catalog import CatalogError, Reason, State, load
from suites.conduct import all_purposes
from suites.interop.scenarios import SCENARIOS

COVERAGE = Path(__file__).parents[2] / "docs/coverage.md"
ROWS = {"book-1": 309, "book-2": 305, "guide": 245, "inventory": 1051, "ipsec-features": 71, "slides": 65, "trace": 22}


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["list", "--catalog", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_no_source_has_lost_a_row() -> None:
    assert {source.name: len(source.rows) for source in load()} == ROWS


def test_rows_name_purposes_and_scenarios_that_exist() -> None:
    purposes, scenarios = set(all_purposes()), {scenario.id for scenario in SCENARIOS}
    rows = [row for source in load() for row in source.rows]
    assert not {name for row in rows for name in row.purposes} - purposes
    assert not {name for row in rows for name in row.scenarios} - scenarios


def test_the_page_is_made_from_these_rows() -> None:
    assert COVERAGE.read_text(encoding="utf-8") == page(), f"bin/{COMMAND} > docs/coverage.md"


def test_the_command_makes_the_page() -> None:
    assert run("--markdown") == page()


def test_rows_are_found_by_id_section_source_and_purpose() -> None:
    assert run("TR-AUTH-01").startswith("TR-AUTH-01\tcovered\tauth-id-ipv4")
    assert len(run("TR-AUTH").splitlines()) == 5
    assert len(run("trace").splitlines()) == ROWS["trace"]
    assert "TR-AUTH-01" in run("auth-id-ipv4")


def test_rows_as_json() -> None:
    rows = json.loads(run("--json", "slides"))
    assert len(rows) == ROWS["slides"]
    assert all(bool(row["purposes"] or row["scenarios"]) == (row["reason"] is None) for row in rows)


def test_a_pattern_without_rows_is_an_error() -> None:
    result = CliRunner().invoke(app, ["list", "--catalog", "BK9-*"])
    assert result.exit_code == 2
    assert "BK9-*" in result.output


GOOD = 'title = "A book"\n[A-B]\ntitle = "Something"\nrows = 1\n'


def test_a_row_in_part(tmp_path: Path) -> None:
    (tmp_path / "book.toml").write_text(GOOD + '01 = { scenarios = ["ipv6"], missing = "the rest" }\n')
    (row,) = load(tmp_path)[0].rows
    assert (row.id, row.state, row.scenarios, row.missing) == ("A-B-01", State.PART, ("ipv6",), "the rest")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("", "A-B-01: no entry"),
        ("01 = {}", "A-B-01: expected purposes or scenarios"),
        ("01 = 7", "A-B-01: 7, expected a table"),
        ('01 = { purposes = "init" }', "A-B-01: purposes: 'init', expected a list"),
        ('01 = { purposes = ["init", "init"] }', "expected a list of different names"),
        ('01 = { purposes = ["init"], reason = "policy", why = "x" }', "A-B-01: expected purposes or scenarios"),
        ('01 = { reason = "policy" }', "A-B-01: expected purposes or scenarios"),
        ('01 = { reason = "lazy", why = "x" }', f"reason: 'lazy', expected one of {', '.join(Reason)}"),
        ('01 = { reason = "policy", why = "x", missing = "y" }', "A-B-01: expected purposes or scenarios"),
        ('01 = { purpose = ["init"] }', "A-B-01: key 'purpose', expected one of"),
        ('01 = { reason = "policy", why = "" }', "A-B-01: why: '', expected one line of text"),
        ('02 = { reason = "policy", why = "x" }\n01 = { purposes = ["init"] }', "A-B-02: expected rows 01 to 01"),
        ('01 = { purposes = ["init"] }\n01 = { purposes = ["init"] }', "not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_fits_on_a_line(tmp_path: Path, row: str, problem: str) -> None:
    (tmp_path / "book.toml").write_text(GOOD + row)
    with pytest.raises(CatalogError) as caught:
        load(tmp_path)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("book.toml: ")
    assert "\n" not in str(caught.value)


def test_a_row_belongs_to_one_source(tmp_path: Path) -> None:
    for name in ("book", "other"):
        (tmp_path / f"{name}.toml").write_text(GOOD + '01 = { purposes = ["init"] }')
    with pytest.raises(CatalogError, match=r"other\.toml: A-B-01: occurs twice"):
        load(tmp_path)
