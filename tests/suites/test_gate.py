"""What people gate with: tiers, profiles, selections, limits, and what a pull request is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites.conduct import all_purposes
from suites.options import Selection
from suites.profiles import ProfileError, load, names
from suites.purpose import TIERS

HOUSE = Path(__file__).resolve().parents[2]


def ikespec(*words: str, code: int = 0, path: Path = HOUSE) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(HOUSE), str(path)))}
    command = [sys.executable, "-m", "ikespec", *words]
    done = subprocess.run(command, cwd=HOUSE, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def chosen(**wanted: object) -> set[str]:
    selection = Selection(**wanted)  # type: ignore[arg-type]
    return {one for one, written in all_purposes().items() if selection.takes(written.purpose, written.subject)}


def test_each_tier_has_all_of_those_before_it() -> None:
    quick, full, slow = (chosen(tier=tier) for tier in TIERS)
    assert quick < full < slow == set(all_purposes())
    assert not any(all_purposes()[one].purpose.waits for one in quick)


def test_a_module_may_say_which_tier_begins_to_have_it() -> None:
    for identifier, written in all_purposes().items():
        said = vars(sys.modules[written.function.__module__]).get("TIER", "quick")
        assert written.purpose.depth == said, identifier
        assert TIERS.index(written.purpose.tier) >= TIERS.index(said)
    assert "full" in {written.purpose.depth for written in all_purposes().values()}


def test_selections_narrow_each_other() -> None:
    redirect, musts = chosen(rfcs=(5685,)), chosen(level="MUST")
    assert redirect and musts
    assert chosen(rfcs=(5685,), level="MUST") == redirect & musts
    assert chosen(rfcs=(5685,), role="initiator") < redirect


@pytest.mark.parametrize("name", names())
def test_profiles_that_are_built_in(name: str) -> None:
    profile = load(name)
    identifiers = [one.id for one in profile.activities]
    assert len(set(identifiers)) == len(identifiers)
    assert all(one.purposes or one.by_hand for one in profile.activities)
    assert profile.purposes == chosen(profile=profile.purposes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "own.toml, line 1: title is missing: expected text in quotes"),
        ('title = "x"', "expected tables headed [[activity]]"),
        ('title = "x"\n[[activity]]\nid = "1"\ntext = "y"\npurposes = ["nothing-*"]', "nothing fits 'nothing-*'"),
        ('title = "x"\n[[activity]]\nid = "1"\ntext = "y"', "no purpose does it"),
        ('title = "x"\n[[activity]]\nid = "1"\ntext = "y"\nrole = "both"\nby_hand = "z"', "expected initiator or"),
        ('title = "x"\n[[activity]]\nid = "1"\ntext = "y"\nrow = ["INV-*"]\nby_hand = "z"', "unknown key"),
    ],
)
def test_a_profile_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ProfileError) as caught:
        load(str(path))
    assert complaint in str(caught.value) and "\n" not in str(caught.value)


def test_there_is_no_such_profile() -> None:
    with pytest.raises(ProfileError, match='did you mean "niap"'):
        load("niab")
    with pytest.raises(ProfileError, match="there is no such file"):
        load("missing.toml")


def test_a_profile_is_reported_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'title = "Ours"\n'
        '[[activity]]\nid = "B"\ntext = "cookies"\npurposes = ["init-cookie-echo"]\n'
        '[[activity]]\nid = "A"\ntext = "lamps"\nby_hand = "look at the lamps"\n'
    )
    ikespec("run", "--profile", str(path), "--out", str(tmp_path / "run"))
    table = (tmp_path / "run" / "profile.md").read_text()
    assert table.index("| B | cookies | **pass** |") < table.index("| A | lamps | **by hand** |")
    assert "look at the lamps" in (tmp_path / "run" / "profile.html").read_text()
    assert json.loads((tmp_path / "run" / "badge.json").read_text())["message"] == "1 passed"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_ends_after_so_many_failures(tmp_path: Path, workers: str) -> None:
    dut, out = "reference:cookie-not-first", str(tmp_path / workers)
    told = ikespec("run", "init-*", "--dut", dut, "--max-fail", "1", "-n", workers, "--out", out, code=1)
    assert "unexpected verdicts (--max-fail)" in told
    assert json.loads((tmp_path / workers / "run.json").read_text())["finished"] is None


def test_a_purpose_that_takes_too_long_is_inconclusive(tmp_path: Path) -> None:
    ikespec("run", "data-set-up", "--timeout", "0.0001", "--no-look", "--out", str(tmp_path / "run"), code=2)
    record = json.loads((tmp_path / "run" / "results.jsonl").read_text().splitlines()[-1])
    assert (record["verdict"], record["reason"]) == ("inconclusive", "it takes more than 0.0001 s (--timeout)")


@pytest.mark.parametrize(
    "words",
    [
        ("--tier", "fast"),
        ("--level", "SHALL"),
        ("--profile", "niab"),
        ("--profile", "none.toml"),
        ("--repeat", "0"),
        ("--timeout", "-1"),
        ("--max-fail", "-1"),
        ("--retry", "-2"),
    ],
)
def test_words_that_mean_nothing(words: tuple[str, str]) -> None:
    assert ikespec("run", *words, code=2).startswith(f"ikespec: {words[0]} {words[1]}: ")


def test_a_comparison_in_markdown(tmp_path: Path) -> None:
    good, bad = str(tmp_path / "good"), str(tmp_path / "bad")
    ikespec("run", "init-cookie-*", "--out", good)
    ikespec("run", "init-cookie-*", "--dut", "reference:cookie-not-first", "--out", bad, code=1)
    told = ikespec("compare", "--markdown", good, bad, code=1)
    assert told.startswith("# ikespec: what is new") and "## Newly failing" in told


def test_what_never_passes_is_repeated_too(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text('[[deviation]]\npurpose = "init-cookie-echo"\ngot = "*"\nreason = "x"\nreference = "y"\n')
    words = ("--dut", "reference:cookie-not-first", "--deviations", str(known), "--repeat", "2")
    told = ikespec("run", "init-cookie-echo", *words, "--out", str(tmp_path / "out"))
    assert "2 runs of 1 purposes: every verdict was the same each time" in told


def test_a_device_whose_verdicts_change_is_noticed(tmp_path: Path) -> None:
    told = ikespec("run", "init-cookie-*", "--repeat", "2", "--out", str(tmp_path / "steady"))
    assert "every verdict was the same each time" in told
    flag = tmp_path / "flag"
    plugin = tmp_path / "fickle.py"
    plugin.write_text(
        "import pathlib\nfrom suites import verdicts\njudge = verdicts.judge\n"
        f"flag = pathlib.Path({str(flag)!r})\n"
        "def fickle(purpose, *given):\n"
        "    second = flag.exists() and purpose.id == 'init-cookie-echo'\n"
        "    return judge(purpose, AssertionError('now it fails') if second else given[0], *given[1:])\n"
        "verdicts.judge = fickle\n"
        "def pytest_unconfigure():\n    flag.touch()\n"
    )
    words = ("--pytest=-p", "--pytest=fickle", "--repeat", "2", "--out", str(tmp_path / "fickle"))
    told = ikespec("run", "init-cookie-*", *words, code=1, path=tmp_path)
    assert "1 of " in told and "init-cookie-echo: 1 pass, 1 inconclusive" in told
    assert list(json.loads((tmp_path / "fickle" / "repeat.json").read_text())["changed"]) == ["init-cookie-echo"]
