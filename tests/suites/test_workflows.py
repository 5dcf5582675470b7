"""The files in docs/ci: their shell steps are executed as CI would, as far as that goes on one machine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

HOUSE = Path(__file__).resolve().parents[2]
FOLDER = HOUSE / "docs" / "ci"


def read(name: str) -> dict[str, Any]:
    found = yaml.safe_load((FOLDER / name).read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout of somebody's, with our ikespec where the steps would install it."""
    for folder in ("ikespec", ".ikespec"):
        programs = tmp_path / folder / "bin"
        programs.mkdir(parents=True)
        for name, words in (("ikespec", "-m ikespec"), ("pip", "-c 'import sys'")):
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            (programs / name).chmod(0o755)
    return tmp_path


def execute(script: str, place: Path, **variables: str) -> None:
    """Run a step as bash does there: it ends at the first error."""
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "RUNNER_TEMP": str(place), **variables}
    script = re.sub(r"^.*python3 -m venv.*$", "true", script, flags=re.MULTILINE)  # it is there already
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def inputs(step: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
    """The environment of a step of the action."""
    told = {name: re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value) for name, value in step.get("env", {}).items()}
    return {name: values[found[1]] for name, found in told.items() if found is not None}


def test_the_action_runs_and_summarises(place: Path) -> None:
    action = read("action.yml")
    values = {name: told.get("default", "") for name, told in action["inputs"].items()}
    values |= {"dut": "reference", "arguments": "init-cookie-* --tier quick", "baseline": "results/ikespec"}
    summary = place / "summary"
    for step in action["runs"]["steps"]:
        if "run" in step:
            execute(step["run"], place, GITHUB_STEP_SUMMARY=str(summary), **inputs(step, values))
    assert "Nothing unexpected" in summary.read_text()
    assert (place / "results/ikespec/comment.md").read_text().startswith("# ikespec: what is new")


def test_the_workflow_hands_the_action_what_it_takes(place: Path) -> None:
    taken = set(read("action.yml")["inputs"])
    for step in read("github.yml")["jobs"]["conformance"]["steps"]:
        if "run" in step:
            execute(step["run"], place)
        if step.get("uses", "").startswith("./"):
            assert set(step["with"]) <= taken
            options = [word for word in step["with"]["arguments"].split() if word.startswith("--")]
            words = [sys.executable, "-m", "ikespec", "run", "--help"]
            known = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=True).stdout
            assert all(option in known for option in options)


def test_the_job_of_gitlab_runs(place: Path) -> None:
    file = read("gitlab.yml")
    variables = {**file["variables"], "CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "40"}
    job = file["ikespec"]
    for line in (*job["before_script"], *job["script"], *job["after_script"]):
        execute(line, place, **variables)
    for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (place / path).exists()
