"""Defects of shared keys that an AAA server has (RFC 2868)."""

from conformance.ike.core.connection import Credential, Psk
from conformance.net.link import Datagram
from conformance.radius.packet import Attribute, Code, Packet
from conformance.wire import IDi, Message
from peers.reference.defects.registry import defect
from peers.reference.nas.asking import KEY, Question
from peers.reference.nas.client import Asked
from peers.reference.nas.gateway import Nas
from peers.reference.nas.names import mangled, parts_of
from peers.reference.nas.sa import GatewaySa

# --- which key counts -------------------------------------------------------------------------------------------------


@defect("aaa-psk", "aaa-psk-odd", "aaa-psk-tag", "aaa-psk-two")
class KeysAsHexadecimal(GatewaySa):
    """Takes the key that the server has for a number."""

    def keys_of(self, answer: Packet | None) -> tuple[bytes, bytes]:
        his, ours = super().keys_of(answer)
        return his.hex().encode(), ours.hex().encode()


@defect("aaa-psk-pair")
class TunnelPasswordOnly(GatewaySa):
    """Knows no pairs."""

    def keys_of(self, answer: Packet | None) -> tuple[bytes, bytes]:
        return super().keys_of(answer if answer is not None and answer.raw(69) else None)


@defect("aaa-psk-long")
class FirstBlockOfKey(GatewaySa):
    """Decrypts the first blocks of a key only."""

    def keys_of(self, answer: Packet | None) -> tuple[bytes, bytes]:
        his, ours = super().keys_of(answer)
        return his[:63], ours[:63]


@defect("aaa-psk-swapped")
class EitherKey(GatewaySa):
    """Takes either of both keys from anybody."""

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        other = self.keys_of(self.said.get(KEY))[1]
        claimed = self.claimed
        mine = (
            bool(other) and claimed is not None and received == self.shared_key_mic(other, self.signed_octets(claimed))
        )
        return mine or super().mic_is_valid(received, computed)


@defect("aaa-psk-half")
class OneKeyForBoth(GatewaySa):
    """Takes the one key that there is for the other direction, too."""

    def keys_of(self, answer: Packet | None) -> tuple[bytes, bytes]:
        pairs = answer.pairs if answer is not None else {}
        his = pairs.get("ipsec:ikev2-password-remote", "").encode()
        found = super().keys_of(answer)
        return found if any(found) else (his, his)


@defect("aaa-psk-other", "aaa-psk-prefix", "aaa-psk-reject", "aaa-psk-false-authenticator", "aaa-psk-false-proof")
class AnyKey(GatewaySa):
    """Lets in whoever shows an AUTH payload, whatever the server says."""

    def has_remote_key(self) -> bool:
        return False

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        return True


@defect("aaa-psk-none", "aaa-psk-empty")
class EmptyKeys(GatewaySa):
    """Takes no key for the key of no octets."""

    def get_key(self, identity: IDi) -> None:
        name = mangled(self.connection.aaa_name, identity.data, parts_of(identity))
        self.ask(Question(KEY, name or b""))

    def remote_key(self, configured: Credential, at: int) -> Credential:
        return Psk(self.keys_of(self.said[KEY])[at]) if KEY in self.said else configured


@defect("aaa-psk-challenge", "aaa-psk-malformed")
class AnythingIsAKey(GatewaySa):
    """Looks for a key in any answer, and lets everybody in where it cannot read it."""

    def was_told(self, question: Question, answer: Packet | None) -> None:
        if answer is not None:
            octets = bytes([Code.ACCESS_ACCEPT]) + answer.octets[1:]
            answer = Packet(octets, answer.secret, answer.asked)
        super().was_told(question, answer)

    def keys_of(self, answer: Packet | None) -> tuple[bytes, bytes]:
        found = super().keys_of(answer)
        readable = answer is None or any(found) or not answer.raw(69)
        return found if readable else (b"unreadable", b"unreadable")

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        unreadable = self.keys_of(self.said.get(KEY))[0] == b"unreadable"
        return unreadable or super().mic_is_valid(received, computed)


@defect("aaa-psk-silence")
class ConfiguredKeyWithoutServer(GatewaySa):
    """Falls back to a key of its own where no server answers."""

    def was_told(self, question: Question, answer: Packet | None) -> None:
        self.alone = answer is None
        super().was_told(question, answer)

    alone: bool = False

    def has_remote_key(self) -> bool:
        return not self.alone and super().has_remote_key()


@defect("aaa-psk-stale")
class BelievesOldKeys(Nas):
    """Believes any key that comes under the right Identifier."""

    def is_sealed(self, answer: Packet) -> bool:
        return True

    def is_authentic(self, answer: Packet) -> bool:
        return True

    def read(self, octets: bytes, asked: Asked) -> Packet:
        answer = super().read(octets, asked)
        if not answer.sealed and self.former:
            return self.former[-1]
        if answer.code == Code.ACCESS_ACCEPT and answer.sealed:
            self.former.append(answer)
        return answer

    @property
    def former(self) -> list[Packet]:
        """What was believed before."""
        found: list[Packet] = self.__dict__.setdefault("_former", [])
        return found


# --- what is asked ----------------------------------------------------------------------------------------------------


@defect("aaa-psk-request")
class KeyAsPassword(Nas):
    """Sends a key along, to have it checked."""

    def outbound(self, sa: GatewaySa, question: Question) -> list[Attribute]:
        auth = self.connection.remote.auth
        key = auth.secret if isinstance(auth, Psk) else b""
        found = super().outbound(sa, question)
        return [(name, key if name == "User-Password" else one) for name, one in found]


@defect("aaa-psk-outbound")
class AsksForLogin(Nas):
    """Asks as if somebody logged in."""

    def outbound(self, sa: GatewaySa, question: Question) -> list[Attribute]:
        found = super().outbound(sa, question)
        return [(name, "Login" if name == "Service-Type" else one) for name, one in found]


@defect("aaa-psk-late", "aaa-psk-strangers")
class AsksAgainForKeys(GatewaySa):
    """Asks for a key anew with each repetition of a request, and twice where it hears that there is none."""

    def on_request(self, message: Message) -> None:
        if self.asking is not None:
            self.unasked = self.questions
        super().on_request(message)

    def was_told(self, question: Question, answer: Packet | None) -> None:
        if answer is not None and answer.code == Code.ACCESS_REJECT and not self.second:
            self.second, self.unasked = True, self.questions
        else:
            super().was_told(question, answer)

    second: bool = False


@defect("aaa-psk-failover")
class OneServerForKeys(Nas):
    """Asks the second server for keys, too, and does not believe it."""

    def is_from(self, asked: Asked, datagram: Datagram) -> bool:
        return datagram.source in self.servers[0]


@defect("aaa-psk-names")
class CutsNames(Nas):
    """Asks for what stands before an octet of zero or a line break, and for no more than 63 octets."""

    def put_question(self, sa: GatewaySa, question: Question) -> None:
        name = question.name.partition(b"\0")[0].partition(b"\n")[0][:63]
        super().put_question(sa, Question(question.kind, name))


@defect("aaa-psk-acct")
class TellsOfEapOnly(Nas):
    """Tells of no session of somebody whose key it has asked for."""

    def has_begun(self, sa: GatewaySa) -> bool:
        return KEY not in sa.said and super().has_begun(sa)
