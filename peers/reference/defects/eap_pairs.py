"""Defects of what is said in the tunnel of TTLS, in both roles."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.eap.avp import USER_NAME, AnyAvp, Avps, pair
from conformance.eap.layout import Body
from conformance.eap.method import Method
from conformance.eap.ttls import Ttls
from conformance.eap.ttls_peer import ChapPeer, InnerEapPeer, Mschapv2InsidePeer
from conformance.eap.ttls_server import TtlsServer
from peers.reference.defects.eap_methods import WithOtherMethods
from peers.reference.defects.registry import defect

WAYS = ("ttls", "ttls-pap", "ttls-chap", "ttls-mschapv2")


@defect(*(f"eap-initiator-{way}-pairs" for way in WAYS), "eap-ttls-pairs", "eap-ttls-mschapv2-pairs")
class CountsFilling(WithOtherMethods):
    """Counts the zeros that fill up a pair as its data."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Ttls):
            wrap = method.wrap

            def wrapping(body: Body) -> bytes:
                if not isinstance(body, Avps):
                    return wrap(body)
                filled = (
                    one.data + bytes(-len(one.data) % 4) if isinstance(one, AnyAvp) else b"" for one in body.items
                )
                items = (replace(one, data=data) for one, data in zip(body.items, filled, strict=True))  # type: ignore[type-var]
                return wrap(Avps(tuple(items)))

            method.wrap = wrapping  # type: ignore[method-assign]


@defect("eap-initiator-ttls-identity")
class WaitsToBeAskedInside(WithOtherMethods):
    """Says its name in the tunnel, and waits for a request of EAP."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, InnerEapPeer):
            begin = method.first_avps

            def beginning() -> Sequence[AnyAvp]:
                begin()
                return (pair(USER_NAME, method.name),)

            method.first_avps = beginning  # type: ignore[method-assign]


@defect("eap-initiator-ttls-chap-challenge", "eap-initiator-ttls-mschapv2-challenge")
class BringsItsChallenge(WithOtherMethods):
    """Answers a challenge of its own."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, ChapPeer | Mschapv2InsidePeer):
            made: list[bytes] = []

            def own(size: int) -> bytes:
                made[:] = made or [method.random(size)]
                return made[0]

            method.challenge = own  # type: ignore[method-assign]


@defect("eap-ttls-chap-password")
class HalfAChapPasswordIsEnough(WithOtherMethods):
    """Compares as much of a CHAP-Password as there is."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):
            answer = method.answer_chap

            def answering(value: bytes, avps: Avps, password: str) -> Sequence[AnyAvp]:
                if len(value) < 17:
                    method.end(True)
                    return ()
                return answer(value, avps, password)

            method.answer_chap = answering  # type: ignore[method-assign]
