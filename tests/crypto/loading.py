"""The vectors of others, one file for each subject; every case names its source."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "vectors"


@cache
def vectors(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text())


def label(case: dict[str, Any]) -> str:
    """The identifier of a parametrised test."""
    return str(case["source"])


def fixed(octets: bytes) -> Callable[[int], bytes]:
    """A source of random octets that gives these, with zeros before them where more are asked for."""
    return lambda size: octets.rjust(size, b"\0")


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)
