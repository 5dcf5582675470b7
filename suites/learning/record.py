"""What a device has been asked so far, kept in a file as it happens, so that learning goes on after an interruption."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from suites.files import write_text
from suites.learning.machine import Word

SCHEMA = 1

Conversation = tuple[Word, tuple[str, ...]]
"""Messages, and what each was answered with."""


class RecordError(Exception):
    """A file that cannot be gone on with: one line."""


@dataclass(frozen=True, slots=True)
class Record:
    """A file with one conversation a line, below a line about the device.

    Attributes:
        path: where it is.
        device: name and release; what another one has said counts nothing.
        messages: each message of the alphabet with what it is; where that has changed, old answers count nothing.
    """

    path: Path
    device: str
    messages: dict[str, str]

    def read(self) -> list[Conversation]:
        """All conversations. Raises RecordError, OSError."""
        try:
            head, *lines = self.path.read_text(encoding="utf-8").splitlines()
            said = json.loads(head)
            if said != self._head():
                raise RecordError(f"{self.path}: was asked of {said.get('device')}, or with other messages")
            if lines and not lines[-1].endswith("}"):
                del lines[-1]  # it was being written when somebody ended that
            return [_parsed(line) for line in lines]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{self.path}: is no record of conversations: {error}") from None

    def open(self, known: Sequence[Conversation]) -> TextIO:
        """Write what is known; what is asked from now on goes below it. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(self._head()) + "\n", *(_line(word, answers) for word, answers in known)]
        write_text(self.path, "".join(lines))
        return self.path.open("a", encoding="utf-8", buffering=1)

    def _head(self) -> dict[str, object]:
        return {"schema": SCHEMA, "device": self.device, "messages": self.messages}


def note(file: TextIO, word: Word, answers: Sequence[str]) -> None:
    """Write one more conversation. Raises OSError."""
    file.write(_line(word, answers))


def _line(word: Word, answers: Sequence[str]) -> str:
    return json.dumps({"word": word, "answers": answers}) + "\n"


def _parsed(line: str) -> Conversation:
    found = json.loads(line)
    word, answers = tuple(map(str, found["word"])), tuple(map(str, found["answers"]))
    if len(word) != len(answers):
        raise ValueError("a conversation with other than one answer to each message")
    return word, answers
