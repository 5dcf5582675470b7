"""Connections for the tests of this folder."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, Identity, Party, Psk

TESTER = Party(Identity.of("tester.example"), Psk(b"a shared secret"))
DEVICE = Party(Identity.of("device.example"), Psk(b"a shared secret"))


def device_view(**changes: object) -> Connection:
    """The device's side of a connection with a shared key."""
    return replace(Connection(local=TESTER, remote=DEVICE).mirrored(), **changes)  # type: ignore[arg-type]
