"""Which ikespec made a verdict."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import version


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(version, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(version, "full", version.full.__wrapped__)
    return tmp_path


def git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """There is a git that does this."""
    (folder / ".git").mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_checkout_tells_its_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(checkout, monkeypatch, f'[ "$1 $2 $3" = "-C {checkout} describe" ] && echo 7a2cd67-dirty')
    assert version.full() == f"{version.number()} (7a2cd67-dirty)"


def test_without_a_checkout_there_is_the_number_alone(checkout: Path) -> None:
    assert version.full() == version.number()


@pytest.mark.parametrize("script", ["echo fatal: not a repository >&2; exit 128", "sleep 9"])
def test_a_git_that_cannot_say_does_no_harm(checkout: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(version, "_PATIENCE", 0.2)
    git(checkout, monkeypatch, script)
    assert version.full() == version.number()


def test_the_command_tells_it() -> None:
    done = subprocess.run([sys.executable, "-m", "ikespec", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"ikespec {version.full()}\n")
