"""The messages of EAP-SIM, EAP-AKA and EAP-AKA', and how they are protected (RFC 4186 and 4187 sections 8 to 10)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha1
from typing import Any, ClassVar, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from conformance.eap.errors import EapError
from conformance.eap.layout import U8, U16, Body
from conformance.eap.method import Method
from conformance.eap.simaka_attributes import (
    At,
    AtEncrData,
    AtIv,
    AtMac,
    AtPadding,
    Attributes,
    Clear,
    Mark,
    Small,
    read_attribute,
)
from conformance.eap.simaka_keys import Keys
from conformance.wire import EapPacket, OpenEnum
from conformance.wire.errors import WireError

B = TypeVar("B", bound=Body)


class Subtype(OpenEnum):
    """Subtypes of EAP-SIM and EAP-AKA."""

    AKA_CHALLENGE = 1
    AKA_AUTHENTICATION_REJECT = 2
    AKA_SYNCHRONIZATION_FAILURE = 4
    AKA_IDENTITY = 5
    SIM_START = 10
    SIM_CHALLENGE = 11
    NOTIFICATION = 12
    REAUTHENTICATION = 13
    CLIENT_ERROR = 14


class Told(OpenEnum):
    """Codes of AT_NOTIFICATION: the highest bit says success, the next one that nothing is authenticated yet."""

    FAILURE_AFTER = 0
    TEMPORARILY_DENIED = 1026
    NOT_SUBSCRIBED = 1031
    FAILURE = 16384
    SUCCESS = 32768

    @property
    def success(self) -> bool:
        """S bit."""
        return bool(self & 0x8000)

    @property
    def before(self) -> bool:
        """P bit: it comes before the challenge, so without AT_MAC."""
        return bool(self & 0x4000)


class ClientErrorCode(OpenEnum):
    """Codes of AT_CLIENT_ERROR_CODE."""

    UNABLE_TO_PROCESS = 0
    UNSUPPORTED_VERSION = 1
    TOO_FEW_CHALLENGES = 2
    NOT_FRESH = 3


class Unable(EapError):  # noqa: N818 - as its code
    """The message can't be processed: the peer answers with Client-Error, the server with a notification."""

    def __init__(self, why: str, code: ClientErrorCode = ClientErrorCode.UNABLE_TO_PROCESS) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True, repr=False)
class Message(Body):
    """A message of any subtype."""

    subtype: U8 = 0
    reserved: U16 = 0
    attributes: Attributes = ()

    def all(self, kind: int) -> list[Any]:
        """The attributes of a type."""
        return [one for one in self.attributes if getattr(one, "type", None) == kind]

    def find(self, kind: int) -> Any:
        """The first attribute of a type, or None; of its form in `FORMS`."""
        found = self.all(kind)
        return found[0] if found else None

    def need(self, kind: int) -> Any:
        """As `find`, but it has to be there.

        Raises:
            Unable: it is not.
        """
        found = self.find(kind)
        if found is None:
            raise Unable(f"no AT_{At(kind)}")
        return found


@dataclass(frozen=True, slots=True, repr=False)
class AkaChallenge(Message):
    """AKA-Challenge."""

    subtype: U8 = Subtype.AKA_CHALLENGE


@dataclass(frozen=True, slots=True, repr=False)
class AuthenticationReject(Message):
    """AKA-Authentication-Reject: the network's proof is wrong."""

    subtype: U8 = Subtype.AKA_AUTHENTICATION_REJECT


@dataclass(frozen=True, slots=True, repr=False)
class SynchronizationFailure(Message):
    """AKA-Synchronization-Failure: the sequence number is too old."""

    subtype: U8 = Subtype.AKA_SYNCHRONIZATION_FAILURE


@dataclass(frozen=True, slots=True, repr=False)
class AkaIdentity(Message):
    """AKA-Identity."""

    subtype: U8 = Subtype.AKA_IDENTITY


@dataclass(frozen=True, slots=True, repr=False)
class SimStart(Message):
    """SIM/Start."""

    subtype: U8 = Subtype.SIM_START


@dataclass(frozen=True, slots=True, repr=False)
class SimChallenge(Message):
    """SIM/Challenge."""

    subtype: U8 = Subtype.SIM_CHALLENGE


@dataclass(frozen=True, slots=True, repr=False)
class Notice(Message):
    """Notification of the method itself."""

    subtype: U8 = Subtype.NOTIFICATION


@dataclass(frozen=True, slots=True, repr=False)
class Reauthentication(Message):
    """Fast re-authentication."""

    subtype: U8 = Subtype.REAUTHENTICATION


@dataclass(frozen=True, slots=True, repr=False)
class ClientError(Message):
    """Client-Error: the peer gives up."""

    subtype: U8 = Subtype.CLIENT_ERROR


_BOTH: tuple[type[Message], ...] = (Notice, Reauthentication)
SIM_REQUESTS: tuple[type[Message], ...] = (SimStart, SimChallenge, *_BOTH)
SIM_RESPONSES: tuple[type[Message], ...] = (*SIM_REQUESTS, ClientError)
AKA_REQUESTS: tuple[type[Message], ...] = (AkaIdentity, AkaChallenge, *_BOTH)
AKA_RESPONSES: tuple[type[Message], ...] = (
    *AKA_REQUESTS,
    AuthenticationReject,
    SynchronizationFailure,
    ClientError,
)


