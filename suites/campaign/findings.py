"""A finding: what an oracle has complained of, the conversation that shows it, and how surely; as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from textwrap import shorten
from typing import Any

from conformance.script.words import one_line
from suites.campaign.case import Case, Problem

SCHEMA = 1
LONGEST_SUMMARY = 160
"""Characters of a line of a list."""
FRAMES = 5
"""So many frames of a backtrace, the innermost, tell crashes apart."""
WORST_FIRST = ("death", "sanitizer", "hang", "growth", "canary", "left-behind", "requirement", "differential")
SEVERE = frozenset(WORST_FIRST[:3])

Script = tuple[Case, ...]
"""Cases that are run one after the other on one device, the first one on a fresh one."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What two findings have in common that are one.

    That is the backtrace; where there is none, what oracle complains of what. A broken requirement is the same in
    whatever state it is broken, of all else the state is a part of it.
    """

    oracle: str
    symptom: str
    state: str = ""
    requirement: str = ""
    backtrace: tuple[str, ...] = ()

    @classmethod
    def of(cls, problem: Problem, state: str) -> Signature:
        """That of a problem which was seen in a state."""
        if problem.backtrace:
            return cls(problem.oracle, "", backtrace=problem.backtrace[:FRAMES])
        if problem.requirement:
            return cls(problem.oracle, problem.symptom, requirement=problem.requirement)
        return cls(problem.oracle, problem.symptom, state)

    @property
    def id(self) -> str:
        """Its content address: whoever finds the same calls it the same."""
        text = json.dumps([self.oracle, self.symptom, self.state, self.requirement, self.backtrace])
        return sha256(text.encode()).hexdigest()[:12]

    @property
    def severity(self) -> int:
        """0 is the worst."""
        return WORST_FIRST.index(self.oracle) if self.oracle in WORST_FIRST else len(WORST_FIRST)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding.

    Attributes:
        problem: what the oracle has said.
        state: where it was seen first.
        script: what shows it; as it was found until ``examined``, then as short as it could be made.
        device: its name, version and where it runs.
        after: seconds of the campaign until it was seen; ``cases``: how many cases that were.
        examined: whether it was reproduced and reduced, or at least tried.
        tries: how often its script was run at the end, ``happened`` how often it showed the same.
        replays: how many runs the reduction took.
        datagrams: how many datagrams of ours the script sends from its states on.
        remark: what a reader has to know of how it was examined, empty for nothing.
    """

    problem: Problem
    state: str
    script: Script
    device: tuple[str, str, str] = ("", "", "")
    after: float = 0.0
    cases: int = 0
    found: str = ""
    examined: bool = False
    tries: int = 0
    happened: int = 0
    replays: int = 0
    datagrams: int = 0
    remark: str = ""

    @property
    def signature(self) -> Signature:
        """What tells it from others."""
        return Signature.of(self.problem, self.state)

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.signature.id

    @property
    def severe(self) -> bool:
        """Whether the device has died, or is about to."""
        return self.problem.oracle in SEVERE

    @property
    def kin(self) -> tuple[str, ...]:
        """What it has in common with those that may have the same root: where it is seen does not count."""
        problem = self.problem
        if problem.backtrace:
            return problem.oracle, problem.backtrace[0]
        return problem.oracle, problem.requirement, problem.symptom.replace(self.state, "")

    @property
    def title(self) -> str:
        """One line for lists."""
        where = f" at {self.problem.backtrace[0]}" if self.problem.backtrace else ""
        return one_line(f"{self.problem.oracle} in {self.state}: {self.summary}{where}")

    @property
    def summary(self) -> str:
        """What is wrong, in one line: of a requirement not what it demands alone, which reads as if that had come."""
        problem = self.problem
        if problem.oracle != "requirement":
            return problem.symptom
        return f"{problem.symptom.partition(': ')[0]}: {shorten(problem.words, LONGEST_SUMMARY, placeholder=' ...')}"

    @property
    def steps(self) -> int:
        """How many messages the script sends."""
        return sum(len(case.steps) for case in self.script)

    def to_json(self) -> dict[str, Any]:
        """As it is saved (``finding.json``)."""
        problem, signature = self.problem, self.signature
        return {
            "schema": SCHEMA,
            "id": self.id,
            "title": self.title,
            "oracle": problem.oracle,
            "symptom": problem.symptom,
            "words": problem.words,
            "requirement": problem.requirement,
            "backtrace": list(problem.backtrace),
            "signature": [signature.oracle, signature.symptom, signature.state, signature.requirement],
            "state": self.state,
            "script": [case.to_json() for case in self.script],
            "device": dict(zip(("name", "version", "backend"), self.device, strict=True)),
            "found": self.found,
            "after": round(self.after, 3),
            "cases": self.cases,
            "examined": self.examined,
            "tries": self.tries,
            "happened": self.happened,
            "rate": self.happened / self.tries if self.tries else None,
            "replays": self.replays,
            "datagrams": self.datagrams,
            "remark": self.remark,
        }

    @classmethod
    def from_json(cls, told: Any) -> Finding:
        """Inverse of `to_json`.

        Raises:
            ValueError: what was told is no finding, or one of another schema.
        """
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            raise ValueError(f"expected an object with schema {SCHEMA}")
        _check(told, str, "oracle", "symptom", "words", "requirement", "state", "found", "remark")
        _check(told, int, "cases", "tries", "happened", "replays", "datagrams")
        _check(told, list, "backtrace", "script")
        if not told["script"]:
            raise ValueError("script = [], expected a case or more")
        device = told.get("device")
        if not isinstance(device, dict):
            raise ValueError(f"device = {device!r}, expected an object")
        problem = Problem(
            told["oracle"], told["symptom"], told["words"], told["requirement"], tuple(map(str, told["backtrace"]))
        )
        return cls(
            problem,
            told["state"],
            tuple(map(Case.from_json, told["script"])),
            (str(device.get("name", "")), str(device.get("version", "")), str(device.get("backend", ""))),
            float(told.get("after", 0)),
            told["cases"],
            told["found"],
            bool(told.get("examined")),
            told["tries"],
            told["happened"],
            told["replays"],
            told["datagrams"],
            told["remark"],
        )


def _check(told: dict[str, Any], kind: type, *keys: str) -> None:
    for key in keys:
        if not isinstance(told.get(key), kind) or isinstance(told[key], bool):
            raise ValueError(f"{key} = {told.get(key)!r}, expected {_WORDS[kind]}")


_WORDS: dict[type, str] = {str: "a string", int: "an integer", list: "a list"}


def read_finding(path: Path) -> Finding:
    """A finding from its file, or from the folder that this is in.

    Raises:
        ValueError: it is none; one line with the file and what is wrong.
        OSError: it cannot be read.
    """
    file = path / "finding.json" if path.is_dir() else path
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return Finding.from_json(told)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = f"no JSON: {error}" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
        raise ValueError(f"{file}: {reason}") from None


def script_json(script: Iterable[Case]) -> str:
    """A script as text that is the same for the same script."""
    return json.dumps([case.to_json() for case in script], sort_keys=True, separators=(",", ":"))
