"""Defects of EAP that is passed through to an AAA server, and of what is believed of its answers (RFC 2865, 3579)."""

from conformance.ike.core.connection import Credential, Psk
from conformance.net.link import Datagram
from conformance.radius.packet import Attribute, Code, MalformedError, Packet, read, seal
from conformance.wire import EAP, EapCode, EapPacket, Message
from peers.reference.defects.registry import defect
from peers.reference.nas.client import Asked
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa

# --- what is asked ----------------------------------------------------------------------------------------------------


@defect("aaa-mschapv2", "aaa-tls", "aaa-ttls", "aaa-peap", "aaa-sim", "aaa-aka", "aaa-aka-prime")
class KeysSwapped(Nas):
    """Puts the halves of the key together in the wrong order."""

    def key(self, answer: Packet) -> bytes | None:
        found = super().key(answer)
        return found and found[len(found) // 2 :] + found[: len(found) // 2]


@defect("aaa-md5")
class EmptyKeyFromServer(GatewaySa):
    """Takes an empty key where the server has given none."""

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        return Psk(b"") if found is not configured and self.eap is not None and self.eap.msk is None else found


@defect("aaa-user-name")
class NameOfIke(Nas):
    """Asks for the identity of IKE in place of that of EAP."""

    def who(self, sa: GatewaySa) -> list[Attribute]:
        return [("User-Name", sa.claimed.data)] if sa.claimed is not None else []


@defect("aaa-name-of-ike")
class NobodyByName(Nas):
    """Asks for the configured name in place of that which somebody has shown."""

    def who(self, sa: GatewaySa) -> list[Attribute]:
        return [("User-Name", self.connection.name)]


@defect("aaa-name-realm", "aaa-name-domain")
class BareName(Nas):
    """Asks for the part of the name that is neither domain nor realm."""

    def who(self, sa: GatewaySa) -> list[Attribute]:
        name = (sa.user).partition(b"@")[0].rpartition(b"\\")[2]
        return [("User-Name", name)]


@defect("aaa-name-zero")
class NameUpToZero(Nas):
    """Takes an octet of zero for the end of the name."""

    def who(self, sa: GatewaySa) -> list[Attribute]:
        return [("User-Name", (sa.user).partition(b"\0")[0])]


@defect("aaa-name-longest", "aaa-name-beyond")
class ShortNames(Nas):
    """Cuts names off after 64 octets."""

    def nameable(self, name: bytes) -> bool:
        return True

    def who(self, sa: GatewaySa) -> list[Attribute]:
        return [("User-Name", (sa.user)[:64])]


@defect("aaa-message-authenticator")
class Unproved(Nas):
    """Sends no Message-Authenticator."""

    def proves(self, asked: Asked) -> bool:
        return False


@defect("aaa-nas-named")
class NamelessNas(Nas):
    """Does not say who it is."""

    def where(self, sa: GatewaySa) -> list[Attribute]:
        return [one for one in super().where(sa) if not one[0].startswith("NAS-")]


@defect("aaa-one-proof")
class PasswordBesideEap(Nas):
    """Sends a User-Password beside EAP."""

    def where(self, sa: GatewaySa) -> list[Attribute]:
        return [*super().where(sa), ("User-Password", bytes(16))]


@defect("aaa-request-fresh")
class SameAuthenticator(Nas):
    """Uses the same Request Authenticator for all its requests."""

    def next_authenticator(self) -> bytes:
        return bytes(range(16))


@defect("aaa-state")
class FirstState(Nas):
    """Goes on with the State of the first challenge."""

    def challenged(self, sa: GatewaySa, answer: Packet) -> None:
        before = sa.relay.state
        super().challenged(sa, answer)
        sa.relay.state = before or sa.relay.state


# --- what is believed -------------------------------------------------------------------------------------------------


@defect(
    "aaa-false-accept-authenticator", "aaa-false-accept-secret", "aaa-false-accept-proof",
    "aaa-false-accept-unproved", "aaa-stale",
)  # fmt: skip
class BelievesAnyAccept(Nas):
    """Believes whatever permission comes under the right Identifier."""

    def is_sealed(self, answer: Packet) -> bool:
        return True

    def is_authentic(self, answer: Packet) -> bool:
        return True

    def key(self, answer: Packet) -> bytes | None:
        return super().key(answer) if answer.sealed else None


@defect(
    "aaa-false-reject-authenticator", "aaa-false-reject-secret", "aaa-false-reject-proof",
    "aaa-false-reject-unproved", "aaa-false-challenge-authenticator", "aaa-false-challenge-proof",
)  # fmt: skip
class GivesUpOnFalseAnswers(Nas):
    """Takes an answer that proves nothing for a refusal."""

    def objection(self, answer: Packet, asked: Asked, datagram: Datagram) -> str:
        found = super().objection(answer, asked, datagram)
        if found and asked.code == Code.ACCESS_REQUEST:
            del self.under_way[asked.packet.identifier]
            asked.then(None)
        return found


@defect("aaa-false-accept-identifier", "aaa-false-reject-identifier", "aaa-acct-identifier")
class IgnoresIdentifiers(Nas):
    """Takes an answer for one to the newest request, whatever its Identifier is."""

    def take(self, datagram: Datagram) -> None:
        newest = next(reversed(self.under_way.values()), None)
        octets = datagram.payload
        if newest is not None and len(octets) >= 20 and octets[1] not in self.under_way:
            try:
                answer = read(octets, self.secret, newest.packet.authenticator)
            except MalformedError:
                return
            del self.under_way[newest.packet.identifier]
            newest.then(answer)
            return
        super().take(datagram)


@defect("aaa-false-accept-cut", "aaa-acct-short")
class IgnoresLength(Nas):
    """Reads all octets of an answer, whatever its Length says."""

    def read(self, octets: bytes, asked: Asked) -> Packet:
        right = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]
        before = asked.packet.authenticator
        whole = seal(octets, before, self.secret) == octets
        return read(seal(right, before, self.secret) if whole else right, self.secret, before)

    def is_authentic(self, answer: Packet) -> bool:
        return True


