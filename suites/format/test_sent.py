"""What the device sends: lengths, reserved fields, versions, padding (RFC 7296, section 3)."""

from conformance.crypto.keywords import keyword
from conformance.ike.core.proposals import of_type, parsed
from conformance.script.peer import Peer
from conformance.wire import (
    SA,
    SK,
    AttributeType,
    ExchangeType,
    NotifyType,
    TransformType,
    TSi,
    TSr,
    UnknownPayload,
    UnknownSelector,
    decode_message,
    encode_payloads,
)
from suites.choices import in_blocks, with_key_length
from suites.connections import usual
from suites.dut import Dut
from suites.format.steps import a_life, check_reserved, messages_of_device, well_formed
from suites.purpose import purpose

_RESERVED = (
    "RFC7296-2.5-7", "RFC7296-3.2-8", "RFC7296-3.3.1-2", "RFC7296-3.3.2-2", "RFC7296-3.4-6", "RFC7296-3.5-2",
    "RFC7296-3.8-6", "RFC7296-3.13-2",
)  # fmt: skip
_LENGTHS = (
    "RFC7296-3.1-25", "RFC7296-3.2-10", "RFC7296-3.3.1-4", "RFC7296-3.3.2-4", "RFC7296-3.3.1-10", "RFC7296-3.13-1",
    "RFC7296-3.2-1", "RFC7296-3.2-2",
)  # fmt: skip
BLOCKS = usual(proposals=in_blocks)


@purpose("format-reserved-sent", *_RESERVED, role="responder")
def test_reserved(peer: Peer) -> None:
    """A responder sends zero in all RESERVED fields of all payloads, outside and inside of Encrypted payloads."""
    a_life(peer)
    check_reserved(peer, "RFC7296-2.5-7")


@purpose("format-reserved-sent-initiator", *_RESERVED, role="initiator")
def test_reserved_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator sends zero in all RESERVED fields of its requests."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()
    check_reserved(peer, "RFC7296-2.5-7")


@purpose(
    "format-lengths-sent",
    *_LENGTHS,
    "RFC7296-3.1-1",
    "RFC7296-3.1-7",
    "RFC7296-3.3.1-1",
    "RFC7296-3.3.2-1",
    "RFC7296-3.14-3",
    role="responder",
    ordinary=True,
)
def test_lengths(peer: Peer) -> None:
    """All lengths, counts, chains of payloads and Last Substruc values in a responder's messages are right."""
    with well_formed(peer, "RFC7296-3.2-10"):
        a_life(peer)


@purpose(
    "format-lengths-sent-initiator",
    *_LENGTHS,
    "RFC7296-3.1-1",
    "RFC7296-3.1-7",
    "RFC7296-3.3.1-1",
    "RFC7296-3.3.2-1",
    "RFC7296-3.14-3",
    role="initiator",
)
def test_lengths_initiator(peer: Peer, dut: Dut) -> None:
    """All lengths, counts, chains of payloads and Last Substruc values in an initiator's messages are right."""
    dut.initiate()
    with well_formed(peer, "RFC7296-3.2-10"):
        sa = peer.respond_init(peer.expect_init())
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
        sa.must_be_established()
        sa.must_be_up()


@purpose(
    "format-version-sent", "RFC7296-3.1-10", "RFC7296-3.1-12", "RFC7296-3.1-15", "RFC7296-3.1-20", "RFC7296-3.1-22",
    "RFC7296-3.1-23", role="responder",
)  # fmt: skip
def test_version(peer: Peer) -> None:
    """All messages of a responder have version 2.0, and of the flags Response only; requests of its own have none."""
    a_life(peer)
    for outer, _ in messages_of_device(peer):
        peer.check(outer.version == 0x20, "version 2.0", f"{outer.version:#x}", "RFC7296-3.1-10")
        peer.check(not outer.flags & 0xC7, "undefined flags clear", f"{outer.flags:#x}", "RFC7296-3.1-15")
        peer.check(not outer.flags & 0x10, "Version flag clear", f"{outer.flags:#x}", "RFC7296-3.1-20")
        peer.check(not outer.flags & 0x08, "Initiator flag clear", f"{outer.flags:#x}", "RFC7296-3.1-23")


