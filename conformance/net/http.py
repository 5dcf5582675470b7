"""HTTP as far as a device needs it that checks certificates: a server of pages that are right or wrong on purpose.

Sans I/O: a request goes in, what to send comes out with the time to wait before it. `conformance.net.web` serves it on
a socket, `conformance.net.fetching` is the client of our own devices, which needs no socket where both are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from math import inf

from conformance.net.link import Address

LARGEST_REQUEST = 1 << 20
"""Octets of a request that are looked at."""
MOST_REQUESTS = 1000
"""So many requests are remembered."""
_PIECE = 16384

Step = tuple[float, bytes]
"""Seconds to wait, and what to send then."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the server, with everything that may be wrong in it.

    ``kind`` is its media type, ``location`` where a redirection leads to. ``length`` is what Content-Length says, None:
    the truth. The answer begins after ``wait`` seconds; its body comes in pieces of ``piece`` octets with ``pause``
    seconds before each. After ``stop`` octets of the body the connection ends. With ``endless`` the body is repeated
    for ever and Content-Length left out, with ``silent`` nothing is ever said, and with ``hold`` nothing more: the
    connection stays.
    """

    body: bytes = field(default=b"", repr=False)
    status: int = 200
    kind: str = "application/octet-stream"
    location: str = ""
    length: int | None = None
    wait: float = 0.0
    piece: int = _PIECE
    pause: float = 0.0
    stop: int | None = None
    endless: bool = False
    silent: bool = False
    hold: bool = False

    def steps(self) -> Iterator[Step]:
        """What is sent when; at the end the connection is closed. Endless where the page is."""
        if self.silent:
            yield inf, b""
            return
        yield self.wait, self.head()
        whole = self.body[: self.stop]
        pieces = [whole[at : at + self.piece] for at in range(0, len(whole), self.piece)]
        for one in chain.from_iterable(repeat(pieces)) if self.endless and pieces else pieces:
            yield self.pause, one
        if self.hold:
            yield inf, b""

    def head(self) -> bytes:
        """The status line and the header fields."""
        lines = [f"HTTP/1.1 {self.status} {'OK' if self.status == 200 else 'No'}", f"Content-Type: {self.kind}"]
        if self.location:
            lines.append(f"Location: {self.location}")
        if not self.endless:
            lines.append(f"Content-Length: {len(self.body) if self.length is None else self.length}")
        return "\r\n".join((*lines, "Connection: close", "", "")).encode()


NOT_FOUND = Page(b"nothing here\n", 404, "text/plain")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came. ``path`` is as it stands in the request line, at most 8000 characters of it."""

    method: str
    path: str
    body: bytes = field(default=b"", repr=False)


class WebServer:
    """Pages by path. What stands for a path may also be a function of the request; so it can count, or compute.

    A page also answers for what is below its path, as in ``/ocsp/MEIwQDA``: so OCSP asks with GET (RFC 6960, A.1).
    ``asked`` is what was asked for, in order.
    """

    def __init__(self, host: str, port: int) -> None:
        """A server that will be reached at this address."""
        self.address = Address(host, port)
        self.pages: dict[str, Page | Callable[[Asked], Page]] = {}
        self.asked: list[Asked] = []

    def url(self, path: str) -> str:
        """The URL of a path, which begins with ``/``."""
        return f"http://{self.address}{path}"

    def put(self, path: str, page: Page | Callable[[Asked], Page]) -> str:
        """Serve a page; returns its URL."""
        self.pages[path] = page
        return self.url(path)

    def requests(self, path: str) -> list[Asked]:
        """What was asked for at a path and below it."""
        return [one for one in self.asked if one.path == path or one.path.startswith(f"{path}/")]

    def answer(self, octets: bytes) -> Page | None:
        """The answer to a request, None: more of it must come. What is no request gets status 400."""
        head, end, body = octets.partition(b"\r\n\r\n")
        if not end:
            return Page(status=400) if len(octets) > LARGEST_REQUEST else None
        words = head.partition(b"\r\n")[0].decode("latin-1").split()
        length = _length(head)
        if len(words) != 3 or length is None or length > LARGEST_REQUEST:
            return Page(status=400)
        if len(body) < length:
            return None
        asked = Asked(words[0], words[1][:8000], body[:length])
        if len(self.asked) < MOST_REQUESTS:
            self.asked.append(asked)
        return self._page(asked)

    def connect(self, address: Address, request: bytes) -> Iterator[Step]:
        """A whole conversation in memory. Raises OSError where nobody listens at that address."""
        if address != self.address:
            raise ConnectionRefusedError(f"nobody listens at {address}")
        page = self.answer(request)
        return page.steps() if page is not None else Page(silent=True).steps()

    def _page(self, asked: Asked) -> Page:
        found = self.pages.get(asked.path)
        if found is None:
            above = [path for path in self.pages if asked.path.startswith(f"{path}/")]
            found = self.pages[max(above, key=len)] if above else NOT_FOUND
        return found if isinstance(found, Page) else found(asked)


def _length(head: bytes) -> int | None:
    """What Content-Length says, 0 where there is none, None where that is no number."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            value = value.strip()
            return int(value) if value.isdigit() and len(value) < 12 else None
    return 0
