import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ikespec.cli import app
from reports import load, write_all
from reports.beside import conclusion, others, text
from tests.reports.sample import record, run_json


def folder(path: Path, device: str, **verdicts: str) -> Path:
    path.mkdir()
    run = run_json(len(verdicts))
    run["device"]["name"] = device
    (path / "run.json").write_text(json.dumps(run))
    lines = []
    for purpose, verdict in verdicts.items():
        reason = f"{device} {verdict}s" if verdict != "pass" else ""
        one = record(purpose, "A title", "ike_sa_init", verdict, reason=reason, requirements=[], evidence=None)
        lines.append(json.dumps(one) + "\n")
    (path / "results.jsonl").write_text("".join(lines))
    return path


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path, Path]:
    return (
        folder(tmp_path / "a", "A", alone="fail", shared="fail", odd="fail", fine="pass", unknown="fail"),
        folder(tmp_path / "b", "B", alone="pass", shared="fail", odd="pass", fine="pass"),
        folder(tmp_path / "c", "C", alone="pass", shared="fail", odd="fail", fine="fail", unknown="n/a"),
    )


@pytest.mark.parametrize(
    ("purpose", "labels", "said"),
    [
        ("alone", ["pass", "pass"], "Only this device: it passes on 2 others."),
        ("shared", ["fail", "fail"], "No device passes: 2 others fail as well; the purpose may be wrong, or all are."),
        ("odd", ["pass", "fail"], "It passes on 1 of 2 others."),
        ("unknown", ["not run", "n/a"], ""),
        ("fine", ["pass", "fail"], ""),
    ],
)
def test_what_the_others_say(runs: tuple[Path, Path, Path], purpose: str, labels: list[str], said: str) -> None:
    ours, *beside = (load(one) for one in runs)
    found = others(purpose, beside)
    assert [one.label for one in found] == labels
    assert conclusion(ours.by_purpose[purpose], found) == said


def test_the_text_has_what_did_not_pass(runs: tuple[Path, Path, Path]) -> None:
    ours, *beside = (load(one) for one in runs)
    said = text(ours, beside)
    assert "fail          alone: B 5.9.14 pass, C 5.9.14 pass\n" in said
    assert "Only this device: it passes on 2 others." in said
    assert "fine" not in said


def test_the_page_shows_them_beside_a_failure(runs: tuple[Path, Path, Path]) -> None:
    write_all(runs[0], beside=runs[1:])
    page = (runs[0] / "report.html").read_text()

    def detail(purpose: str) -> dict[str, object]:
        start = page.index(f'data-purpose="{purpose}">') + len(f'data-purpose="{purpose}">')
        found: dict[str, object] = json.loads(page[start : page.index("</script>", start)])
        return found

    assert detail("odd")["beside"] == {
        "conclusion": "It passes on 1 of 2 others.",
        "rows": [
            {"device": "B 5.9.14", "label": "pass", "slug": "pass", "reason": ""},
            {"device": "C 5.9.14", "label": "fail", "slug": "fail", "reason": "C fails"},
        ],
    }
    assert "beside" not in detail("fine")
    write_all(runs[0])
    page = (runs[0] / "report.html").read_text()
    assert "beside" not in detail("odd")


def test_the_command(runs: tuple[Path, Path, Path]) -> None:
    done = CliRunner().invoke(app, ["report", str(runs[0]), "--beside", str(runs[1]), "--beside", str(runs[2])])
    assert done.exit_code == 0
    assert "alone: B 5.9.14 pass, C 5.9.14 pass" in done.output
    assert "report.html" in done.output