@purpose("format-notify-sent", "RFC7296-3.10-3", "RFC7296-3.10-2", "RFC7296-3.10-5", role="responder")
def test_notify(peer: Peer) -> None:
    """Notifications that are not about a Child SA have neither SPI nor Protocol ID.

    Two are left out, for RFC 6023 and RFC 6290 give them Protocol ID 1.
    """
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established()
    sa.informational(UnknownPayload(200, b"", critical=True))
    named = (NotifyType.REKEY_SA, NotifyType.CHILD_SA_NOT_FOUND, NotifyType.INVALID_SELECTORS)
    of_ike = (NotifyType.CHILDLESS_IKEV2_SUPPORTED, NotifyType.QUICK_CRASH_DETECTION)
    for _, message in messages_of_device(peer):
        for one in message.notifies():
            if one.type in (*named, *of_ike):
                continue
            peer.check(not one.spi, f"no SPI in N({one.type.name})", one.spi.hex(), "RFC7296-3.10-2")
            peer.check(not one.protocol, f"Protocol ID 0 in N({one.type.name})", one.protocol, "RFC7296-3.10-3")


@purpose(
    "format-attribute-sent", "RFC7296-3.3.5-2", "RFC7296-3.3.5-1", "RFC7296-3.3.5-4",
    role="responder", ordinary=True, connection=usual(proposals=with_key_length),
)  # fmt: skip
def test_attribute(peer: Peer) -> None:
    """The Key Length attribute is sent in the short form: type 14 and two octets with the number of bits."""
    chosen = peer.expect(peer.sa().init(), SA).proposals[0]
    ours = of_type(parsed(peer.connection.proposals)[0], TransformType.ENCR)[0]
    cipher = next(one for one in chosen.transforms if one.type == TransformType.ENCR)
    peer.check(cipher.id == ours.id, f"{keyword(ours)} as offered", cipher)
    lengths = [one.value for one in cipher.attributes if one.type == AttributeType.KEY_LENGTH]
    peer.check(lengths == [ours.key_length], f"Key Length {ours.key_length} in the short form", cipher.attributes)


@purpose(
    "format-ts-sent", "RFC7296-3.13.1-3", "RFC7296-3.13.1-5", "RFC7296-3.13-1", "RFC7296-3.13.1-6", role="responder"
)
def test_selectors(peer: Peer) -> None:
    """Selectors for all protocols have the ports 0 to 65535."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    sa.must_be_established()
    for payload in (peer.expect(answer, TSi), peer.expect(answer, TSr)):
        for one in payload.selectors:
            if isinstance(one, UnknownSelector) or one.protocol:
                continue
            peer.check(one.start_port == 0, "start port 0 for any protocol", one.start_port, "RFC7296-3.13.1-3")
            peer.check(one.end_port == 65535, "end port 65535 for any protocol", one.end_port, "RFC7296-3.13.1-5")


@purpose("format-padding-sent", "RFC7296-3.14-8", role="responder", connection=BLOCKS)
def test_padding(peer: Peer) -> None:
    """The padding before encryption with CBC is no longer than needed to fill the last block."""
    sa = a_life(peer)
    assert sa.keys is not None
    scheme = sa.keys.suite.cipher
    for one in peer.inbox:
        sealed = decode_message(one.raw).first(SK)
        if sealed is None or one.sa is not sa:
            continue
        size = len(encode_payloads(one.message.payloads)[1]) + 1
        padding = len(sealed.body) - scheme.iv_size - scheme.icv_size - size
        needed = -size % scheme.block_size
        peer.check(padding == needed, f"{needed} octets of padding", f"{padding} in {one}")


@purpose("format-iv-unpredictable", "RFC7296-3.14-4", role="responder", connection=BLOCKS)
def test_iv(peer: Peer) -> None:
    """The initialization vectors of CBC are new for each message, and none is the last block of the one before."""
    sa = peer.establish()
    assert sa.keys is not None
    icv = sa.keys.suite.cipher.icv_size
    bodies: list[bytes] = []
    for _ in range(16):
        sa.liveness()
        sealed = decode_message(peer.inbox[-1].raw).first(SK)
        assert sealed is not None
        bodies.append(sealed.body)
    ivs = [body[:16] for body in bodies]
    peer.check(len(set(ivs)) == len(ivs), "16 different IVs", f"{len(set(ivs))} different ones")
    chained = [iv.hex() for before, iv in zip(bodies, ivs[1:], strict=False) if before[-icv - 16 : -icv] == iv]
    peer.check(not chained, "no IV that was the last block of the message before", chained)
