"""Making the methods of one side from their names and from what that side knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peap_server import PeapServer
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.eap.ttls_peer import ChapPeer, InnerEapPeer, Mschapv2InsidePeer, PapPeer
from conformance.eap.ttls_server import TtlsServer
from conformance.tls import TlsConfig


@dataclass(frozen=True, slots=True)
class Means:
    """What a side brings along for all its methods: the user's name and password, and its side of TLS."""

    name: bytes
    password: str = field(default="", repr=False)
    tls: TlsConfig | None = None

    @property
    def users(self) -> dict[bytes, str]:
        """The users of a server that knows this one."""
        return {self.name: self.password}

    @property
    def config(self) -> TlsConfig:
        """The side of TLS. Raises ValueError where there is none."""
        if self.tls is None:
            raise ValueError("an EAP method with TLS needs to know certificates")
        return self.tls

    def peers(self) -> list[PeerMethod]:
        """What the peer would take in a tunnel."""
        return [Mschapv2Peer(self.password), Md5Peer(self.password), GtcPeer(self.password)]

    def servers(self) -> list[ServerMethod]:
        """What the server would offer in a tunnel."""
        return [Mschapv2Server(self.users), Md5Server(self.users), GtcServer(self.users)]


def _ttls(means: Means) -> ServerMethod:
    return TtlsServer(means.config, means.users, means.servers)


Makers = Mapping[str, tuple[Callable[[Means], PeerMethod], Callable[[Means], ServerMethod]]]

_BARE: Makers = {
    "md5": (lambda means: Md5Peer(means.password), lambda means: Md5Server(means.users)),
    "gtc": (lambda means: GtcPeer(means.password), lambda means: GtcServer(means.users)),
    "mschapv2": (lambda means: Mschapv2Peer(means.password), lambda means: Mschapv2Server(means.users)),
}
_OVER_TLS: Makers = {
    "tls": (lambda means: EapTlsPeer(means.config), lambda means: EapTlsServer(means.config)),
    "ttls-pap": (lambda means: PapPeer(means.config, means.name, means.password), _ttls),
    "ttls-chap": (lambda means: ChapPeer(means.config, means.name, means.password), _ttls),
    "ttls-mschapv2": (lambda means: Mschapv2InsidePeer(means.config, means.name, means.password), _ttls),
    "ttls-eap": (lambda means: InnerEapPeer(means.config, means.name, means.peers()), _ttls),
    "peap": (
        lambda means: PeapPeer(means.config, means.name, means.peers()),
        lambda means: PeapServer(means.config, means.servers),
    ),
}
_MAKERS = {**_BARE, **_OVER_TLS}
KNOWN = tuple(_BARE)
"""The names of methods that need a name and a password, as configurations have them."""
OVER_TLS = tuple(_OVER_TLS)
"""The names of those that need TLS as well; in ``ttls`` and ``peap`` the name tells what goes through the tunnel."""


def peer_method(name: str, means: Means) -> PeerMethod:
    """The peer's side of a method. Raises KeyError for an unknown name, ValueError where TLS is missing."""
    return _MAKERS[name][0](means)


def server_method(name: str, means: Means) -> ServerMethod:
    """The server's side of a method. Raises KeyError for an unknown name, ValueError where TLS is missing."""
    return _MAKERS[name][1](means)
