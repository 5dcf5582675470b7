"""The methods with a tunnel, each way to authenticate in it, in the form that tests ask for."""

from collections.abc import Callable

from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peap_server import PeapServer
from conformance.eap.tls_method import TlsPeer, TlsServer
from conformance.eap.ttls_peer import ChapPeer, InnerEapPeer, Mschapv2InsidePeer, PapPeer
from conformance.eap.ttls_server import TtlsServer
from conformance.tls import TlsConfig
from tests.eap.talk import USERS

NAME, PASSWORD = b"carol", "eappassword"

INNER: dict[str, Callable[[str], PeerMethod]] = {"MD5": Md5Peer, "GTC": GtcPeer, "MSCHAPV2": Mschapv2Peer}
PASSWORDS: dict[str, type[PapPeer | ChapPeer | Mschapv2InsidePeer]] = {
    "PAP": PapPeer,
    "CHAP": ChapPeer,
    "MSCHAPV2": Mschapv2InsidePeer,
}
WAYS = [
    *(f"TTLS auth={name}" for name in PASSWORDS),
    *(f"TTLS autheap={name}" for name in INNER),
    *(f"PEAP auth={name}" for name in INNER),
]
"""A method, and in the words of eapol_test what runs in its tunnel."""


def peer_method(way: str, config: TlsConfig, password: str = PASSWORD, size: int = 1024, name: bytes = NAME) -> TlsPeer:
    outer, _, words = way.partition(" ")
    how, _, inner = words.partition("=")
    if outer == "PEAP":
        return PeapPeer(config, name, [INNER[inner](password)], size=size)
    if how == "autheap":
        return InnerEapPeer(config, name, [INNER[inner](password)], size=size)
    return PASSWORDS[inner](config, name, password, size=size)


def inner_servers() -> list[ServerMethod]:
    """The order makes peers ask for another method."""
    return [Mschapv2Server(dict(USERS)), Md5Server(dict(USERS)), GtcServer(dict(USERS))]


def server_method(way: str, config: TlsConfig, size: int = 1024) -> TlsServer:
    if way.startswith("PEAP"):
        return PeapServer(config, inner_servers, size=size)
    return TtlsServer(config, dict(USERS), inner_servers, size=size)