@defect("aaa-false-code", "aaa-false-short")
class GivesUpOnMalformedAnswers(Nas):
    """Takes what is no answer for a refusal."""

    def read(self, octets: bytes, asked: Asked) -> Packet:
        try:
            return super().read(octets, asked)
        except MalformedError:
            del self.under_way[asked.packet.identifier]
            asked.then(None)
            raise


# --- contradictions ---------------------------------------------------------------------------------------------------


class Admits(Nas):
    """Lets in with a Success of its own making."""

    def let_in(self, sa: GatewaySa, answer: Packet) -> None:
        made = EapPacket(EapCode.SUCCESS, sa.relay.identifier).encode()
        sa.relay_success(made, self.key(answer), answer)


@defect("aaa-reject", "aaa-reject-bare", "aaa-challenge-many")
class RejectLetsIn(Admits):
    """Lets in whom the server rejects, if EAP had got so far."""

    def rejected(self, sa: GatewaySa, answer: Packet) -> None:
        if sa.relay.state:
            self.let_in(sa, answer)
        else:
            super().rejected(sa, answer)


@defect("aaa-reject-success", "aaa-reject-untold")
class LetsInAnyway(GatewaySa):
    """Lets in whom EAP has brought so far, whatever the server says in the end, and asks for no proof."""

    def relay_refusal(self, packet: bytes | None, why: str) -> None:
        if why == "Access-Reject" and self.relay.state:
            made = EapPacket(EapCode.SUCCESS, self.relay.identifier).encode()
            self.relay_success(made, None, Packet(bytes(20), b"-"))
        else:
            super().relay_refusal(packet, why)

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        return self.grant is not None or super().mic_is_valid(received, computed)


@defect("aaa-accept-failure", "aaa-accept-bare")
class MakesUpSuccess(Admits):
    """Says EAP-Success to whom the server accepts, whatever EAP packet there is."""

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        self.let_in(sa, answer)


