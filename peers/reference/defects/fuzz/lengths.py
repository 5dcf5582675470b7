"""A length, a count or a size from the wire is trusted: in C the memory beside it would be read or written."""

from collections.abc import Sequence
from struct import unpack

from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    CERT,
    CP,
    EAP,
    Delete,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    TSi,
)
from peers.reference.defects.fuzz.registry import fuzz_defect


def into(buffer: bytearray, octets: bytes) -> None:
    """Copy octets into a buffer as ``memcpy`` does, which asks nobody. Raises IndexError behind its end."""
    for at, octet in enumerate(octets):
        buffer[at] = octet


@fuzz_defect("death")
class NotifyBuffer(IkeSa):
    """The data of a notify of INFORMATIONAL goes into a buffer of 64 octets."""

    def informed(self, message: Message) -> list[Payload]:
        """Copy before looking."""
        for notify in message.all(Notify):
            into(bytearray(64), notify.data)
        return super().informed(message)


@fuzz_defect("death")
class NonceBuffer(IkeSa):
    """The nonce of CREATE_CHILD_SA goes into a buffer for the usual 32 octets, and its size is looked at later."""

    def nonce_of(self, message: Message) -> bytes:
        """Copy before looking."""
        nonce = message.first(Nonce)
        if nonce is not None:
            into(bytearray(32), nonce.data)
        return super().nonce_of(message)


@fuzz_defect("death")
class EmptyDelete(IkeSa):
    """A Delete for Child SAs is taken to name one."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        """The first SPI goes into the log."""
        for one in message.all(Delete):
            if int(one.protocol) != 1:
                self.drop(f"deleting {one.spis[0].hex()}")
        return super().handle_informational(message)


@fuzz_defect("death")
class EmptySelectors(IkeSa):
    """TSi is taken to have a selector at least."""

    def make_child(self, message: Message, *rest: object) -> list[Payload]:
        """The first selector decides on the policy."""
        ts = message.first(TSi)
        if ts is not None:
            self.drop(f"for {ts.selectors[0]}")
        return super().make_child(message, *rest)  # type: ignore[arg-type]


@fuzz_defect("death")
class CertificateLength(IkeSa):
    """The length in the first octets of a certificate says how far it is read."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        """Look for its end where it says that this is."""
        for cert in message.all(CERT):
            data = cert.data
            end = 4 + int.from_bytes(data[2:4], "big")
            self.drop(f"the certificate ends with {data[end - 1]:02x}")
        return super().handle_auth(message)


@fuzz_defect("death")
class EapLength(IkeSa):
    """Every EAP packet of a peer is taken to have five octets of data at least, where a method begins."""

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        """Look at them."""
        payload = message.first(EAP)
        if payload is not None:
            self.drop(f"flags {payload.packet.data[4]:02x}")
        return super().answer_round(message)


@fuzz_defect("death")
class ConfigurationValue(IkeSa):
    """A configuration attribute with a value has an address in it."""

    def informed(self, message: Message) -> list[Payload]:
        """Read four octets."""
        for cp in message.all(CP):
            for attribute in cp.attributes:
                if attribute.value:
                    self.drop(f"address {unpack('>I', attribute.value)[0]:08x}")
        return super().informed(message)


@fuzz_defect("death")
class CookieBuffer(IkeSa):
    """As initiator it keeps a cookie in a buffer of the size that it makes itself."""

    def on_init_response(self, message: Message) -> None:
        """Copy before looking."""
        cookie = message.notify(NotifyType.COOKIE)
        if cookie is not None:
            into(bytearray(24), cookie.data)
        super().on_init_response(message)
