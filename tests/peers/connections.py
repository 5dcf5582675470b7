"""Connections for the tests of this folder."""

from dataclasses import replace

from conformance.ike.core.connection import ChildConfig, Connection, Identity, Party, Psk

TESTER = Party(Identity.of("tester.example"), Psk(b"a shared secret"))
DEVICE = Party(Identity.of("device.example"), Psk(b"a shared secret"))
CHILD = ChildConfig("net", ("aes128gcm16",))


def child_view(**changes: object) -> ChildConfig:
    """A Child SA."""
    return replace(CHILD, **changes)  # type: ignore[arg-type]


def device_view(**changes: object) -> Connection:
    """The device's side of a connection with a shared key."""
    ours = Connection(TESTER, DEVICE, proposals=("aes128gcm16-prfsha256-x25519",), children=(CHILD,))
    return replace(ours.mirrored(), **changes)  # type: ignore[arg-type]
