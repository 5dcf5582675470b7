"""What a command of a device file prints: its end is kept, and one that never ends printing is stopped."""

import subprocess
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector
from time import monotonic

KEPT = 4 << 20
"""Octets of each stream that are kept, the last ones."""
MOST = 256 << 20
"""Octets after which a command prints too much."""
_PIECE = 1 << 16


class TooMuch(Exception):  # noqa: N818 - whoever runs the command makes an error of it
    """A command prints on and on."""


@dataclass(slots=True)
class Printed:
    """One stream of a command: how many octets it had in all, and the last ones of them."""

    total: int = 0
    kept: bytearray = field(default_factory=bytearray)

    def add(self, piece: bytes) -> None:
        """Another piece. Raises TooMuch."""
        self.total += len(piece)
        if self.total > MOST:
            raise TooMuch
        self.kept += piece
        if len(self.kept) > 2 * KEPT:
            del self.kept[:-KEPT]

    def text(self, begin: int = 0) -> str:
        """What is kept of it from this octet of the whole on."""
        missing = self.total - len(self.kept[-KEPT:])
        return self.kept[-KEPT:][max(0, begin - missing) :].decode(errors="replace").replace("\r\n", "\n")


def read(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[Printed, Printed]:
    """Both streams of a command until it ends. Raises TooMuch, and subprocess.TimeoutExpired after so many seconds."""
    output, complaint = Printed(), Printed()
    end = monotonic() + seconds
    with DefaultSelector() as streams:
        for stream, printed in ((process.stdout, output), (process.stderr, complaint)):
            assert stream is not None
            streams.register(stream, EVENT_READ, printed)
        while streams.get_map():
            for key, _ in streams.select(max(0.0, end - monotonic())):
                piece = key.fileobj.read1(_PIECE)  # type: ignore[union-attr]
                if piece:
                    key.data.add(piece)
                else:
                    streams.unregister(key.fileobj)
            if monotonic() > end:
                raise subprocess.TimeoutExpired(process.args, seconds)
    process.wait(max(0.0, end - monotonic()))
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return output, complaint
