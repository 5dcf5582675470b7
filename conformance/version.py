"""Which ikespec this is: what stands beside each verdict, so that somebody else can try the same again."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
_PATIENCE = 5.0


def number() -> str:
    """The version that is installed, such as ``0.1.0``."""
    try:
        return version("ikespec")
    except PackageNotFoundError:
        return "source tree"


@cache
def full() -> str:
    """The same with the commit of a checkout, such as ``0.1.0 (7a2cd67)``; ``-dirty`` where files differ from it."""
    commit = _commit() if (_CHECKOUT / ".git").exists() else ""
    return f"{number()} ({commit})" if commit else number()


def _commit() -> str:
    """Empty where git is missing or does not trust the checkout."""
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