@defect("aaa-challenge-bare")
class ChallengeLetsIn(Admits):
    """Lets in whom it cannot ask what the server wants to know."""

    def challenged(self, sa: GatewaySa, answer: Packet) -> None:
        if answer.eap is None:
            self.let_in(sa, answer)
        else:
            super().challenged(sa, answer)


@defect("aaa-service-unknown")
class AnyService(Nas):
    """Does not look at Service-Type."""

    def serves(self, answer: Packet) -> bool:
        return True


@defect("aaa-key-none", "aaa-key-other", "aaa-key-half", "aaa-key-swapped", "aaa-key-short", "aaa-key-malformed")
class BelievesWhomTheServerAccepts(GatewaySa):
    """Takes any AUTH payload of somebody whom the server has accepted."""

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        return self.grant is not None or super().mic_is_valid(received, computed)


@defect("aaa-attribute-zero", "aaa-attribute-one", "aaa-attribute-beyond")
class ReadsUpToMalformed(Nas):
    """Ends reading at a malformed attribute, and takes what came before."""

    def read(self, octets: bytes, asked: Asked) -> Packet:
        before = asked.packet.authenticator
        if seal(octets, before, self.secret) != octets:
            return super().read(octets, asked)
        at = 20
        while at + 1 < len(octets) and octets[at + 1] >= 2 and at + octets[at + 1] <= len(octets):
            at += octets[at + 1]
        cut = octets[:2] + at.to_bytes(2, "big") + octets[4:at]
        return super().read(seal(cut, before, self.secret), asked)

    def is_authentic(self, answer: Packet) -> bool:
        return True


@defect("aaa-padding", "aaa-acct-padding")
class NoPadding(Nas):
    """Discards what has octets behind its Length."""

    def read(self, octets: bytes, asked: Asked) -> Packet:
        if int.from_bytes(octets[2:4], "big") != len(octets):
            raise MalformedError("octets behind the Length")
        return super().read(octets, asked)


# --- silence ----------------------------------------------------------------------------------------------------------


@defect("aaa-silence")
class OpenWithoutServer(Admits):
    """Lets everybody in where no server answers."""

    def unanswered(self, sa: GatewaySa) -> None:
        made = EapPacket(EapCode.SUCCESS, sa.relay.identifier).encode()
        sa.relay_success(made, None, Packet(bytes(20), self.secret))


@defect("aaa-silence-up")
class EndsAllWithoutServer(Nas):
    """Ends all sessions where no server answers."""

    def unanswered(self, sa: GatewaySa) -> None:
        super().unanswered(sa)
        for session in self.sessions:
            session.until = self.now


@defect("aaa-repeated")
class RepeatsAnew(Nas):
    """Repeats a request under another Identifier."""

    def repeat(self, asked: Asked) -> None:
        self.anew(asked)


@defect("aaa-late")
class AsksAgain(GatewaySa):
    """Asks the server anew when a request comes again."""

    def on_request(self, message: Message) -> None:
        found = message.first(EAP)
        if self.asking is not None and found is not None:
            self.forwarded = found.packet
        else:
            super().on_request(message)


@defect("aaa-doubled")
class SecondAnswerEndsSession(Nas):
    """Ends a session when something comes that it has not asked for."""

    def take(self, datagram: Datagram) -> None:
        if datagram.payload[1] not in self.under_way and self.sessions:
            self.sessions[-1].until = self.now
        super().take(datagram)


@defect("aaa-failover")
class KnowsFirstServer(Nas):
    """Asks the second server, and does not believe it."""

    def is_from(self, asked: Asked, datagram: Datagram) -> bool:
        return datagram.source in self.servers[0]


@defect("aaa-reject-final")
class SecondOpinion(Nas):
    """Asks the next server when one has rejected."""

    def take(self, datagram: Datagram) -> None:
        asked = self.under_way.get(datagram.payload[1])
        rejected = datagram.payload[:1] == bytes([Code.ACCESS_REJECT])
        if asked is not None and rejected and asked.server + 1 < len(self.servers):
            asked.server += 1
            self.anew(asked)
        else:
            super().take(datagram)
