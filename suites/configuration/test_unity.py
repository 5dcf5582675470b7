"""The private attributes of Cisco's clients, whom a device may tell of them or hear of them (RFC 7296, section 3.15.1).

They are known as Unity; their numbers stand in no public registry, and a device may know none of them. What is asked is
that they do no harm, and that who tells them tells what it has been given.
"""

from enum import IntEnum
from functools import reduce
from operator import or_

from conformance.ike.core.connection import InnerNetwork
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import AUTH, CfgAttr, CfgAttribute, Message, VendorID
from peers.capabilities import Capability
from suites.configuration.client import adding, takes
from suites.configuration.exchanges import asks
from suites.configuration.steps import A4, IGNORED, INNER, LENGTHS, asking, attributes, serving, wanting, well_formed
from suites.configuration.test_attributes import FLEXVPN, told, with_inner
from suites.dut import Dut
from suites.purpose import purpose


class Unity(IntEnum):
    """What Cisco's clients ask for beside the attributes of the registry."""

    BANNER = 28672
    SAVE_PASSWORD = 28673
    DEFAULT_DOMAIN = 28674
    SPLIT_DNS_NAME = 28675
    SPLIT_INCLUDE = 28676
    NAT_PORT = 28677
    LOCAL_LAN = 28678
    PFS = 28679
    FIREWALL = 28680
    BACKUP_SERVERS = 28681
    DDNS_HOSTNAME = 28682


FLEXVPN_CLIENT = (
    VendorID(b"CISCO-DELETE-REASON"), VendorID(b"FLEXVPN-SUPPORTED"),
    VendorID(bytes.fromhex("12f5f28c457168a9702d9fe274cc0100")),
)  # fmt: skip
"""By these a FlexVPN client shows itself; the last one is that of Unity."""

# --- the device tells them --------------------------------------------------------------------------------------------

TOLD = (
    (Unity.BANNER, b"Welcome to the inner network"),
    (Unity.DEFAULT_DOMAIN, b"corp.example"),
    (Unity.SPLIT_DNS_NAME, b"corp.example"),
    (Unity.SPLIT_DNS_NAME, b"city.other.example"),
    (Unity.BACKUP_SERVERS, b"backup1.example"),
    (Unity.BACKUP_SERVERS, b"backup2.example"),
)
TELLING = with_inner(InnerNetwork(private=tuple((int(kind), value) for kind, value in TOLD)))
_NEEDS = (Capability.PRIVATE_ATTRIBUTES,)


def as_given(peer: Peer, answer: Message) -> None:
    """Each of them is one that the device has been given, and none comes more often than it was given."""
    given = [(int(kind), value) for kind, value in TOLD]
    for one in attributes(answer):
        if one.value and int(one.type) in {int(kind) for kind, _ in TOLD}:
            found = (int(one.type), one.value)
            peer.check(found in given, "a value that the device has been given, once", found, LENGTHS)
            given.remove(found)


@purpose("cp-unity-told", LENGTHS, IGNORED, role="responder", needs=(*INNER, *_NEEDS), connection=TELLING)
def test_told(peer: Peer) -> None:
    """Banner, default domain, names and backup servers are asked for: the given values come, or none."""
    told(peer, wanting(CfgAttr(A4), *(CfgAttr(CfgAttribute(one)) for one in Unity)), as_given)


@purpose("cp-unity-suggested", LENGTHS, IGNORED, role="responder", needs=(*INNER, *_NEEDS), connection=TELLING)
def test_suggested(peer: Peer) -> None:
    """They are asked for with values, which are wishes at most: the given ones come, or none."""
    told(peer, wanting(CfgAttr(A4), *(CfgAttr(CfgAttribute(one), b"suggested") for one in Unity)), as_given)


@purpose("cp-unity-later", LENGTHS, IGNORED, role="responder", needs=(*INNER, *_NEEDS), connection=TELLING)
def test_later(peer: Peer) -> None:
    """Each of them is asked for by itself, later, in INFORMATIONAL exchanges: the given values come, or none."""
    sa = peer.establish()
    for one in Unity:
        as_given(peer, asks(sa, CfgAttr(CfgAttribute(one))))
    sa.must_be_up(IGNORED)


@purpose("cp-unity-vendor", "RFC7296-3.12-2", IGNORED, "RFC7296-3.12-5", role="responder", needs=INNER,
         connection=serving())  # fmt: skip
def test_vendor(peer: Peer) -> None:
    """A client shows itself as one of Cisco's by Vendor IDs, and sends its long request: what comes is well-formed."""
    sa = peer.sa()
    sa.init(reduce(or_, map(bend.append, FLEXVPN_CLIENT)))
    answer = sa.auth(wanting(CfgAttr(A4), *FLEXVPN))
    peer.expect(answer, AUTH, "RFC7296-3.12-2")
    well_formed(peer, answer)
    sa.must_be_up("RFC7296-3.12-5")


# --- the device hears them --------------------------------------------------------------------------------------------

_FLAGS = (b"\0\1", b"\0\0", b"", b"\0\2", b"yes", b"\xff" * 300)
_NAMES = (*(f"name{one}.example".encode() for one in range(11)), b"", b".", b"a\0b;`reboot`\n", b"x" * 2000)


def heard(word: str, what: str, kind: Unity, *values: bytes) -> object:
    """A purpose: the reply has this attribute several times, as it should be, empty, too long, and with garbage."""
    reply = adding(*(CfgAttr(CfgAttribute(kind), one) for one in values))

    def test(peer: Peer, dut: Dut) -> None:
        takes(peer, dut, reply, IGNORED)

    test.__doc__ = f"The reply has {what}, as Cisco has it, empty, too long, and as garbage: it does no harm."
    return purpose(f"cp-client-unity-{word}", IGNORED, role="initiator", needs=INNER, connection=asking())(test)


test_banner = heard(
    "banner", "a banner", Unity.BANNER, b"Welcome to the inner network", b"", "Gr\u00fc\u00dfe".encode(), b"x" * 2000,
    b"\x1b[2J%n%s\r\n\0",
)  # fmt: skip
test_save_password = heard("save-password", "leave to save a password", Unity.SAVE_PASSWORD, *_FLAGS)
test_default_domain = heard("default-domain", "a default domain", Unity.DEFAULT_DOMAIN, *_NAMES)
test_split_dns = heard(
    "split-dns", "eleven names for its name servers", Unity.SPLIT_DNS_NAME, *_NAMES, b"a.example,b.example",
)  # fmt: skip
_NETWORK = bytes((10, 1, 0, 0, 255, 255, 0, 0))
test_split_include = heard(
    "split-include", "networks for the tunnel", Unity.SPLIT_INCLUDE, _NETWORK + bytes(6), _NETWORK, b"", _NETWORK[:3],
    (_NETWORK + bytes(6)) * 100, bytes((10, 1, 0, 1, 255, 0, 255, 0)) + bytes(6), bytes(14),
)  # fmt: skip
test_local_lan = heard("local-lan", "leave to reach the local network", Unity.LOCAL_LAN, *_FLAGS, bytes(14))
test_pfs = heard("pfs", "the wish for further key exchanges", Unity.PFS, *_FLAGS)
test_backup_servers = heard(
    "backup-servers", "eleven backup servers", Unity.BACKUP_SERVERS, *_NAMES, bytes(4), b"192.0.2.1",
)  # fmt: skip
