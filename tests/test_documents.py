"""What the documents show can be copied: the examples in Python run as they stand there, one after the other."""

import re
from pathlib import Path
from typing import Any

from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.radius.packet import Code, read
from conformance.radius.server import RadiusServer
from conformance.tls import TlsConfig, start
from tests.radius.nas import SECRET, Nas

DOCS = Path(__file__).parents[1] / "docs"


def examples(name: str) -> list[str]:
    """The blocks of Python in a document that are no purposes."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    return [one for one in blocks if "def test_" not in one and "@as_server" not in one]


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
