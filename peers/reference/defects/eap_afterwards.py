"""Defects of what comes after EAP has failed, or after an older session (RFC 7296, section 2.16)."""

from collections.abc import Sequence
from typing import ClassVar

from conformance.eap.conversation import Outcome
from conformance.eap.method import Method
from conformance.eap.peap_server import PeapServer
from conformance.eap.server import EapServer
from conformance.eap.tls_frames import START, Frame, Piece
from conformance.eap.ttls_server import TtlsServer
from conformance.ike.core.connection import Credential, Psk
from conformance.ike.ikesa import IkeSa
from conformance.tls import TlsEngine
from conformance.tls.resuming import Memory, ResumingEngine
from conformance.wire import AUTH, EapPacket, Message, Payload
from peers.reference.defects.eap_methods import WithOtherMethods
from peers.reference.defects.registry import defect
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa, Session


class Forgetful(IkeSa):
    """Takes an AUTH payload that is made with SK_pi once EAP has failed."""

    def has_failed(self) -> bool:
        """Whether it has."""
        raise NotImplementedError

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        late = self.has_failed() and message.first(AUTH) is not None
        return None if late else super().answer_round(message)

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        if not self.has_failed():
            return super().credential_of_eap(configured, of_initiator)
        assert self.keys is not None
        return Psk(self.keys.sk_pi if of_initiator else self.keys.sk_pr)


@defect("eap-auth-after-failure")
class ForgetsTheFailure(Forgetful):
    """Waits for AUTH after a Failure as after a Success."""

    def has_failed(self) -> bool:
        return self.as_server is not None and self.as_server.outcome is Outcome.FAILURE

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        found = super().further_round(server, packet)
        if self.has_failed():
            self.close_after_response = None
        return found


@defect("aaa-reject-auth")
class ForgetsTheReject(Forgetful, GatewaySa):
    """Waits for AUTH after an Access-Reject as after an Access-Accept."""

    rejected: bool = False

    def has_failed(self) -> bool:
        return self.rejected

    def _respond(self, payloads: Sequence[Payload]) -> None:
        if self.close_after_response is not None:
            self.rejected, self.close_after_response = True, None
        super()._respond(payloads)


@defect("aaa-end-replaced")
class TellsOfNobodyReplaced(Nas):
    """Forgets sessions that INITIAL_CONTACT has ended."""

    def stop(self, session: Session) -> None:
        if session.closed == "INITIAL_CONTACT":
            self.sessions.remove(session)
        else:
            super().stop(session)


@defect("eap-ttls-resumed", "eap-peap-resumed")
class ResumesTheUnproved(WithOtherMethods):
    """Takes a session of TLS that goes on for one whose user has proved himself in the tunnel."""

    memories: ClassVar[dict[object, Memory]] = {}

    def spoil(self, method: Method) -> None:
        if not isinstance(method, TtlsServer | PeapServer):
            return
        config, answer = method.config, method.answer

        def start() -> Frame:
            memory = self.memories.setdefault(config.leaf and config.leaf.certificate, Memory())
            method.engine = ResumingEngine(config, memory)
            return Piece(START | method.fragments.version)

        def answering(message: bytes, engine: TlsEngine) -> Frame | None:
            before = engine.done
            found = answer(message, engine)
            if before or not engine.done or not isinstance(engine, ResumingEngine) or not engine.resumed:
                return found
            method.end(True)
            return None

        method.start, method.answer = start, answering  # type: ignore[method-assign]