def decode(data: bytes, messages: Sequence[type[Message]]) -> Message:
    """The message in Type-Data, one of those that the direction has.

    Raises:
        Unable: another subtype.
        WireError: malformed.
    """
    if not data:
        raise WireError(0, "subtype", "0 bytes left, expected 1")
    found = next((one for one in messages if one().subtype == data[0]), None)
    if found is None:
        raise Unable(f"subtype {Subtype(data[0])}")
    return found.decode(data)


def mark(kind: At) -> Mark:
    """An attribute that says all by being there."""
    return Mark(kind)


def number(kind: At, value: int) -> Small:
    """An attribute that holds a number."""
    return Small(kind, number=value)


class Protected(Method):
    """Encryption, MACs and checkcodes, on both sides.

    Attributes:
        keys: None until there are any.
        mac_extra: octets that the MAC of the next packet covers beside the packet.
        identity_packets: the AKA-Identity packets of both sides.
    """

    digest: ClassVar[Callable[..., Any]] = sha1

    def __init__(self) -> None:
        super().__init__()
        self.keys: Keys | None = None
        self.mac_extra = b""
        self.identity_packets: list[bytes] = []

    # --- out ------------------------------------------------------------------------------------------------------

    def seal(self, body: Body, wrap: Callable[[Body], bytes]) -> Body:
        """Encrypts, then computes the MAC, where the message has what it takes."""
        extra, self.mac_extra = self.mac_extra, b""
        if isinstance(body, Message) and self.keys is not None:
            body = replace(body, attributes=self.encrypt(body.attributes))
            tag = self.mac(wrap(body) + extra)
            body = replace(body, attributes=tuple(with_mac(one, tag) for one in body.attributes))
        if isinstance(body, AkaIdentity):
            self.identity_packets.append(wrap(body))
        return body

    def hidden(self, *attributes: Body) -> tuple[Body, ...]:
        """AT_IV and AT_ENCR_DATA with attributes, for a message."""
        return AtIv(iv=self.random(16)), Clear(attributes=attributes)

    def encrypt(self, attributes: tuple[Body, ...]) -> tuple[Body, ...]:
        """The attributes with every `Clear` encrypted under the AT_IV before it, padded to blocks."""
        assert self.keys is not None
        found: list[Body] = []
        iv = bytes(16)
        for one in attributes:
            iv = one.iv.ljust(16, b"\0")[:16] if isinstance(one, AtIv) else iv
            if isinstance(one, Clear):
                clear = b"".join(inner.encode() for inner in one.attributes)
                short = -len(clear) % 16
                clear += AtPadding(zeros=bytes(short - 2)).encode() if short else b""
                cipher = Cipher(AES(self.keys.k_encr), CBC(iv)).encryptor()
                one = AtEncrData(one.type, one.length, one.reserved, cipher.update(clear) + cipher.finalize())
            found.append(one)
        return tuple(found)

    # --- in -------------------------------------------------------------------------------------------------------

    def open(self, message: Message) -> Message:
        """The encrypted attributes of a message, as a message.

        Raises:
            Unable: no AT_IV, or what comes out is nonsense.
            WireError: likewise.
        """
        assert self.keys is not None
        encrypted = message.find(At.ENCR_DATA)
        if encrypted is None:
            return Message()
        iv = message.need(At.IV).iv
        if len(encrypted.data) % 16:
            raise Unable(f"AT_ENCR_DATA of {len(encrypted.data)} octets")
        cipher = Cipher(AES(self.keys.k_encr), CBC(iv)).decryptor()
        clear = cipher.update(encrypted.data) + cipher.finalize()
        attributes, offset = [], 0
        while offset < len(clear):
            one, offset = read_attribute(clear, offset)
            attributes.append(one)
        return Message(attributes=tuple(attributes))

    def mac(self, data: bytes) -> bytes:
        """Keyed hash of a packet, 16 octets."""
        assert self.keys is not None
        return hmac.digest(self.keys.k_aut, data, self.digest)[:16]

    def is_right_mac(self, packet: EapPacket, message: Message, extra: bytes = b"") -> bool:
        """Whether AT_MAC is right for the packet in which it came."""
        raw = packet.encode()
        place = len(raw) - sum(len(one.encode()) for one in message.attributes)
        for one in message.attributes:
            size = len(one.encode())
            if isinstance(one, AtMac):
                blank = raw[: place + size - 16] + bytes(16) + raw[place + size :]
                return hmac.compare_digest(self.mac(blank + extra), one.mac)
            place += size
        return False

    def demand_mac(self, packet: EapPacket, message: Message, extra: bytes = b"") -> None:
        """Makes sure that the MAC is right.

        Raises:
            Unable: it is not.
        """
        message.need(At.MAC)
        if not self.is_right_mac(packet, message, extra):
            raise Unable("wrong AT_MAC")

    # --- checkcode ------------------------------------------------------------------------------------------------

    def checkcode(self) -> bytes:
        """The hash of the AKA-Identity packets, nothing if there were none (RFC 4187 section 10.13)."""
        digest: bytes = type(self).digest(b"".join(self.identity_packets)).digest()
        return digest if self.identity_packets else b""

    def demand_checkcode(self, message: Message) -> None:
        """Makes sure that a checkcode, if there is one, is right.

        Raises:
            Unable: it is not.
        """
        found = message.find(At.CHECKCODE)
        if found is not None and not hmac.compare_digest(found.checkcode, self.checkcode()):
            raise Unable("wrong AT_CHECKCODE")


def with_mac(attribute: B, tag: bytes) -> Body:
    """The attribute, with a MAC if it is an AT_MAC that has none."""
    blank = isinstance(attribute, AtMac) and attribute.mac == bytes(16)
    return replace(attribute, mac=tag) if blank else attribute  # type: ignore[type-var]
