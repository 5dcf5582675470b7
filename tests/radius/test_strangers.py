"""Our server and our client of dynamic authorization with FreeRADIUS' radclient and radiusd on loopback."""

import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from conformance.net.link import Address
from conformance.net.sockets import bind
from conformance.radius import bend, grant
from conformance.radius.dynamic import DynamicClient
from conformance.radius.link import RadiusLink, exchange
from conformance.radius.server import RadiusServer
from tests.eap.radius import SECRET
from tests.eap.strangers import program, radiusd

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("eap")]

DAE = """
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
}}
server default {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    recv-coa {{
        if (&User-Name == "carol") {{
            ok
        }}
        else {{
            update reply {{
                Error-Cause := Session-Context-Not-Found
            }}
            reject
        }}
    }}
    send-coa {{
        ok
    }}
}}
"""


def radclient(address: Address, kind: str, *lines: str) -> str:
    """What radclient prints about one request and its answer."""
    command = [program("radclient"), "-x", "-t", "1", "-r", "1", str(address), kind, SECRET.decode()]
    ran = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=15, check=False
    )
    return ran.stdout + ran.stderr


def test_radclient_with_our_server() -> None:
    granted = [
        *grant.address("10.9.8.7", "255.255.255.0"),
        grant.pair("dns-servers", "10.0.0.1"),
        *grant.dns("10.0.0.2"),
    ]
    server = RadiusServer(SECRET, random=Random(3).randbytes, users={"carol": b"secret"}, granted=granted)
    with RadiusLink(server) as link:
        said = radclient(link.authentication, "auth", "User-Name = carol", "User-Password = secret")
        assert "Received Access-Accept" in said, said
        for line in ("Framed-IP-Address = 10.9.8.7", "ipsec:dns-servers=10.0.0.1", "MS-Primary-DNS-Server = 10.0.0.2"):
            assert line in said
        assert "Received Access-Reject" in radclient(link.authentication, "auth", "User-Name = x", "User-Password = y")
        server.bends.append(bend.wrong_message_authenticator() | bend.doubled())
        said = radclient(link.authentication, "auth", "User-Name = carol", "User-Password = secret")
        assert "Received Access-Accept" not in said, said
        session = ("Acct-Session-Id = 7", "User-Name = carol")
        for record in (("Start",), ("Interim-Update", "Acct-Input-Octets = 5"), ("Stop", "Acct-Input-Octets = 4")):
            told = (f"Acct-Status-Type = {record[0]}", *session, "Acct-Input-Packets = 1", *record[1:])
            assert "Received Accounting-Response" in radclient(link.accounting, "acct", *told)
    assert [one.status for one in server.ledger.of("7")] == [1, 3, 2]
    assert "session 7: record 3: input octets fell from 5 to 4" in server.ledger.faults()


def test_late_silent_and_foreign_answers_on_the_wire() -> None:
    server = RadiusServer(SECRET, random=Random(3).randbytes, users={"carol": b"secret"})
    asking = ("auth", "User-Name = carol", "User-Password = secret")
    with RadiusLink(server) as link:
        server.bends.append(bend.late(0.3))
        before = time.monotonic()
        assert "Received Access-Accept" in radclient(link.authentication, *asking)
        assert time.monotonic() - before > 0.3
        server.always = bend.elsewhere()
        assert "Received Access-Accept" not in radclient(link.authentication, *asking)
        assert link.until(lambda found: len(found.requests()) == 2, 1)


def test_our_client_with_freeradius(tmp_path: Path) -> None:
    client = DynamicClient(SECRET)
    [one] = bind([Address("127.0.0.1", 0)])
    with radiusd(tmp_path, DAE) as server, one:
        device = Address("127.0.0.1", server.port)
        for request in (client.disconnect, client.change):
            told = exchange(one, client, request(("User-Name", "carol")), device, 5)
            assert told and told.accepted and not told.faults
            told = exchange(one, client, request(("User-Name", "nobody")), device, 5)
            assert told and not told.accepted and told.error == 503 and not told.faults
        wrong = client.disconnect(("User-Name", "carol"), bend=bend.wrong_authenticator())
        assert exchange(one, client, wrong, device, 1) is None
