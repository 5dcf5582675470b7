"""The files in docs/ci: their shell steps are executed as CI would, as far as that goes on one machine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from peers.places.rootfs import CACHE_VARIABLE, cache_directory

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
    surroundings = {"PYTHONPATH": str(HOUSE), "RUNNER_TEMP": str(place), "HOME": str(place)}
    environment = {**os.environ, **surroundings, **variables}
    script = re.sub(r"^.*python3 -m venv.*$", "true", script, flags=re.MULTILINE)  # it is there already
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def inputs(step: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
    """The environment of a step of the action."""
    told = {name: re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value) for name, value in step.get("env", {}).items()}
    return {name: values[found[1]] for name, found in told.items() if found is not None}


def act(place: Path, **variables: str) -> str:
    """Execute the steps of the action; the summary that they write."""
    action = read("action.yml")
    values = {name: told.get("default", "") for name, told in action["inputs"].items()}
    assert all(values[name] or name in GIVEN or not told.get("required") for name, told in action["inputs"].items())
    summary = place / "summary"
    for step in action["runs"]["steps"]:
        if "run" in step:
            execute(step["run"], place, GITHUB_STEP_SUMMARY=str(summary), **inputs(step, values | GIVEN), **variables)
    return summary.read_text()


GIVEN = {
    "ikespec": "git+https://host.example/ikespec.git@v1",
    "dut": "reference",
    "arguments": "init-cookie-* --tier quick",
    "baseline": "results/ikespec",
}


def test_the_action_runs_and_summarises(place: Path) -> None:
    assert "Nothing unexpected" in act(place)
    assert (place / "results/ikespec/comment.md").read_text().startswith("# ikespec: what is new")


def test_where_the_runner_is_not_root_the_run_is_and_hands_all_back(place: Path) -> None:
    programs = place / "programs"
    programs.mkdir()
    log = place / "sudo.log"
    sudo = f"""
        while [ "${{1#--}}" != "$1" ]; do shift; done
        echo "$@" >> {log}
        [ "$1" = chown ] || exec "$@"
    """
    for name, text in (("id", "echo 1234"), ("sudo", sudo)):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    assert "Nothing unexpected" in act(place, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    _, run, _, back = log.read_text().splitlines()
    assert run.startswith(f"env XDG_CACHE_HOME={place}/.cache {place}/ikespec/bin/ikespec run --dut reference")
    assert back == f"chown -R 1234:1234 results {place}/.cache/ikespec {place}/ikespec"


def test_what_root_would_keep_for_the_next_run_is_where_the_cache_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [step["with"]["path"] for step in read("action.yml")["runs"]["steps"] if "cache@" in step.get("uses", "")]
    monkeypatch.setenv(CACHE_VARIABLE, "~/.cache")
    assert paths == [str(cache_directory())]
    job = read("gitlab.yml")["ikespec"]
    monkeypatch.setenv(CACHE_VARIABLE, job["variables"][CACHE_VARIABLE])
    assert [f"$CI_PROJECT_DIR/{path}" for path in job["cache"]["paths"]] == [str(cache_directory())]


def test_nothing_is_installed_that_nobody_has_named(place: Path) -> None:
    """Whoever takes a name that is free in the index would run what he likes in the CI of others."""
    told = read("action.yml")["inputs"]["ikespec"]
    assert told["required"] and "default" not in told
    assert "IKESPEC_PACKAGE" not in read("gitlab.yml")["variables"]
    steps = [step["run"] for step in read("action.yml")["runs"]["steps"] if "pip" in step.get("run", "")]
    for script in (*steps, read("gitlab.yml")["ikespec"]["before_script"][0]):
        with pytest.raises(AssertionError, match="says what pip installs"):
            execute(script, place, IKESPEC_PACKAGE="")


def test_each_job_of_a_matrix_has_a_name_of_its_own_for_what_it_uploads() -> None:
    """Within a run of a workflow actions/upload-artifact@v4 takes each name once, and none of some characters."""
    action = read("action.yml")
    names = [step["with"]["name"] for step in action["runs"]["steps"] if "upload-artifact@" in step.get("uses", "")]
    assert names == ["${{ inputs.artifact }}"]
    for job in read("github.yml")["jobs"].values():
        [step] = [step for step in job["steps"] if step.get("uses", "").startswith("./")]
        shards = job["strategy"]["matrix"]["shard"]
        artifacts, arguments = (
            [str(step["with"][key]).replace("${{ matrix.shard }}", str(shard)) for shard in shards]
            for key in ("artifact", "arguments")
        )
        assert len(set(artifacts)) == len(shards) and not set('":<>|*?\r\n\\/${') & set("".join(artifacts))
        parts = [re.search(r"--shard (\S+)", one) for one in arguments]
        assert [one and one[1] for one in parts] == [f"{number}/{len(shards)}" for number in range(1, len(shards) + 1)]


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
    job = file["ikespec"]
    told = {**file["variables"], **job["variables"], "CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "40"}
    variables = {name: value.replace("$CI_PROJECT_DIR", str(place)) for name, value in told.items()}
    variables["IKESPEC_PACKAGE"] = GIVEN["ikespec"]
    for line in (*job["before_script"], *job["script"], *job["after_script"]):
        execute(line, place, **variables)
    for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (place / path).exists()
