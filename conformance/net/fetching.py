"""A client of HTTP that trusts no server: bounded in octets, in seconds and in redirections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from conformance.net.http import Step
from conformance.net.link import Address

Connect = Callable[[Address, bytes], Iterator[Step]]
"""Sends a request to an address; what comes back, each piece with the seconds that it took. Raises OSError."""


class FetchError(Exception):
    """Nothing could be fetched: one line that says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fetch may cost: octets of an answer, seconds in all, and redirections that are followed."""

    octets: int = 1 << 20
    seconds: float = 3.0
    redirects: int = 3


class WebClient:
    """Fetches what URLs name. ``spent`` is how many seconds that took so far, by whatever clock ``connect`` has."""

    def __init__(self, connect: Connect, limits: Limits | None = None) -> None:
        """A client over ``connect``, of which one for real is `over_sockets`."""
        self.connect, self.limits = connect, limits or Limits()
        self.spent = 0.0

    def fetch(self, url: str, body: bytes | None = None, kind: str = "") -> bytes:
        """The body of what is at a URL; with a ``body`` of the media type ``kind`` it is asked for by POST.

        Raises FetchError for everything but a whole answer with status 200 within the limits.
        """
        left = self.limits.seconds
        for _ in range(self.limits.redirects + 1):
            head, found, took = self._ask(url, body, kind, left)
            left -= took
            status = _status(head)
            if status == 200:
                return found
            target = _field(head, "location")
            if not 300 <= status < 400 or not target:
                raise FetchError(f"{url}: status {status}")
            url = urljoin(url, target)
        raise FetchError(f"{url}: more than {self.limits.redirects} redirections")

    def _ask(self, url: str, body: bytes | None, kind: str, left: float) -> tuple[str, bytes, float]:
        """The head and the body of an answer, and the seconds that it took."""
        address, request = _request(url, body, kind)
        octets, took = b"", 0.0
        try:
            for wait, piece in self.connect(address, request):
                took += wait
                if took > left:
                    self.spent += left
                    raise FetchError(f"{url}: no whole answer within {self.limits.seconds:g} s")
                octets += piece
                if len(octets) > self.limits.octets:
                    self.spent += took
                    raise FetchError(f"{url}: more than {self.limits.octets} octets")
                if _is_whole(octets):
                    break
        except OSError as error:
            self.spent += took
            raise FetchError(f"{url}: {error}") from None
        self.spent += took
        head, end, found = octets.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        length = _field(text, "content-length")
        if not end or (length.isdigit() and len(found) < int(length[:12])):
            raise FetchError(f"{url}: the answer ends too early")
        return text, found[: int(length[:12])] if length.isdigit() else found, took


def over_sockets(address: Address, request: bytes, patience: float = 3.0) -> Iterator[Step]:
    """A conversation over TCP: see `Connect`. Silence of ``patience`` seconds ends it with TimeoutError."""
    begun = time.monotonic()
    with socket.create_connection(address, patience) as one:
        one.sendall(request)
        while piece := one.recv(65536):
            now = time.monotonic()
            yield now - begun, piece
            begun = now


def _request(url: str, body: bytes | None, kind: str) -> tuple[Address, bytes]:
    try:
        parts = urlsplit(url)
        address = Address(parts.hostname or "", parts.port or 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if parts.scheme != "http" or not address.host or any(one in target for one in " \r\n"):
            raise ValueError
        head = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.0", f"Host: {parts.netloc.rpartition('@')[2]}"]
        if body is not None:
            head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        return address, "\r\n".join((*head, "", "")).encode("ascii") + (body or b"")
    except ValueError:  # a character outside of ASCII is one, too
        raise FetchError(f"{url[:200]!r} is no URL of HTTP") from None


def _is_whole(octets: bytes) -> bool:
    head, end, body = octets.partition(b"\r\n\r\n")
    length = _field(head.decode("latin-1"), "content-length")
    return bool(end) and length.isdigit() and len(body) >= int(length[:12])


def _status(head: str) -> int:
    words = head.split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and words[0].startswith("HTTP/") and words[1].isdigit() else 0


def _field(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        found, _, value = line.partition(":")
        if found.strip().lower() == name:
            return value.strip()
    return ""
