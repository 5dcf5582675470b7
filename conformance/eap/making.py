"""Making the methods of one side from their names and from what that side knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509

from conformance.crypto.pki import Leaf
from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer, AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peap_server import PeapServer
from conformance.eap.sim_peer import SimPeer
from conformance.eap.sim_server import SimServer
from conformance.eap.subscriber import CHALLENGES, Register, Renewal, Subscriber, Usim
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.eap.ttls_peer import ChapPeer, InnerEapPeer, Mschapv2InsidePeer, PapPeer
from conformance.eap.ttls_server import TtlsServer
from conformance.tls import TlsConfig, Trust

_KEY = 16  # octets of K and of OPc
_TICKS = 1 << 16
"""Sequence numbers in a second; they have 48 bits."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a side brings along for all its methods.

    Attributes:
        name: of the peer; for SIM and AKA a permanent identity, the digit of the method before the digits of the IMSI.
        secret: password, or K and OPc of 16 octets each.
        now: time by which certificates are judged, and from which sequence numbers are made.
        leaf: what this side shows in TLS; a client may have nothing.
        anchors: the authorities of the other side's certificate.
        server: domain name of the server in TLS, None: any below the anchors.
        user: domain name or mail address of the client in TLS, None: any below the anchors.
        methods: all that this side would take.
        cards: what a peer keeps from one conversation to the next, by IMSI.
        renewals: what a server keeps, by the identity for fast re-authentication that it has handed out.
        indications: SIM and AKA want protected result indications.
        renews: SIM and AKA hand out such identities.
    """

    name: bytes
    secret: bytes = field(repr=False)
    now: datetime
    leaf: Leaf | None = None
    anchors: tuple[x509.Certificate, ...] = ()
    server: str | None = None
    user: str | None = None
    methods: tuple[str, ...] = ()
    cards: dict[bytes, Usim] = field(default_factory=dict)
    renewals: dict[bytes, Renewal] = field(default_factory=dict)
    indications: bool = False
    renews: bool = False

    @property
    def password(self) -> str:
        """The password."""
        return self.secret.decode(errors="replace")

    @property
    def users(self) -> dict[bytes, str]:
        """The users of a server that knows this one."""
        return {self.name: self.password}

    @property
    def imsi(self) -> bytes:
        """The digits behind the first one of the name, without a realm."""
        return self.name.partition(b"@")[0][1:]

    @property
    def usim(self) -> Usim:
        """The peer's card with the identities that it got; every sequence number is fresh to it."""
        new = Usim(self.imsi, self.secret[:_KEY], self.secret[_KEY:])
        return replace(self.cards.setdefault(self.imsi, new), k=new.k, opc=new.opc, sqn=0)

    @property
    def register(self) -> Register:
        """The operator's register; sequence numbers follow the time (3GPP TS 33.102, C.1.2), so finely that a card that
        has seen others who do so finds them new. RANDs of GSM are those that a device with a table of triplets has.
        """
        number = int(self.now.timestamp() * _TICKS)
        found = Register([Subscriber(self.imsi, self.secret[:_KEY], self.secret[_KEY:], number)], CHALLENGES)
        found.renewals = self.renewals
        return found

    @property
    def client(self) -> TlsConfig:
        """The client of TLS."""
        return TlsConfig(client=True, now=self.now, leaf=self.leaf, trust=Trust(self.anchors, self.server))

    def serving(self, *, asks: bool) -> TlsConfig:
        """The server of TLS, which may ask for a certificate."""
        trust = Trust(self.anchors, self.user) if asks else None
        return TlsConfig(client=False, now=self.now, leaf=self.leaf, trust=trust)

    def inside(self) -> list[ServerMethod]:
        """What a server asks for within a tunnel."""
        return [Mschapv2Server(self.users), Md5Server(self.users), GtcServer(self.users)]


def _inner(means: Means) -> list[PeerMethod]:
    return [Mschapv2Peer(means.password), Md5Peer(means.password), GtcPeer(means.password)]


def _ttls(means: Means) -> ServerMethod:
    return TtlsServer(means.serving(asks=False), means.users, means.inside)


_MAKERS: Mapping[str, tuple[Callable[[Means], PeerMethod], Callable[[Means], ServerMethod]]] = {
    "md5": (lambda means: Md5Peer(means.password), lambda means: Md5Server(means.users)),
    "gtc": (lambda means: GtcPeer(means.password), lambda means: GtcServer(means.users)),
    "mschapv2": (lambda means: Mschapv2Peer(means.password), lambda means: Mschapv2Server(means.users)),
    "tls": (lambda means: EapTlsPeer(means.client), lambda means: EapTlsServer(means.serving(asks=True))),
    "ttls": (lambda means: InnerEapPeer(means.client, means.name, _inner(means)), _ttls),
    "ttls-pap": (lambda means: PapPeer(means.client, means.name, means.password), _ttls),
    "ttls-chap": (lambda means: ChapPeer(means.client, means.name, means.password), _ttls),
    "ttls-mschapv2": (lambda means: Mschapv2InsidePeer(means.client, means.name, means.password), _ttls),
    "peap": (
        lambda means: PeapPeer(means.client, means.name, _inner(means)),
        lambda means: PeapServer(means.serving(asks=False), means.inside),
    ),
    "sim": (
        lambda means: SimPeer(means.usim, result_indications=means.indications),
        lambda means: SimServer(means.register, result_indications=means.indications, reauthentication=means.renews),
    ),
    "aka": (
        lambda means: AkaPeer(
            means.usim, speaks_prime="aka-prime" in means.methods, result_indications=means.indications
        ),
        lambda means: AkaServer(
            means.register, ask=True, result_indications=means.indications, reauthentication=means.renews
        ),
    ),
    "aka-prime": (
        lambda means: AkaPrimePeer(means.usim, result_indications=means.indications),
        lambda means: AkaPrimeServer(
            means.register, ask=True, result_indications=means.indications, reauthentication=means.renews
        ),
    ),
}
KNOWN = tuple(_MAKERS)
"""The names, as configurations have them. In TTLS a second word tells what goes through the tunnel, else it is EAP."""
OF_CARDS = {"sim": "1", "aka": "0", "aka-prime": "6"}
"""The methods for which a name is a permanent identity, and the digit with which it begins."""


def peer_method(name: str, means: Means) -> PeerMethod:
    """The peer's side of a method. Raises KeyError for an unknown name."""
    return _MAKERS[name][0](means)


def server_method(name: str, means: Means) -> ServerMethod:
    """The server's side of a method. Raises KeyError for an unknown name."""
    return _MAKERS[name][1](means)
