"""Public values of every wrong kind: zero, one, of small order, off the curve, at infinity, too short, too long.

Whoever takes such a value makes a key that somebody else knows, or tells something of its own (RFC 7748, section 6;
RFC 8446, sections 4.2.8 and 7.4.2; RFC 8422, section 5.11).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from conformance.eap.layout import Body
from conformance.script.peer import Peer
from conformance.tls import TlsVersion
from conformance.tls.messages import (
    KEY_SHARE,
    SUPPORTED_GROUPS,
    ClientHello,
    ClientKeyExchange,
    Number16,
    NumbersExtension,
    ServerHello,
    ServerKeyExchange,
    Share,
    ShareExtension,
    SharesExtension,
)
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap_tls.conduct import must_not_believe, must_refuse
from suites.eap_tls.deviation import Deviation, message
from suites.eap_tls.making import Row, purposes
from suites.ike_auth.refusal import NOT_CREATED
from suites.purpose import purpose

TIER = "full"

V12, V13 = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
LIKE_13 = "RFC9190-2.1-3"
P256, X25519, FFDHE2048 = 23, 29, 256
NAMES = {P256: "secp256r1", X25519: "X25519 (29)", FFDHE2048: "ffdhe2048"}

_P25519 = (1 << 255) - 19
_ORDER_8 = 39382357235489614581723060781553021112529911719440698176882885853963445705823
"""The u of a point of order 8 on Curve25519 (RFC 7748, section 7, points to such values)."""
_P256 = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
_BASE_X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_BASE_Y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5


def _u(number: int) -> bytes:
    return number.to_bytes(32, "little")


def _point(x: int, y: int, form: int = 4) -> bytes:
    return bytes((form,)) + x.to_bytes(32, "big") + y.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Value:
    """A public value that must not be taken."""

    name: str
    group: int
    key: bytes


VALUES: tuple[Value, ...] = (
    Value("zero", X25519, _u(0)),
    Value("one", X25519, _u(1)),
    Value("minus-one", X25519, _u(_P25519 - 1)),
    Value("of order 8", X25519, _u(_ORDER_8)),
    Value("the prime itself", X25519, _u(_P25519)),
    Value("an octet too short", X25519, bytes((9,)) + bytes(30)),
    Value("an octet too long", X25519, _u(9) + b"\0"),
    Value("empty", X25519, b""),
    Value("off the curve", P256, _point(_BASE_X, _BASE_Y ^ 1)),
    Value("of zeros", P256, _point(0, 0)),
    Value("at infinity", P256, b"\0"),
    Value("with a coordinate greater than the prime", P256, _point(_BASE_X, _P256 + 1)),
    Value("of an unknown form", P256, _point(_BASE_X, _BASE_Y, 5)),
    Value("an octet too short", P256, _point(_BASE_X, _BASE_Y)[:-1]),
    Value("an octet too long", P256, _point(_BASE_X, _BASE_Y) + b"\0"),
    Value("empty", P256, b""),
)
FINITE: tuple[Value, ...] = tuple(
    Value(name, FFDHE2048, number.to_bytes(256, "big")) for name, number in (("zero", 0), ("one", 1))
)
"""Values that are known to be in no safe group, whichever prime it has."""


# --- as the client ----------------------------------------------------------------------------------------------------


def groups_alone(hello: ClientHello, *groups: int, shares: tuple[Share, ...] = ()) -> ClientHello:
    """The ClientHello with these groups, and these shares, where it has any."""

    def changed(one: Any) -> Body:
        if isinstance(one, NumbersExtension) and one.type == SUPPORTED_GROUPS:
            return replace(one, numbers=tuple(map(Number16, groups)))
        return replace(one, shares=shares) if isinstance(one, SharesExtension) else one

    return replace(hello, extensions=tuple(map(changed, hello.extensions)))


def sharing(value: Value) -> Deviation:
    """The value in the ClientHello of TLS 1.3, and no other one."""
    return message(
        f"a share of {NAMES[value.group]} that is {value.name}", ClientHello, V13,
        lambda hello: groups_alone(hello, value.group, shares=(Share(value.group, key=value.key),)),
    )  # fmt: skip


def off_the_curve(point: bytes) -> bytes:
    """The point with another y; where there is only an x, one of order 8."""
    return _u(_ORDER_8) if len(point) == len(_u(0)) else point[:-1] + bytes((point[-1] ^ 1,))


OTHERWISE: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("of zeros", lambda point: bytes(len(point))),
    ("off the curve, or of order 8", off_the_curve),
    ("at infinity", lambda point: b"\0"),
    ("an octet too short", lambda point: point[:-1]),
    ("an octet too long", lambda point: point + b"\0"),
    ("empty", lambda point: b""),
)
"""What becomes of our right value in the group that the server has chosen."""


def exchanging(text: str, change: Callable[[bytes], bytes]) -> Deviation:
    """Another value in the ClientKeyExchange of TLS 1.2."""
    return message(
        f"a public value that is {text}",
        ClientKeyExchange,
        V12,
        lambda found: replace(found, point=change(found.point)),
    )


def _each(peer: Peer, values: tuple[Value, ...]) -> None:
    for value in values:
        played = must_refuse(peer, sharing(value))
        played.must_speak()
        expected = f"no key of {played.deviation.text}"
        peer.check(not played.committed, expected, "a ServerHello and what is encrypted behind it", LIKE_13)


def _of(group: int) -> tuple[Value, ...]:
    return tuple(one for one in VALUES if one.group == group)


SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
AS_SERVER, AS_CLIENT = eap("tls"), eap("tls", device="initiator")


@purpose("eap-tls-13-shares-x25519", LIKE_13, NOT_CREATED, role="responder", needs=SERVER, connection=AS_SERVER)
def test_shares_x25519(peer: Peer) -> None:
    """Shares of x25519 that are of small order or of another size make no key."""
    _each(peer, _of(X25519))


@purpose("eap-tls-13-shares-p256", LIKE_13, NOT_CREATED, role="responder", needs=SERVER, connection=AS_SERVER)
def test_shares_p256(peer: Peer) -> None:
    """Shares of secp256r1 that are no points of the curve, or of another form, make no key."""
    _each(peer, _of(P256))


@purpose("eap-tls-13-shares-ffdhe", LIKE_13, NOT_CREATED, role="responder", needs=SERVER, connection=AS_SERVER)
def test_shares_ffdhe(peer: Peer) -> None:
    """Shares of ffdhe2048 that are 0 or 1 make no key."""
    _each(peer, FINITE)


@purpose("eap-tls-12-values", NOT_CREATED, role="responder", needs=SERVER, connection=AS_SERVER)
def test_values(peer: Peer) -> None:
    """Public values in a ClientKeyExchange that are of small order, no points of the curve or cut let nobody in."""
    for text, change in OTHERWISE:
        must_refuse(peer, exchanging(text, change))


ONE_GROUP = message("secp256r1 alone", ClientHello, V12, lambda hello: groups_alone(hello, P256))

purposes(__name__, "responder", [
    Row("eap-tls-12-group", "A client that has no other group than secp256r1 gets a public value of that group.",
        ("RFC5216-2.1.3-6",), ONE_GROUP, "accepted"),
])  # fmt: skip


# --- as the server ----------------------------------------------------------------------------------------------------


def answering(value: Value) -> Deviation:
    """The value in the ServerHello of TLS 1.3, whatever the client has offered."""

    def change(hello: ServerHello) -> ServerHello:
        share = ShareExtension(KEY_SHARE, group=value.group, key=value.key)
        found = (share if isinstance(one, ShareExtension) else one for one in hello.extensions)
        return replace(hello, extensions=tuple(found))

    return message(f"a share of {NAMES[value.group]} that is {value.name}", ServerHello, V13, change)


def serving(value: Value) -> Deviation:
    """The value in the ServerKeyExchange of TLS 1.2."""
    return message(
        f"a public value of {NAMES[value.group]} that is {value.name}", ServerKeyExchange, V12,
        lambda found: replace(found, curve=value.group, point=value.key),
    )  # fmt: skip


OF_SERVER = tuple(one for one in VALUES if one.name in ("zero", "of order 8", "empty", "off the curve", "at infinity"))


@purpose("eap-tls-peer-13-shares", LIKE_13, NOT_CREATED, role="initiator", needs=PEER, connection=AS_CLIENT)
def test_shares_of_server(peer: Peer, dut: Dut) -> None:
    """Shares of a server that are of small order, no points of the curve or empty are refused."""
    for value in OF_SERVER:
        must_not_believe(peer, dut, answering(value))


@purpose("eap-tls-peer-12-values", NOT_CREATED, role="initiator", needs=PEER, connection=AS_CLIENT)
def test_values_of_server(peer: Peer, dut: Dut) -> None:
    """Public values in a ServerKeyExchange that are of small order, no points of the curve or empty are refused."""
    for value in OF_SERVER:
        must_not_believe(peer, dut, serving(value))
