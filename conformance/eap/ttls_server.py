"""The server of EAP-TTLS (RFC 5281, version 0): takes whichever way to authenticate the peer begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import md5
from hmac import compare_digest

from conformance.eap import mschap
from conformance.eap.avp import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    MICROSOFT,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    USER_NAME,
    USER_PASSWORD,
    AnyAvp,
    Avps,
    pair,
)
from conformance.eap.conversation import Outcome
from conformance.eap.errors import Failed
from conformance.eap.method import ServerMethod
from conformance.eap.server import EapServer
from conformance.eap.tls_frames import TlsLimits
from conformance.eap.tls_method import FRAGMENT, TlsServer
from conformance.eap.ttls import Ttls
from conformance.eap.tunnel import TunnelMethod
from conformance.tls import TlsConfig


class TtlsServer(Ttls, TunnelMethod, TlsServer):
    """Authenticates the peer in the tunnel.

    Args:
        config: of TLS; it needs no certificate of the peer.
        users: names and passwords.
        methods: makes the methods of EAP in the tunnel, in this order.

    Attributes:
        name: who the peer says in the tunnel that it is.
        inner: the conversation of EAP in the tunnel, where the peer has begun one.
    """

    def __init__(
        self,
        config: TlsConfig,
        users: Mapping[bytes, str],
        methods: Callable[[], Sequence[ServerMethod]] = tuple,
        *,
        size: int = FRAGMENT,
        limits: TlsLimits | None = None,
    ) -> None:
        super().__init__(config, size=size, limits=limits)
        self.users = users
        self.methods = methods
        self.name = b""
        self.inner: EapServer | None = None
        self.proved = False

    def take_inner(self, data: bytes) -> bytes:
        """The next pairs, or the end."""
        if self.proved and not data:
            self.end(True)
            return b""
        found = self.answer_avps(self.read_pairs(data))
        return self.wrap(Avps(tuple(found))) if found else b""

    def answer_avps(self, avps: Avps) -> Sequence[AnyAvp]:
        """Whichever way the peer has begun."""
        packet = avps.all(EAP_MESSAGE)
        if packet is not None:
            return self.answer_eap(packet)
        self.name = avps.all(USER_NAME) or b""
        for begun, answer in (
            (avps.all(USER_PASSWORD), self.answer_pap),
            (avps.all(CHAP_PASSWORD), self.answer_chap),
            (avps.all(MS_CHAP2_RESPONSE, MICROSOFT), self.answer_mschapv2),
        ):
            if begun is not None:
                return answer(begun, avps, self.password())
        raise Failed("no pair in the tunnel that authenticates")

    def password(self) -> str:
        """The password of the user.

        Raises:
            Failed: there is no such user.
        """
        if self.name not in self.users:
            raise Failed(f"no user {self.name!r}")
        return self.users[self.name]

    def answer_pap(self, value: bytes, avps: Avps, password: str) -> Sequence[AnyAvp]:
        """The end."""
        self.end(compare_digest(value.rstrip(b"\0"), password.encode()))
        return ()

    def answer_chap(self, value: bytes, avps: Avps, password: str) -> Sequence[AnyAvp]:
        """The end."""
        self.check_challenge(avps.all(CHAP_CHALLENGE), value[:1])
        challenge = self.challenge(17)
        due = md5(challenge[16:] + password.encode() + challenge[:16], usedforsecurity=False).digest()
        self.end(compare_digest(value[1:], due))
        return ()

    def answer_mschapv2(self, value: bytes, avps: Avps, password: str) -> Sequence[AnyAvp]:
        """Our own proof, or the end."""
        if len(value) != 50:
            raise Failed(f"MS-CHAP2-Response of {len(value)} octets, expected 50")
        self.check_challenge(avps.all(MS_CHAP_CHALLENGE, MICROSOFT), value[:1])
        challenge, peer_challenge, response = self.challenge(17), value[2:18], value[26:]
        if not compare_digest(response, mschap.nt_response(challenge[:16], peer_challenge, self.name, password)):
            self.end(False)
            return ()
        self.proved = True
        proof = mschap.authenticator_response(password, response, peer_challenge, challenge[:16], self.name)
        return (pair(MS_CHAP2_SUCCESS, challenge[16:] + proof, MICROSOFT),)

    def check_challenge(self, told: bytes | None, identifier: bytes) -> None:
        """The peer may not choose the challenge (RFC 5281 section 11.2.2)."""
        challenge = self.challenge(17)
        if (told, identifier) != (challenge[:16], challenge[16:]):
            raise Failed("a challenge that does not come from TLS")

    def answer_eap(self, packet: bytes) -> Sequence[AnyAvp]:
        """The next inner request, or the end."""
        if self.inner is None:
            self.inner = EapServer(self.methods(), random=self.random)
            self.at_inner(self.inner)
            self.inner.start()
            # The peer's identity answers no request of ours.
            self.inner.identifier = packet[1] if len(packet) > 1 else 0
        answer = self.inner.receive(packet)
        self.name = self.inner.identity or b""
        if self.inner.outcome is Outcome.SUCCESS:
            self.end(True)
            return ()
        if answer is None or self.inner.outcome is Outcome.FAILURE:
            raise Failed(f"inside: {self.inner.why or self.inner.notes[-1]}")
        return (pair(EAP_MESSAGE, answer),)
