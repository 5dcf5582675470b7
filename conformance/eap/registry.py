"""All methods in one place, by name and by type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.eap import aka_peer, aka_prime, basic, gtc, md5, mschapv2, peap, sim_peer, tls, ttls
from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer, AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.errors import Discard
from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.kind import IDENTITY, NAK, NOTIFICATION, Kind, split
from conformance.eap.layout import Body, Raw
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peap_server import PeapServer
from conformance.eap.sim_peer import SimPeer
from conformance.eap.sim_server import SimServer
from conformance.eap.simaka import AKA_REQUESTS, AKA_RESPONSES, SIM_REQUESTS, SIM_RESPONSES
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.eap.tls_frames import FRAMES, decode_frame
from conformance.eap.ttls_peer import TtlsPeer
from conformance.eap.ttls_server import TtlsServer
from conformance.wire import EapCode, EapPacket, EapType
from conformance.wire.errors import WireError


@dataclass(frozen=True, slots=True)
class Entry:
    """A method: its type, its sides, and the bodies of its packets in each direction.

    ``read`` tells the bodies apart where their first octet does not.
    """

    kind: Kind
    peer: type[PeerMethod] | None = None
    server: type[ServerMethod] | None = None
    requests: tuple[type[Body], ...] = field(default=(), kw_only=True)
    responses: tuple[type[Body], ...] = field(default=(), kw_only=True)
    read: Callable[[bytes], Body] | None = field(default=None, kw_only=True)


METHODS: dict[str, Entry] = {
    "identity": Entry(IDENTITY, requests=(basic.Identity,), responses=(basic.Identity,)),
    "notification": Entry(NOTIFICATION, requests=(basic.Notification,), responses=(basic.Notification,)),
    "nak": Entry(NAK, responses=(basic.Nak, basic.ExpandedNak)),
    "md5": Entry(md5.KIND, Md5Peer, Md5Server, requests=(md5.Md5,), responses=(md5.Md5,)),
    "gtc": Entry(gtc.KIND, GtcPeer, GtcServer, requests=(gtc.Gtc,), responses=(gtc.Gtc,)),
    "mschapv2": Entry(
        mschapv2.KIND,
        Mschapv2Peer,
        Mschapv2Server,
        requests=tuple(mschapv2.REQUESTS.values()),
        responses=tuple(mschapv2.RESPONSES.values()),
    ),
    "sim": Entry(sim_peer.KIND, SimPeer, SimServer, requests=SIM_REQUESTS, responses=SIM_RESPONSES),
    "aka": Entry(aka_peer.KIND, AkaPeer, AkaServer, requests=AKA_REQUESTS, responses=AKA_RESPONSES),
    "aka-prime": Entry(aka_prime.KIND, AkaPrimePeer, AkaPrimeServer, requests=AKA_REQUESTS, responses=AKA_RESPONSES),
    "tls": Entry(tls.KIND, EapTlsPeer, EapTlsServer, requests=FRAMES, responses=FRAMES, read=decode_frame),
    "ttls": Entry(ttls.KIND, TtlsPeer, TtlsServer, requests=FRAMES, responses=FRAMES, read=decode_frame),
    "peap": Entry(peap.KIND, PeapPeer, PeapServer, requests=FRAMES, responses=FRAMES, read=decode_frame),
}
"""Every method that there is, by the name that a configuration uses."""


def by_kind(kind: Kind) -> Entry | None:
    """The method of a type."""
    return next((one for one in METHODS.values() if one.kind == kind), None)


def body_of(packet: EapPacket) -> Body:
    """What is in a Request or Response, for evidence and fuzzers; `Raw` where it has no form or breaks it."""
    try:
        kind, data = split(packet)
    except Discard:
        return Raw(packet.data)
    entry = by_kind(kind)
    if entry is None:
        return Raw(data)
    forms = entry.requests if packet.code == EapCode.REQUEST else entry.responses
    if entry.read is not None:
        try:
            return entry.read(data)
        except WireError:
            return Raw(data)
    if kind == NAK:
        forms = (basic.ExpandedNak,) if packet.type == EapType.EXPANDED else (basic.Nak,)
    for form in forms:
        if len(forms) > 1 and data[:1] != form().encode()[:1]:
            continue  # the first octet tells them apart
        try:
            return form.decode(data)
        except WireError:
            pass
    return Raw(data)
