"""The web server and the client of our own devices: whatever the server does, the client comes back in time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.net.fetching import Connect, FetchError, Limits, WebClient, over_sockets
from conformance.net.http import Asked, Page, WebServer
from conformance.net.link import Address
from conformance.net.sockets import bind
from conformance.net.web import WebLink

LIMITS = Limits(octets=50_000, seconds=0.4, redirects=2)


@contextmanager
def in_memory(server: WebServer) -> Iterator[Connect]:
    yield server.connect


@contextmanager
def on_loopback(server: WebServer) -> Iterator[Connect]:
    with WebLink(server):
        yield lambda address, request: over_sockets(address, request, LIMITS.seconds)


@pytest.fixture(params=[in_memory, on_loopback])
def reached(request: pytest.FixtureRequest) -> Iterator[tuple[WebServer, WebClient]]:
    with bind([Address("127.0.0.1", 0)])[0] as probe:
        port = probe.getsockname()[1]
    server = WebServer("127.0.0.1", port)
    with request.param(server) as connect:
        yield server, WebClient(connect, LIMITS)


def test_right(reached: tuple[WebServer, WebClient]) -> None:
    server, client = reached
    url = server.put("/one", Page(b"right"))
    assert client.fetch(url) == b"right"
    assert server.asked == [Asked("GET", "/one")]


def test_post_to_a_function(reached: tuple[WebServer, WebClient]) -> None:
    server, client = reached
    url = server.put("/ocsp", lambda asked: Page(asked.body[::-1]))
    assert client.fetch(url, b"abc", "application/x") == b"cba"
    assert client.fetch(url + "/below") == b""
    assert [(one.method, one.path) for one in server.requests("/ocsp")] == [("POST", "/ocsp"), ("GET", "/ocsp/below")]


def test_redirected(reached: tuple[WebServer, WebClient]) -> None:
    server, client = reached
    url = server.put("/from", Page(status=302, location="/to"))
    server.put("/to", Page(b"found"))
    assert client.fetch(url) == b"found"


@pytest.mark.parametrize(
    ("page", "problem"),
    {
        Page(status=404): "status 404",
        Page(status=302, location="/bad"): "more than 2 redirections",
        Page(b"never"): "",
        Page(b"x" * 60_000): "more than 50000 octets",
        Page(b"x" * 9000, endless=True): "more than 50000 octets",
        Page(b"x", endless=True, pause=0.05): "no whole answer within 0.4 s|timed out",
        Page(b"slow", wait=9.0): "no whole answer within 0.4 s|timed out",
        Page(silent=True): "no whole answer within 0.4 s|timed out",
        Page(b"short", stop=2): "ends too early",
        Page(b"short", length=9): "ends too early",
        Page(b"short", length=9, hold=True): "no whole answer within 0.4 s|timed out",
    }.items(),
)
def test_bounded(reached: tuple[WebServer, WebClient], page: Page, problem: str) -> None:
    server, client = reached
    url = server.put("/bad", page)
    begun = time.monotonic()
    if problem:
        with pytest.raises(FetchError, match=problem):
            client.fetch(url)
    else:
        assert client.fetch(url) == page.body
    assert time.monotonic() - begun < 2


def test_content_length_too_small(reached: tuple[WebServer, WebClient]) -> None:
    server, client = reached
    assert client.fetch(server.put("/cut", Page(b"longer", length=4))) == b"long"


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "http:///x", "http://127.0.0.1:99999/", "http://127.0.0.1/ä", "x"]
)
def test_no_url(url: str) -> None:
    with pytest.raises(FetchError, match="is no URL of HTTP"):
        WebClient(over_sockets).fetch(url)


def test_nobody_there() -> None:
    server = WebServer("127.0.0.1", 1)
    for connect in (over_sockets, WebServer("127.0.0.1", 2).connect):
        with pytest.raises(FetchError):
            WebClient(connect).fetch(server.url("/"))


def test_time_of_memory_is_counted() -> None:
    server = WebServer("127.0.0.1", 80)
    client = WebClient(server.connect, LIMITS)
    assert client.fetch(server.put("/slow", Page(b"slow", wait=0.2, pause=0.1))) == b"slow"
    with pytest.raises(FetchError):
        client.fetch(server.put("/never", Page(silent=True)))
    assert client.spent == pytest.approx(0.3 + LIMITS.seconds)


@pytest.mark.parametrize("octets", [b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"])
def test_no_request(octets: bytes) -> None:
    found = WebServer("127.0.0.1", 80).answer(octets)
    assert found is not None and found.status == 400


def test_request_in_parts() -> None:
    server = WebServer("127.0.0.1", 80)
    assert server.answer(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab") is None
    assert server.answer(b"x" * 70_000) is None
    assert not server.asked
