"""Making the methods of one side from their names and from what that side knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server


@dataclass(frozen=True, slots=True)
class Means:
    """What a side brings along for all its methods: the user's name and password."""

    name: bytes
    password: str = field(default="", repr=False)

    @property
    def users(self) -> dict[bytes, str]:
        """The users of a server that knows this one."""
        return {self.name: self.password}


_MAKERS: Mapping[str, tuple[Callable[[Means], PeerMethod], Callable[[Means], ServerMethod]]] = {
    "md5": (lambda means: Md5Peer(means.password), lambda means: Md5Server(means.users)),
    "gtc": (lambda means: GtcPeer(means.password), lambda means: GtcServer(means.users)),
    "mschapv2": (lambda means: Mschapv2Peer(means.password), lambda means: Mschapv2Server(means.users)),
}
KNOWN = tuple(_MAKERS)
"""The names, as configurations have them."""


def peer_method(name: str, means: Means) -> PeerMethod:
    """The peer's side of a method. Raises KeyError for an unknown name."""
    return _MAKERS[name][0](means)


def server_method(name: str, means: Means) -> ServerMethod:
    """The server's side of a method. Raises KeyError for an unknown name."""
    return _MAKERS[name][1](means)
