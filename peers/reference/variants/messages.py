"""What stands in a device's messages beside what must: order, further notifies and vendor IDs, sizes of free fields."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from conformance.ike.core import protection
from conformance.ike.core.connection import Connection
from conformance.ike.core.proposals import half_keys, parsed
from conformance.ike.core.protection import Fragment
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    CERT,
    CP,
    SA,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    VendorID,
)
from peers.capabilities import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant

STATUS = NotifyType(40970)
"""A status type for private use (RFC 7296, section 3.10.1)."""
_IGNORED = "RFC 7296, 3.10.1 and 3.12: unknown status notifies and vendor IDs are ignored, in any message"


class Arranging(IkeSa):
    """Sends its payloads in another way, also those inside of the Encrypted payload."""

    def arranged(self, payloads: Sequence[Payload], random: Random) -> Sequence[Payload]:
        """The payloads of a message. ``random`` is the same for the same message of an IKE SA."""
        raise NotImplementedError

    def encode(self, message: Message) -> list[bytes]:
        # A cookie comes first and what follows it is as it was without (RFC 7296, section 2.6).
        random = Random(f"{self.own_spi.hex()}/{message.exchange}/{message.message_id}/{message.is_response}")
        first = [one for one in message.payloads if isinstance(one, Notify) and one.type == NotifyType.COOKIE]
        others = [one for one in message.payloads if one not in first]
        return super().encode(replace(message, payloads=(*first, *self.arranged(others, random))))


@variant(_IGNORED)
class MoreNotifies(Arranging):
    """Adds an unknown status notify and a vendor ID to each of its messages, at the end."""

    def arranged(self, payloads: Sequence[Payload], random: Random) -> Sequence[Payload]:
        return [*payloads, Notify(STATUS, b"variant"), VendorID(b"ikespec variant")]


@variant(_IGNORED)
class NotifiesFirst(Arranging):
    """Begins each of its messages with an unknown status notify and two vendor IDs."""

    def arranged(self, payloads: Sequence[Payload], random: Random) -> Sequence[Payload]:
        return [Notify(STATUS), VendorID(b"ikespec variant"), VendorID(bytes(200)), *payloads]


@variant(
    "RFC 7296, 2.5: the figures tell the order of payloads, but place no notify among its like",
    advice={"RFC7296-2.23-11": "it is about the order, which is a SHOULD"},
)
class NotifiesAnywhere(Arranging):
    """Has notifies anywhere between the other payloads, in any order."""

    def arranged(self, payloads: Sequence[Payload], random: Random) -> Sequence[Payload]:
        mixed = [one for one in payloads if not isinstance(one, Notify)]
        for one in payloads:
            if isinstance(one, Notify):
                mixed.insert(random.randint(0, len(mixed)), one)
        return mixed


@variant(
    "RFC 7296, 2.5: the order of the figures is a SHOULD, and no message is invalid for another one",
    advice={
        "RFC7296-2.5-16": "that is what it does not follow",
        "RFC7296-2.23-11": "it is about the order, which is a SHOULD",
    },
)
class PayloadsAnywhere(Arranging):
    """Has its payloads in any order, except that certificates keep theirs, and CP comes before SA (2.19)."""

    def arranged(self, payloads: Sequence[Payload], random: Random) -> Sequence[Payload]:
        mixed = random.sample(payloads, len(payloads))
        for kinds in (CERT, CP | SA):
            kept = iter([one for one in payloads if isinstance(one, kinds)])
            mixed = [next(kept) if isinstance(one, kinds) else one for one in mixed]
        return mixed


@variant(
    "RFC 7296, 1.2: none of the notifies of IKE_SA_INIT is needed; 4: NAT traversal can be omitted",
    lacks=(
        Capability.FRAGMENTATION, Capability.NAT_T, Capability.FORCED_ENCAPSULATION, Capability.RFC7427,
        Capability.RSA_PSS, Capability.ED25519, Capability.ED448, Capability.CHILDLESS, Capability.MULTIPLE_AUTH,
        Capability.RAW_PUBLIC_KEYS, Capability.CERTIFICATE_CHOICE, Capability.HASH_AND_URL,
        Capability.OCSP_IN_IKE, Capability.REDIRECT, Capability.REDIRECT_INIT, Capability.REDIRECT_AUTH,
        Capability.REDIRECT_LATER,
    ),
)  # fmt: skip
class Bare(IkeSa):
    """Knows no extension, and says nothing but SA, KE and Nonce in IKE_SA_INIT."""

    def init_notifies(self) -> list[Notify]:
        return []

    def init_announced(self, message: Message) -> None:
        pass


@variant("RFC 6290, 4: a token for Quick Crash Detection is in IKE_AUTH, with Protocol ID 1")
class GivesTokens(IkeSa):
    """Has a token for Quick Crash Detection in IKE_AUTH."""

    def auth_notifies(self) -> list[Notify]:
        token = Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(range(32)), protocol=ProtocolID.IKE)
        return [*super().auth_notifies(), token]


class NonceSize(IkeSa):
    """Has nonces of another size."""

    def nonce_size(self) -> int:
        """Octets of the next nonce."""
        raise NotImplementedError

    def choose_nonce(self) -> bytes:
        return self.random(self.nonce_size())


_NONCES = "RFC 7296, 2.10 and 3.9: a nonce has 16 to 256 octets, and at least half the key size of each PRF offered"


@variant(_NONCES)
class ShortNonces(NonceSize):
    """Has the shortest nonces that its PRFs allow."""

    def nonce_size(self) -> int:
        return max(16, *half_keys(parsed(self.connection.proposals)))


@variant(_NONCES)
class LongNonces(NonceSize):
    """Has nonces of 256 octets."""

    def nonce_size(self) -> int:
        return 256


@variant(_NONCES)
class AnyNonces(NonceSize):
    """Has a nonce of another size each time, of 32 to 256 octets."""

    def nonce_size(self) -> int:
        return 32 + self.random(1)[0] * 224 // 255


@variant("RFC 7296, 2.6 and RFC 4303, 2.1: SPIs must be unique, not random; 1 to 255 are reserved in ESP")
class SmallSpis(IkeSa):
    """Has small SPIs: those of IKE begin with five zeros, those of ESP with two."""

    def choose_spi(self) -> bytes:
        return bytes(5) + super().choose_spi()[5:]

    def choose_child_spi(self) -> bytes:
        spi = bytes(2) + super().choose_child_spi()[2:]
        taken = any(child.spi_in == spi for child in self.children)
        return spi if not taken and spi[2] else self.choose_child_spi()


@variant(
    "RFC 7296, 3.14: padding has any content and any length up to 255 octets; the shortest one is a SHOULD",
    advice={"RFC7296-3.14-8": "that is what it does not follow"},
)
class MoreIkePadding(IkeSa):
    """Pads Encrypted payloads with as much as Pad Length can say, and with anything."""

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        if fragment is not None or self.keys is None:
            return super().seal(message, inner, plaintext, fragment)
        scheme = self.keys.suite.cipher
        size = 255 - (len(plaintext) + 256) % scheme.block_size
        text = plaintext + self.random(size) + bytes((size,))
        return protection.seal(message, inner, text, scheme, self.own_key, self.random)


@variant("RFC 5282, 3: with an AEAD padding need align nothing, and there is no word on how short it should be")
class PadsToFour(IkeSa):
    """Pads Encrypted payloads to four octets where they have an AEAD, as ESP is padded."""

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        if fragment is not None or self.keys is None or not self.keys.suite.cipher.aead:
            return super().seal(message, inner, plaintext, fragment)
        scheme, text = self.keys.suite.cipher, protection.padded(plaintext, 4)
        return protection.seal(message, inner, text, scheme, self.own_key, self.random)


@variant("RFC 7383, 2.5.1: the size of fragments is up to the sender, 576 octets where nothing is known of the path")
class TinyFragments(ReferenceEngine):
    """Sends no IKE datagram of more than 576 octets."""

    def apply(self, connection: Connection) -> None:
        size = min(connection.fragment_size, 576)
        super().apply(replace(connection, fragment_size=size))


@variant(
    "RFC 7383, 2.5.1: other thresholds may be used where they are appropriate",
    lacks=(Capability.IKE_PATH_MTU,),
    about=("fragmentation",),
)
class FixedFragments(ReferenceEngine):
    """Sends no IKE datagram of more than 1280 octets if it may use fragments, whatever it is told."""

    def apply(self, connection: Connection) -> None:
        size = min(connection.fragment_size, 1) * 1280
        super().apply(replace(connection, fragment_size=size))


@variant("RFC 7383, 2.6: fragments come in any order")
class FragmentsBackwards(IkeSa):
    """Sends the last fragment of a message first."""

    def encode(self, message: Message) -> list[bytes]:
        return super().encode(message)[::-1]
