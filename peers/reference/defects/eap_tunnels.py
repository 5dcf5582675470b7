"""Defects of TTLS and PEAP, and of MSCHAPv2 within them, in both roles."""

from collections.abc import Sequence

from conformance.eap.avp import KNOWN, AnyAvp, Avps
from conformance.eap.layout import Body
from conformance.eap.method import Decision, Method
from conformance.eap.mschap import msk
from conformance.eap.mschapv2 import OpCode, SuccessResponse
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.peap import SUCCESS, Extensions, Peap, result_tlv
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peap_server import PeapServer
from conformance.eap.ttls import Ttls
from conformance.eap.ttls_peer import Mschapv2InsidePeer
from conformance.eap.ttls_server import TtlsServer
from conformance.wire import EapCode, EapPacket
from peers.reference.defects.eap_methods import AnyLastWordInside, NeedsNoProofInside, WithOtherMethods, each, of
from peers.reference.defects.registry import defect

WAYS = ("ttls", "ttls-pap", "ttls-chap", "ttls-mschapv2")
SPEAKING = ("ttls", "ttls-mschapv2")
"""The servers of these say something in the tunnel."""


@defect(*each(WAYS, "pair-demanded", initiator=False), *(f"eap-initiator-{way}-pair-demanded" for way in SPEAKING))
class SkipsUnknownPairs(WithOtherMethods):
    """Skips every pair that it does not know."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Ttls):
            method.demanding = lambda avps: []  # type: ignore[method-assign]


@defect(*each(WAYS, "pair-skipped", initiator=False), *(f"eap-initiator-{way}-pair-skipped" for way in SPEAKING))
class DemandsToKnowPairs(WithOtherMethods):
    """Ends the conversation because of any pair that it does not know."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Ttls):

            def unknown(avps: Avps) -> list[AnyAvp]:
                found = [one for one in avps.items if isinstance(one, AnyAvp)]
                return [one for one in found if (one.code, one.vendor) not in KNOWN]

            method.demanding = unknown  # type: ignore[method-assign]


@defect("eap-ttls-chap-challenge-brought", "eap-ttls-mschapv2-challenge-brought")
class UsesChallengesOfPeers(WithOtherMethods):
    """Verifies the answer to the challenge that the peer has brought along."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):

            def check(told: bytes | None, identifier: bytes) -> None:
                method.challenge = lambda size: (told or b"") + identifier  # type: ignore[method-assign]

            method.check_challenge = check  # type: ignore[method-assign]


@defect(*each(WAYS, "nobody", initiator=False), *of(*WAYS, ends=("",), start="eap-states-"), "eap-states-ttls-whole")
class NothingIsEnough(WithOtherMethods):
    """Lets somebody in from whom nothing that proves anything has come through the tunnel."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):
            answer = method.answer_avps

            def answering(avps: Avps) -> Sequence[AnyAvp]:
                if len(avps.items) > 1 or any(one.data for one in avps.items if isinstance(one, AnyAvp)):
                    return answer(avps)
                method.end(True)
                return ()

            method.answer_avps = answering  # type: ignore[method-assign]


@defect(*each(WAYS[1:], "names", initiator=False))
class OnePasswordForAll(WithOtherMethods):
    """Takes everybody in the tunnel for the user that it knows."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):

            def password() -> str:
                method.name = next(iter(method.users))
                return method.users[method.name]

            method.password = password  # type: ignore[method-assign]


@defect("eap-peap-result")
class AnyResultIsGood(WithOtherMethods):
    """Does not mind what the peer thinks of the result."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, PeapServer):
            method.take_result = lambda packet: method.end(True)  # type: ignore[method-assign]


@defect("eap-peap-binding")
class BelievesAnyBinding(WithOtherMethods):
    """Asks for a Crypto-Binding and takes any."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Peap):
            method.is_proof = lambda binding, subtype: True  # type: ignore[method-assign]


@defect("eap-states-peap", "eap-states-peap-whole")
class BelievesEarlyResult(WithOtherMethods):
    """Takes a result of success that a peer sends of its own accord for the end."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, PeapServer):
            unwrap = method.unwrap

            def unwrapping(data: bytes, identifier: int) -> EapPacket | Extensions:
                found = unwrap(data, identifier)
                if isinstance(found, Extensions) and found.result == SUCCESS:
                    method.told = SUCCESS
                return found

            method.unwrap = unwrapping  # type: ignore[method-assign]


@defect(
    "eap-initiator-ttls-inner-proof", "eap-initiator-peap-inner-proof", "eap-initiator-ttls-mschapv2-proof",
)  # fmt: skip
class CertificateIsEnough(NeedsNoProofInside):
    """Takes a server with a certificate for one that knows the password."""


@defect("eap-initiator-peap-result")
class FailureWithinIsSuccess(WithOtherMethods):
    """Agrees with every result that a server of PEAP sends."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, PeapPeer):

            def agreeing(packet: Extensions) -> Extensions:
                method.done, method.decision = True, Decision.SUCCESS
                return Extensions(EapCode.RESPONSE, packet.identifier, tlvs=(result_tlv(SUCCESS),))

            method.answer_result = agreeing  # type: ignore[method-assign]


@defect(
    *of("ttls", "peap", start="eap-states-initiator-"),
    "eap-states-initiator-mschapv2", "eap-states-initiator-ttls-mschapv2",
)  # fmt: skip
class ApprovesOfAnythingInside(WithOtherMethods):
    """Approves of whatever a server says in place of its proof."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Mschapv2Peer):
            receive = method.receive

            def receiving(data: bytes, packet: EapPacket) -> Body:
                if method.response is None or data[:1] == bytes((OpCode.SUCCESS,)):
                    return receive(data, packet)
                method.done, method.decision = True, Decision.SUCCESS
                method.msk = msk(method.password, method.response)
                return SuccessResponse()

            method.receive = receiving  # type: ignore[method-assign]
        if isinstance(method, Mschapv2InsidePeer):

            def content(avps: Avps) -> Sequence[AnyAvp]:
                method.decision = Decision.MAYBE
                return ()

            method.next_avps = content  # type: ignore[method-assign]


@defect("eap-states-mschapv2")
class AnyLastWordOfMschapv2(AnyLastWordInside):
    """Takes whatever answers its Success request for approval."""
