"""EAP-AKA' (RFC 9048): EAP-AKA with keys that are bound to the name of the access network, on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_server import AkaServer
from conformance.eap.kind import Kind
from conformance.eap.layout import Body
from conformance.eap.simaka import AkaChallenge, Message, SynchronizationFailure, Unable, number
from conformance.eap.simaka_attributes import At, Counted
from conformance.eap.simaka_keys import Keys, prime_ck_ik, prime_keys, prime_reauthenticated
from conformance.eap.simaka_rules import PRIME_RULES
from conformance.eap.subscriber import Register, UmtsAnswer, Usim, Vector
from conformance.wire import EapPacket, EapType

KIND = Kind(0, EapType.AKA_PRIME)
KDF = 1
"""The only key derivation function."""
SEPARATION_BIT = 0x80


class AkaPrimePeer(AkaPeer):
    """Answers a challenge of UMTS that was made for its access network.

    Args:
        network: the name that it knows of its network; None: takes what the server says.
        kdfs: the key derivation functions that it speaks.
    """

    kind = KIND
    permanent = b"6"
    rules = PRIME_RULES
    digest = sha256

    def __init__(
        self,
        usim: Usim,
        *,
        result_indications: bool = False,
        reveal: bool = True,
        network: bytes | None = None,
        kdfs: Sequence[int] = (KDF,),
    ) -> None:
        super().__init__(usim, result_indications=result_indications, reveal=reveal)
        self.network = network
        self.kdfs = tuple(kdfs)
        self.settled: list[int] = []

    def refusal(self, message: Message) -> Body | None:
        """Negotiates the key derivation function, and looks at the name and the separation bit (section 3)."""
        name, kdfs = message.find(At.KDF_INPUT), [one.number for one in message.all(At.KDF)]
        if name is None or not name.value:
            return self.reject("no network name")
        if self.network is not None and not self.is_this_network(name.value):
            return self.reject(f"network {name.value!r}")
        if self.settled and kdfs != self.settled:
            raise Unable(f"key derivation functions {kdfs} after {self.settled}")
        if not kdfs or (len(set(kdfs)) < len(kdfs) and not self.settled):
            return self.reject(f"key derivation functions {kdfs}")
        if kdfs[0] not in self.kdfs:
            common = next((one for one in kdfs if one in self.kdfs), None)
            if common is None:
                return self.reject(f"key derivation functions {kdfs}")
            self.settled = [common, *kdfs]
            return AkaChallenge(attributes=(number(At.KDF, common),))
        if not message.need(At.AUTN).autn[6] & SEPARATION_BIT:
            return self.reject("no separation bit in AMF")
        self.settled = kdfs
        return None

    def is_this_network(self, name: bytes) -> bool:
        """Whether the server's name fits: up to a colon, all fields of the shorter one are equal (section 3.1)."""
        assert self.network is not None
        mine, its = self.network.split(b":"), name.split(b":")
        return all(one == other for one, other in zip(mine, its, strict=False))

    def synchronisation(self, auts: bytes, message: Message) -> tuple[Body, ...]:
        """AT_AUTS, and the AT_KDFs of the challenge again (section 3.2)."""
        return (*super().synchronisation(auts, message), *message.all(At.KDF))

    def derive(self, answer: UmtsAnswer, autn: bytes, message: Message) -> Keys:
        """The keys of a full authentication."""
        name = message.need(At.KDF_INPUT).value
        return prime_keys(self.identity, *prime_ck_ik(answer.ck, answer.ik, name, autn[:6]))

    def renewed(self, keys: Keys, counter: int, nonce: bytes) -> Keys:
        """The keys after a fast re-authentication."""
        return prime_reauthenticated(keys, self.identity, counter, nonce)


class AkaPrimeServer(AkaServer):
    """Challenges with the name of a network.

    Args:
        network: that name.
        kdfs: the key derivation functions that it offers, best first; what is not 1 it can't compute.
    """

    kind = KIND
    permanent, pseudonym, fast = b"6", b"7", b"8"
    rules = PRIME_RULES
    digest = sha256

    def __init__(
        self, register: Register, *, network: bytes = b"WLAN", kdfs: Sequence[int] = (KDF,), **options: bool
    ) -> None:
        super().__init__(register, **options)
        self.network = network
        self.kdfs = list(kdfs)

    def challenge_attributes(self) -> tuple[Body, ...]:
        """The name and the functions."""
        return (Counted(At.KDF_INPUT, value=self.network), *(number(At.KDF, one) for one in self.kdfs))

    def take_challenge(self, message: AkaChallenge, packet: EapPacket) -> Body | None:
        """A response with AT_KDF alone wants another function."""
        found = message.find(At.KDF)
        if found is None or message.find(At.RES) is not None:
            return super().take_challenge(message, packet)
        if found.number not in self.kdfs[1:] or self.kdfs.count(found.number) > 1:
            raise Unable(f"key derivation function {found.number}")
        self.kdfs.insert(0, found.number)
        return self.challenge()

    def take_synchronisation(self, message: SynchronizationFailure) -> Body | None:
        """The AT_KDFs have to be the ones that were sent."""
        if [one.number for one in message.all(At.KDF)] != self.kdfs:
            raise Unable("other AT_KDFs than in the challenge")
        return super().take_synchronisation(message)

    def derive(self, vector: Vector) -> Keys:
        """The keys of a full authentication."""
        return prime_keys(self.identity, *prime_ck_ik(vector.ck, vector.ik, self.network, vector.autn[:6]))

    def renewed(self, keys: Keys, counter: int, nonce: bytes) -> Keys:
        """The keys after a fast re-authentication."""
        return prime_reauthenticated(keys, self.identity, counter, nonce)
