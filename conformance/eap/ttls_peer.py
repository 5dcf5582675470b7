"""The peer of EAP-TTLS (RFC 5281, version 0): one class for each way to authenticate in the tunnel."""

from __future__ import annotations

from collections.abc import Sequence
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
    MS_CHAP_ERROR,
    USER_NAME,
    USER_PASSWORD,
    AnyAvp,
    Avps,
    pair,
)
from conformance.eap.conversation import Outcome
from conformance.eap.errors import Failed
from conformance.eap.method import Decision, PeerMethod
from conformance.eap.peer import EapPeer
from conformance.eap.tls_frames import TlsLimits
from conformance.eap.tls_method import FRAGMENT, TlsPeer
from conformance.eap.ttls import Ttls
from conformance.eap.tunnel import TunnelMethod
from conformance.tls import TlsConfig
from conformance.wire import EapCode, EapPacket, EapType


class TtlsPeer(Ttls, TunnelMethod, TlsPeer):
    """Speaks first in the tunnel. ``name`` is only told there: the identity outside may be anything."""

    def __init__(
        self, config: TlsConfig, name: bytes, *, size: int = FRAGMENT, limits: TlsLimits | None = None
    ) -> None:
        super().__init__(config, size=size, limits=limits)
        self.name = name

    def opening(self) -> bytes:
        """The first pairs."""
        return self.wrap(Avps(tuple(self.first_avps())))

    def take_inner(self, data: bytes) -> bytes:
        """The next pairs, or nothing."""
        found = self.next_avps(self.read_pairs(data))
        return self.wrap(Avps(tuple(found))) if found else b""

    def first_avps(self) -> Sequence[AnyAvp]:
        """Who we are, and what proves it."""
        raise NotImplementedError

    def next_avps(self, avps: Avps) -> Sequence[AnyAvp]:
        """What we say to the server's pairs."""
        raise Failed(f"{len(avps.items)} pairs from the server, expected none")


class _Password(TtlsPeer):
    """A peer with a password."""

    def __init__(
        self,
        config: TlsConfig,
        name: bytes,
        password: str,
        *,
        size: int = FRAGMENT,
        limits: TlsLimits | None = None,
    ) -> None:
        super().__init__(config, name, size=size, limits=limits)
        self.password = password


class PapPeer(_Password):
    """PAP: the password itself (RFC 5281 section 11.2.5)."""

    def first_avps(self) -> Sequence[AnyAvp]:
        """Name and password."""
        self.decision = Decision.MAYBE
        return pair(USER_NAME, self.name), pair(USER_PASSWORD, self.hide(self.password.encode()))

    def hide(self, password: bytes) -> bytes:
        """The password with zeros up to a multiple of 16 octets, so that its length does not show."""
        return password.ljust(-(-max(len(password), 1) // 16) * 16, b"\0")


class ChapPeer(_Password):
    """CHAP with a challenge out of TLS (RFC 5281 section 11.2.2)."""

    def first_avps(self) -> Sequence[AnyAvp]:
        """Name, challenge and answer."""
        self.decision = Decision.MAYBE
        challenge = self.challenge(17)
        digest = md5(challenge[16:] + self.password.encode() + challenge[:16], usedforsecurity=False).digest()
        return (
            pair(USER_NAME, self.name),
            pair(CHAP_CHALLENGE, challenge[:16]),
            pair(CHAP_PASSWORD, challenge[16:] + digest),
        )


class Mschapv2InsidePeer(_Password):
    """MS-CHAP-V2 with a challenge out of TLS (RFC 5281 section 11.2.4)."""

    peer_challenge = response = b""

    def first_avps(self) -> Sequence[AnyAvp]:
        """Name, challenge and answer."""
        challenge = self.challenge(17)
        self.peer_challenge = self.random(16)
        self.response = mschap.nt_response(challenge[:16], self.peer_challenge, self.name, self.password)
        answer = challenge[16:] + b"\0" + self.peer_challenge + bytes(8) + self.response
        return (
            pair(USER_NAME, self.name),
            pair(MS_CHAP_CHALLENGE, challenge[:16], MICROSOFT),
            pair(MS_CHAP2_RESPONSE, answer, MICROSOFT),
        )

    def next_avps(self, avps: Avps) -> Sequence[AnyAvp]:
        """Nothing more, once the server has proved that it knows the password."""
        proof = avps.all(MS_CHAP2_SUCCESS, MICROSOFT)
        if proof is None:
            error = avps.all(MS_CHAP_ERROR, MICROSOFT)
            raise Failed("no MS-CHAP2-Success" if error is None else f"MS-CHAP-Error {error[1:]!r}")
        if not self.is_proof(proof):
            raise Failed("wrong authenticator response")
        self.decision = Decision.MAYBE
        return ()

    def is_proof(self, proof: bytes) -> bool:
        """Whether it is the answer of somebody who knows the password."""
        challenge = self.challenge(17)
        due = mschap.authenticator_response(
            self.password, self.response, self.peer_challenge, challenge[:16], self.name
        )
        return compare_digest(proof[: 1 + len(due)], challenge[16:] + due)


class InnerEapPeer(TtlsPeer):
    """EAP in the tunnel (RFC 5281 section 11.2.1); ``inner`` is its conversation."""

    def __init__(
        self,
        config: TlsConfig,
        name: bytes,
        methods: Sequence[PeerMethod],
        *,
        size: int = FRAGMENT,
        limits: TlsLimits | None = None,
    ) -> None:
        super().__init__(config, name, size=size, limits=limits)
        self.methods = methods
        self.inner: EapPeer | None = None

    def first_avps(self) -> Sequence[AnyAvp]:
        """The identity, which nobody asks for."""
        self.inner = EapPeer(self.name, self.methods, random=self.random)
        self.at_inner(self.inner)
        return self.carry(EapPacket(EapCode.REQUEST, 0, EapType.IDENTITY).encode())

    def next_avps(self, avps: Avps) -> Sequence[AnyAvp]:
        """The inner response; the inner Success may be left to the outer one."""
        packet = avps.all(EAP_MESSAGE)
        if packet is None:
            raise Failed("no EAP-Message from the server")
        return self.carry(packet)

    def carry(self, packet: bytes) -> Sequence[AnyAvp]:
        """Hands a packet to the inner conversation."""
        assert self.inner is not None
        answer = self.inner.receive(packet)
        if self.inner.outcome is Outcome.FAILURE:
            raise Failed(f"inside: {self.inner.why}")
        if self.inner.decision is not Decision.FAIL:
            self.decision = Decision.MAYBE
        return () if answer is None else (pair(EAP_MESSAGE, answer),)
