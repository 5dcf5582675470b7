"""What the documents show can be copied: the examples in Python run as they stand there, one after the other."""

import re
from collections.abc import Iterator
from fnmatch import filter as filter_names
from pathlib import Path
from typing import Any

import pytest

from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.radius.packet import Code, read
from conformance.radius.server import RadiusServer
from conformance.tls import TlsConfig, start
from peers.capabilities import Capability
from suites.conduct import all_purposes
from tests.radius.nas import SECRET, Nas

DOCS = Path(__file__).parents[1] / "docs"


def examples(name: str) -> list[str]:
    """The blocks of Python in a document that are no purposes."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    return [one for one in blocks if "def test_" not in one and "@as_server" not in one]


def named(text: str) -> Iterator[str]:
    """What stands there as the id of a purpose, or of several: ``eap-{sim,aka}-again*`` is two."""
    first, brace, rest = text.partition("{")
    if not brace:
        yield text
        return
    words, _, last = rest.partition("}")
    for one in words.split(","):
        yield from named(f"{first}{one.strip()}{last}")


@pytest.mark.parametrize("document", ["certificates.md", "eap.md"])
def test_purposes_that_are_named_exist(document: str) -> None:
    known = set(all_purposes())
    subjects = {one.split("-")[0] for one in known}
    words = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9*{},]+)+)`", (DOCS / document).read_text(encoding="utf-8")))
    purposes = {one for one in words if one.split("-")[0] in subjects} - {one.value for one in Capability}
    found = [one for word in purposes for one in named(word)]
    assert found
    assert [one for one in found if not filter_names(known, one)] == []


def test_examples_of_eap(capsys: Any) -> None:
    scope: dict[str, Any] = {}
    conversation, bent, tls, swept = examples("eap.md")
    exec(conversation, scope)
    assert capsys.readouterr().out == "Outcome.SUCCESS True\n"
    peer, server = scope["peer"], scope["server"]
    assert isinstance(peer, EapPeer)
    assert isinstance(server, EapServer)
    exec(bent, scope)
    exec(tls, scope)
    client = scope["client"]
    assert isinstance(client, TlsConfig)
    scope["octets"] = start(client).step()[5:]  # a ClientHello without the header of its record
    exec(swept, scope)
    assert scope["one"].text


def test_example_of_radius() -> None:
    """All but the sockets: the server lets carol in, and proves it wrongly, as its bend has it."""
    scope: dict[str, Any] = {}
    (whole,) = examples("radius.md")
    exec(whole.partition("\nwith ")[0], scope)
    server = scope["server"]
    assert isinstance(server, RadiusServer)
    nas = Nas(server)
    (answer,) = nas.raw(nas.access(("User-Name", "carol"), password=b"secret"))
    packet = read(answer.octets, SECRET, nas.asked)
    assert packet.code == Code.ACCESS_ACCEPT
    assert packet.authenticated is False
    assert packet.all("Cisco-AVPair") == ["ipsec:dns-servers=10.0.0.1"]
