"""What outlives a conversation of EAP-SIM and EAP-AKA: the peer's USIM and the operator's register of subscribers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest

from conformance.crypto import Random
from conformance.eap.milenage import Milenage, xor
from conformance.eap.simaka_keys import Keys

SEPARATION = b"\x80\0"
"""AMF with the bit that AKA' demands (RFC 9048 section 3.1)."""
CHALLENGES = tuple(sha256(b"a challenge of the ikespec suites %d" % number).digest()[:16] for number in range(512))
"""The RANDs of GSM for devices that have no card, but a table of triplets."""
_SQN = 1 << 48
_AMF_OF_AUTS = bytes(2)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a fast re-authentication starts from.

    Attributes:
        identity: the fast re-authentication identity.
        keys: of the full authentication.
        counter: the last one that was used.
        imsi: whose it is, in a register.
    """

    identity: bytes
    keys: Keys
    counter: int = 0
    imsi: bytes = b""


@dataclass(frozen=True, slots=True)
class UmtsAnswer:
    """What a USIM says to RAND and AUTN: the answer and keys, or AUTS where the sequence number is too old."""

    res: bytes = b""
    ck: bytes = b""
    ik: bytes = b""
    auts: bytes = b""


@dataclass(slots=True)
class Usim:
    """A USIM with Milenage, and what the peer remembers beside it.

    Attributes:
        imsi: its digits.
        sqn: the highest sequence number that it has seen.
        realm: of the identities, with its "@", or nothing.
        pseudonym, renewal: from the last authentication, by the first character of the method's permanent identity.
    """

    imsi: bytes
    k: bytes
    opc: bytes
    sqn: int = 0
    realm: bytes = b""
    pseudonyms: dict[bytes, bytes] = field(default_factory=dict)
    renewals: dict[bytes, Renewal] = field(default_factory=dict)

    def gsm(self, rand: bytes) -> tuple[bytes, bytes]:
        """SRES and Kc."""
        found = Milenage(self.k, self.opc, rand)
        return found.sres(), found.kc()

    def umts(self, rand: bytes, autn: bytes) -> UmtsAnswer | None:
        """The answer to a challenge, None where the network's proof is wrong."""
        found = Milenage(self.k, self.opc, rand)
        sqn, amf = xor(autn[:6], found.f5()), autn[6:8]
        if not compare_digest(found.f1(sqn, amf), autn[8:]):
            return None
        if not self.is_fresh(int.from_bytes(sqn, "big")):
            mine = self.sqn.to_bytes(6, "big")
            return UmtsAnswer(auts=xor(mine, found.f5_star()) + found.f1_star(mine, _AMF_OF_AUTS))
        self.sqn = int.from_bytes(sqn, "big")
        return UmtsAnswer(found.f2(), found.f3(), found.f4())

    def is_fresh(self, sqn: int) -> bool:
        """Whether a sequence number is new."""
        return sqn > self.sqn


@dataclass(frozen=True, slots=True)
class Vector:
    """An authentication vector of UMTS."""

    rand: bytes
    autn: bytes
    xres: bytes
    ck: bytes
    ik: bytes


@dataclass(slots=True)
class Subscriber:
    """What the operator knows of a USIM; ``sqn`` is the last sequence number that was used."""

    imsi: bytes
    k: bytes
    opc: bytes
    sqn: int = 0


class Register:
    """The operator's subscribers, and the identities that were handed out to them.

    Args:
        challenges: the RANDs of GSM, which are used one after the other from any of them on; none: any RANDs.
    """

    def __init__(self, subscribers: Iterable[Subscriber], challenges: Sequence[bytes] = ()) -> None:
        self.subscribers = {one.imsi: one for one in subscribers}
        self.challenges = challenges
        self._place: int | None = None
        self.pseudonyms: dict[bytes, bytes] = {}
        self.renewals: dict[bytes, Renewal] = {}

    def imsi_of(self, identity: bytes, permanent: bytes) -> bytes | None:
        """Whose a permanent identity (with the first character ``permanent``) or a pseudonym is."""
        name = bare(identity)
        imsi = name[1:] if name[:1] == permanent else self.pseudonyms.get(name)
        return imsi if imsi in self.subscribers else None

    def take_renewal(self, identity: bytes) -> Renewal | None:
        """What belongs to a fast re-authentication identity, which is used up."""
        return self.renewals.pop(identity, None)

    def name_anew(self, imsi: bytes, prefix: bytes, random: Random) -> bytes:
        """A new pseudonym."""
        name = prefix + random(12).hex().encode()
        self.pseudonyms[name] = imsi
        return name

    def renew(self, renewal: Renewal, prefix: bytes, random: Random, realm: bytes) -> Renewal:
        """Another fast re-authentication identity for the same subscriber and keys."""
        found = replace(renewal, identity=prefix + random(12).hex().encode() + realm)
        self.renewals[found.identity] = found
        return found

    def triplet(self, imsi: bytes, random: Random) -> tuple[bytes, bytes, bytes]:
        """RAND, SRES and Kc of GSM."""
        one, rand = self.subscribers[imsi], self._next_challenge(random)
        found = Milenage(one.k, one.opc, rand)
        return rand, found.sres(), found.kc()

    def _next_challenge(self, random: Random) -> bytes:
        if not self.challenges:
            return random(16)
        start = int.from_bytes(random(2), "big") if self._place is None else self._place + 1
        self._place = start % len(self.challenges)
        return self.challenges[self._place]

    def vector(self, imsi: bytes, random: Random, amf: bytes = SEPARATION) -> Vector:
        """A vector with the next sequence number."""
        one, rand = self.subscribers[imsi], random(16)
        one.sqn = (one.sqn + 32) % _SQN
        sqn, found = one.sqn.to_bytes(6, "big"), Milenage(one.k, one.opc, rand)
        autn = xor(sqn, found.f5()) + amf + found.f1(sqn, amf)
        return Vector(rand, autn, found.f2(), found.f3(), found.f4())

    def resynchronise(self, imsi: bytes, rand: bytes, auts: bytes) -> bool:
        """Goes on from the sequence number of the USIM, if the USIM has signed it."""
        one = self.subscribers[imsi]
        found = Milenage(one.k, one.opc, rand)
        sqn = xor(auts[:6], found.f5_star())
        if not compare_digest(found.f1_star(sqn, _AMF_OF_AUTS), auts[6:]):
            return False
        one.sqn = int.from_bytes(sqn, "big")
        return True


def bare(identity: bytes) -> bytes:
    """An identity without its realm."""
    return identity.partition(b"@")[0]
