"""One test, a purpose for each of several methods of EAP: what is true of one is true of all.

`as_server` makes purposes where the device is the EAP server (and responder), `as_peer` those where it is the peer (and
initiator). The id and the docstring of what is written have ``{way...}`` where the method goes; ``eap_changes`` are
those of `suites.connections.eap`.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.purpose import Test, purpose

AsServer = Callable[[Peer, "Way"], None]
AsPeer = Callable[[Peer, Dut, "Way"], None]

NOBODY = ("RFC7296-1.2-18", "RFC7296-2.21.2-1")
"""What lets somebody in, or says nothing, breaks this."""
UNCONVINCED = ("RFC3748-4.2-3", "RFC3748-4.1-6", "RFC3748-4.1-8", "RFC7296-1.2-18")
"""What takes us for the server although we have not proved it breaks this."""


@dataclass(frozen=True, slots=True)
class Way:
    """A method of EAP as purposes name it.

    Attributes:
        name: in ids and configurations.
        title: in sentences.
        means: by what the peer proves itself.
    """

    name: str
    title: str
    means: str


MD5 = Way("md5", "EAP-MD5", "by a password")
GTC = Way("gtc", "EAP-GTC", "by a password in the clear")
MSCHAPV2 = Way("mschapv2", "EAP-MSCHAPv2", "by a password")
TLS = Way("tls", "EAP-TLS", "by certificates of both")
TTLS = Way("ttls", "EAP-TTLS", "by a password within TLS")
TTLS_PAP = Way("ttls-pap", "EAP-TTLS with PAP", "by a password within TLS")
TTLS_CHAP = Way("ttls-chap", "EAP-TTLS with CHAP", "by a password within TLS")
TTLS_MSCHAPV2 = Way("ttls-mschapv2", "EAP-TTLS with MS-CHAP-V2", "by a password within TLS")
PEAP = Way("peap", "PEAPv0", "by a password within TLS")
SIM = Way("sim", "EAP-SIM", "by a SIM")
AKA = Way("aka", "EAP-AKA", "by a USIM")
AKA_PRIME = Way("aka-prime", "EAP-AKA'", "by a USIM")

KEYLESS = (MD5, GTC)
TUNNELS = (TTLS_PAP, TTLS_CHAP, TTLS_MSCHAPV2)
"""What a TTLS server takes beside EAP in the tunnel, if it does."""
KEYED = (MSCHAPV2, TLS, TTLS, PEAP, SIM, AKA, AKA_PRIME)
CARDS = (SIM, AKA, AKA_PRIME)

DOCUMENTS = {
    SIM: ("RFC4186",),
    AKA: ("RFC4187",),
    AKA_PRIME: ("RFC4187", "RFC9048"),
    **dict.fromkeys((TTLS, *TUNNELS), ("RFC5281",)),
}
"""What defines a method, where that stands among others."""


def as_server(
    pattern: str,
    *requirements: str,
    ways: Sequence[Way],
    eap_changes: Mapping[str, Any] | None = None,
    **options: Any,
) -> Callable[[AsServer], AsServer]:
    """A purpose for each way: the device is the server of that method, and we are its peer."""

    def register(written: AsServer) -> AsServer:
        for way in ways:
            marked = purpose(
                pattern.format(way.name),
                *cited(way, requirements),
                role="responder",
                needs=(Capability.EAP,),
                connection=eap(way.name, eap_changes=eap_changes or {}),
                family=pattern.removesuffix("-whole"),
                **options,
            )
            marked(_publish(_served(written, way), written, way, pattern))
        return written

    return register


def as_peer(
    pattern: str,
    *requirements: str,
    ways: Sequence[Way],
    eap_changes: Mapping[str, Any] | None = None,
    **options: Any,
) -> Callable[[AsPeer], AsPeer]:
    """A purpose for each way: the device authenticates itself by that method, and we are its server."""

    def register(written: AsPeer) -> AsPeer:
        for way in ways:
            marked = purpose(
                pattern.format(way.name),
                *cited(way, requirements),
                role="initiator",
                needs=(Capability.EAP_PEER,),
                connection=eap(way.name, device="initiator", eap_changes=eap_changes or {}),
                family=pattern.removesuffix("-whole"),
                **options,
            )
            marked(_publish(_asked(written, way), written, way, pattern))
        return written

    return register


def cited(way: Way, requirements: Sequence[str]) -> list[str]:
    """Those of the method itself, and those of all."""
    others = {one for other, documents in DOCUMENTS.items() if other != way for one in documents}
    own = DOCUMENTS.get(way, ())
    return [one for one in requirements if (document := one.partition("-")[0]) in own or document not in others]


def _served(written: AsServer, way: Way) -> Callable[[Peer], None]:
    return lambda peer: written(peer, way)


def _asked(written: AsPeer, way: Way) -> Callable[[Peer, Dut], None]:
    return lambda peer, dut: written(peer, dut, way)


def _publish(test: Test, written: Callable[..., None], way: Way, pattern: str) -> Test:
    """The test stands in the module of what is written, as if somebody had written it there."""
    name = "test_" + pattern.format(way.name).removeprefix("eap-").replace("-", "_")
    test.__name__ = test.__qualname__ = name
    test.__module__ = written.__module__
    test.__doc__ = (written.__doc__ or "").format(way=way)
    vars(sys.modules[written.__module__])[name] = test
    return test
