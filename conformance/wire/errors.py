"""What the decoder says when bytes are no IKEv2 message."""

from __future__ import annotations


class WireError(Exception):
    """Bytes that break the format of RFC 7296 section 3 (or of the extension that defines the payload).

    Attributes:
        offset: where the offending field starts, in bytes from the start of the message (or of what was decoded).
        field: path of the field, such as ``SA.proposal[0].transform[1].length``.
        problem: what was found and what was expected.
    """

    def __init__(self, offset: int, field: str, problem: str) -> None:
        super().__init__(offset, field, problem)
        self.offset = offset
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"offset {self.offset}: {self.field}: {self.problem}"

    def within(self, parent: str, offset: int) -> WireError:
        """The same error seen from the structure `parent`, whose content starts `offset` bytes into its own parent."""
        return WireError(self.offset + offset, f"{parent}.{self.field}" if self.field else parent, self.problem)
