"""EAP-TLS, EAP-TTLS and PEAP against those of others, with both versions of TLS and both of our engines."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from random import Random

import pytest

from conformance.eap.conversation import Outcome
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.tls import TlsVersion
from tests.eap.radius import SECRET, PassThrough, ask
from tests.eap.strangers import Server, daemon, eapol_test, free_port, program
from tests.eap.tunnels import PASSWORD, WAYS, peer_method, server_method
from tests.tls.pair import client, leaf, root, server

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("eap-tls")]

TLS_1_2, TLS_1_3 = TlsVersion
KINDS = ["TLS", *WAYS]
EACH = list(product(KINDS, TlsVersion))
ENGINES = ["openssl", "lite"]
# hostapd 2.10 exports 64 octets for the tunnel's key, RFC 9427 says 128; in TLS 1.3 that is another key.
BINDS_DIFFERENTLY = [(way, TLS_1_3) for way in WAYS if way.startswith("PEAP")]

HOSTAPD = """driver=none
interface=none0
radius_server_clients={run}/clients
radius_server_auth_port={port}
eap_server=1
eap_user_file={run}/users
ca_cert={run}/ca.pem
server_cert={run}/server.pem
private_key={run}/server.key
tls_flags=[ENABLE-TLSv1.3]
server_id=hostapd
logger_stdout=-1
logger_stdout_level=0
"""
USERS = """"TLS" TLS
"TTLS" TTLS
"PEAP" PEAP [ver=0]
"carol" MSCHAPV2,MD5,GTC,TTLS-PAP,TTLS-CHAP,TTLS-MSCHAPV2 "eappassword" [2]
"""

FREERADIUS = """
logdir = {run}
run_dir = {run}
pidfile = {run}/pid
libdir = /usr/lib/freeradius
max_requests = 16384
security {{ allow_vulnerable_openssl = yes }}
modules {{
    eap outer {{
        default_eap_type = tls
        tls-config common {{
            private_key_file = {run}/server.key
            certificate_file = {run}/server.pem
            ca_file = {run}/ca.pem
            tls_min_version = "1.2"
            tls_max_version = "1.3"
            fragment_size = 600
        }}
        tls {{ tls = common }}
        ttls {{
            tls = common
            default_eap_type = md5
            virtual_server = inner
        }}
        peap {{
            tls = common
            default_eap_type = mschapv2
            virtual_server = inner
        }}
    }}
    eap inside {{
        default_eap_type = mschapv2
        md5 {{ }}
        gtc {{ auth_type = PAP }}
        mschapv2 {{ }}
    }}
    mschap {{ }}
    chap {{ }}
    pap {{ }}
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = {secret}
    proto = udp
}}
server outer {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        outer
    }}
    authenticate {{
        outer
    }}
}}
server inner {{
    authorize {{
        update control {{ Cleartext-Password := "eappassword" }}
        chap
        mschap
        inside
        pap
    }}
    authenticate {{
        inside
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates."""
    found = tmp_path_factory.mktemp("tls")
    (found / "ca.pem").write_bytes(root().certificate_pem)
    for name in ("client", "server"):
        (found / f"{name}.pem").write_bytes(leaf(name).chain_pem)
        (found / f"{name}.key").write_bytes(leaf(name).key_pem)
    return found


@pytest.fixture(scope="module")
def hostapd(run: Path) -> Iterator[Server]:
    found, port = program("hostapd"), free_port()
    (run / "clients").write_text(f"127.0.0.1/32\t{SECRET.decode()}\n")
    (run / "users").write_text(USERS)
    (run / "hostapd.conf").write_text(HOSTAPD.format(run=run, port=port))
    with daemon([found, "-dd", "-K", str(run / "hostapd.conf")], run / "hostapd.log", "AP-ENABLED"):
        yield Server(port, run / "hostapd.log")


@pytest.fixture(scope="module")
def freeradius(run: Path) -> Iterator[Server]:
    found, port = program("freeradius"), free_port()
    (run / "radiusd.conf").write_text(FREERADIUS.format(run=run, port=port, secret=SECRET.decode()))
    log = run / "freeradius.log"
    with daemon([found, "-f", "-l", "stdout", "-x", "-d", str(run)], log, "Ready to process"):
        yield Server(port, log)


def our_peer(kind: str, version: TlsVersion, engine: str) -> EapPeer:
    """A peer whose messages are in many fragments."""
    config = client(versions=(version,), engine=engine)
    method: PeerMethod = EapTlsPeer(config, size=500) if kind == "TLS" else peer_method(kind, config, size=500)
    return EapPeer(kind.split()[0].encode(), [method], random=Random(7).randbytes)


@pytest.mark.parametrize(("kind", "version"), EACH)
def test_our_peer_with_hostapd(hostapd: Server, kind: str, version: TlsVersion) -> None:
    for engine in ENGINES:
        peer = our_peer(kind, version, engine)
        if (kind, version) in BINDS_DIFFERENTLY:
            [method] = peer.methods
            assert isinstance(method, PeapPeer)
            method.binds = False
        key = ask(hostapd.port, peer)
        assert peer.outcome is Outcome.SUCCESS, (engine, peer.why, peer.notes)
        assert peer.msk == key


@pytest.mark.parametrize(("kind", "version"), EACH)
def test_our_peer_with_freeradius(freeradius: Server, kind: str, version: TlsVersion) -> None:
    for engine in ENGINES:
        peer = our_peer(kind, version, engine)
        key = ask(freeradius.port, peer)
        assert peer.outcome is Outcome.SUCCESS, (engine, peer.why, peer.notes)
        assert peer.msk == key


@pytest.mark.parametrize("name", ["hostapd", "freeradius"])
@pytest.mark.parametrize("version", TlsVersion)
def test_others_refuse_a_foreign_certificate(request: pytest.FixtureRequest, name: str, version: TlsVersion) -> None:
    method = EapTlsPeer(client(versions=(version,), leaf=leaf("client", "another root")))
    peer = EapPeer(b"TLS", [method], random=Random(7).randbytes)
    assert ask(request.getfixturevalue(name).port, peer) is None
    assert peer.outcome is Outcome.FAILURE


def offered(version: TlsVersion) -> str:
    """What eapol_test offers; the versions that are off have to be named."""
    off = {TLS_1_2: ("0", "1", "3"), TLS_1_3: ("0", "1", "2")}[version]
    on = "2" if version == TLS_1_2 else "3"
    return " ".join([*(f"tls_disable_tlsv1_{one}=1" for one in off), f"tls_disable_tlsv1_{on}=0"])


def lines(run: Path, kind: str, version: TlsVersion, more: str = "", password: str = PASSWORD) -> str:
    """The configuration of eapol_test for a method."""
    outer, _, inner = kind.partition(" ")
    words = [f'eap={outer}; identity="carol"; ca_cert="{run}/ca.pem"; phase1="{offered(version)}{more}"']
    if inner:
        words.append(f'anonymous_identity="anybody"; password="{password}"; phase2="{inner}"')
    else:
        words.append(f'client_cert="{run}/client.pem"; private_key="{run}/client.key"')
    return "; ".join(words)


def passing(make: Callable[[], ServerMethod]) -> PassThrough:
    return PassThrough(lambda: EapServer([make()], random=Random(8).randbytes))


def our_server(kind: str, engine: str) -> ServerMethod:
    if kind == "TLS":
        return EapTlsServer(server(engine=engine), size=500)
    return server_method(kind, server(engine=engine, trust=None), size=500)


@pytest.mark.parametrize(("kind", "version"), EACH)
def test_eapol_test_with_our_server(run: Path, tmp_path: Path, kind: str, version: TlsVersion) -> None:
    binding = " crypto_binding=2" if kind == "PEAP auth=MSCHAPV2" else ""
    for engine in ENGINES:
        with passing(lambda engine=engine: our_server(kind, engine)) as radius:  # type: ignore[misc]
            ran = eapol_test(tmp_path, radius.port, lines(run, kind, version, binding))
        [conversation] = radius.conversations
        assert ran.succeeded, (engine, conversation.why, conversation.notes)
        assert conversation.outcome is Outcome.SUCCESS
        words = "PEAP: Derived key|CSK" if kind.startswith("PEAP") else "Derived key"
        assert conversation.msk == ran.key(f"(?:{words})")[:64]


@pytest.mark.parametrize("version", TlsVersion)
@pytest.mark.parametrize("kind", ["TTLS auth=PAP", "TTLS auth=MSCHAPV2", "PEAP auth=MSCHAPV2"])
def test_our_server_refuses_eapol_test(run: Path, tmp_path: Path, kind: str, version: TlsVersion) -> None:
    with passing(lambda: our_server(kind, "openssl")) as radius:
        ran = eapol_test(tmp_path, radius.port, lines(run, kind, version, password="wrong"))
    assert not ran.succeeded
    assert radius.conversations[0].outcome is Outcome.FAILURE
