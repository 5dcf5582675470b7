"""The Encrypted payload: padding, IV, place, and what is authentic but malformed inside (sections 2.21.3 and 3.14)."""

from dataclasses import replace

from conformance.ike.core import protection
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    FLAG_INITIATOR,
    SK,
    Delete,
    ExchangeType,
    Message,
    NotifyType,
    ProtocolID,
    UnknownPayload,
    VendorID,
    encode_payloads,
)
from suites.choices import aead, in_blocks, including
from suites.connections import usual
from suites.dut import Dut
from suites.format.steps import attempt, must_be_refused, serves_others
from suites.purpose import purpose

BLOCKS = usual(proposals=in_blocks)
INFO = ExchangeType.INFORMATIONAL


def _long_padding(sa: ScriptedSa) -> Bend:
    """As much padding of random content as keeps whole blocks: more than 239 octets with blocks of 16."""

    def longer(text: bytes) -> bytes:
        content = text[: -1 - text[-1]]
        size = 255 - (len(content) + 256) % 16
        return content + sa.random(size) + bytes((size,))

    return bend.padding(longer, "with as much padding as possible")


@purpose("format-padding-long", "RFC7296-3.14-9", "RFC7296-3.14-6", role="responder", connection=BLOCKS)
def test_padding_long(peer: Peer) -> None:
    """Any padding that fills whole blocks is accepted, of whatever content, in IKE_AUTH as in a liveness check."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    sa.auth(_long_padding(sa))
    sa.must_be_established("RFC7296-3.14-9")
    answer = sa.informational(bend=_long_padding(sa))
    peer.check(not fatal(answer), "a normal response", answer, "RFC7296-3.14-9")


@purpose("format-padding-long-initiator", "RFC7296-3.14-9", "RFC7296-3.14-6", role="initiator", connection=BLOCKS)
def test_padding_long_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator accepts any padding that fills whole blocks in a response."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=_long_padding(sa))
    sa.must_be_up("RFC7296-3.14-9", "the device takes the response and its IKE SA is up")


def _stream_padding(sa: ScriptedSa) -> Bend:
    """Padding where the cipher needs none: 77 octets of random content."""

    def longer(text: bytes) -> bytes:
        return text[: len(text) - 1 - text[-1]] + sa.random(77) + bytes((77,))

    return bend.padding(longer, "with 77 octets of padding")


@purpose(
    "format-padding-chacha", "RFC7634-3-1", "RFC7296-3.14-9", role="responder",
    connection=usual(proposals=including("chacha20poly1305")),
)  # fmt: skip
def test_padding_chacha(peer: Peer) -> None:
    """ChaCha20-Poly1305 needs no padding, and takes any: in IKE_AUTH and in a liveness check."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    sa.auth(_stream_padding(sa))
    sa.must_be_established("RFC7634-3-1")
    answer = sa.informational(bend=_stream_padding(sa))
    peer.check(not fatal(answer), "a normal response", answer, "RFC7634-3-1")


@purpose(
    "format-padding-chacha-initiator", "RFC7634-3-1", "RFC7296-3.14-9", role="initiator",
    connection=usual(proposals=including("chacha20poly1305")),
)  # fmt: skip
def test_padding_chacha_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator takes padding of any length in a response that is protected by ChaCha20-Poly1305."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=_stream_padding(sa))
    sa.must_be_up("RFC7634-3-1", "the device takes the response and its IKE SA is up")


@purpose("format-padding-beyond", "RFC7296-2.21.3-1", "RFC7296-3.10.1-6", role="responder")
def test_padding_beyond(peer: Peer) -> None:
    """A Pad Length that exceeds what was decrypted, in an authentic request: an error or silence, nothing else."""
    sa = peer.establish()
    found = attempt(sa, VendorID(bytes(20)), bend=bend.padding(lambda text: text[:-1] + b"\xff", "Pad Length 255"))
    must_be_refused(sa, found, "RFC7296-2.21.3-1")
    serves_others(peer)


@purpose("format-iv-any", "RFC7296-3.14-5", role="responder", connection=BLOCKS)
def test_iv_any(peer: Peer) -> None:
    """Any value of the IV is accepted: zero octets, and the same IV in two messages."""
    sa = peer.establish()
    sa.random = bytes
    for _ in range(2):
        sa.must_be_up("RFC7296-3.14-5", "a message with an IV of zero octets is answered")


@purpose("format-sk-not-last", "RFC7296-1.2-1", "RFC7296-3.14-1", role="responder")
def test_not_last(peer: Peer) -> None:
    """What stands in clear behind the Encrypted payload has no effect.

    A protected Delete of a Child SA that does not exist is followed by a Delete of the IKE SA in clear, and the Length
    of the header covers both. Any answer to it will do, but only a protected N(INVALID_SYNTAX) may end the IKE SA.
    """
    sa = peer.establish()
    assert sa.keys is not None
    scheme, clear = sa.keys.suite.cipher, encode_payloads([Delete(ProtocolID.IKE)])[1]
    unknown = Delete(ProtocolID.ESP, (peer.random(4),))
    text = protection.padded(encode_payloads([unknown])[1], scheme.block_size)
    length = 28 + 4 + scheme.iv_size + len(text) + scheme.icv_size + len(clear)
    how = bend.header(length=length) | bend.ciphertext(lambda raw: raw + clear, "and a Delete of the IKE SA behind it")
    found = attempt(sa, unknown, bend=how)
    if not any(one.message.notify(NotifyType.INVALID_SYNTAX) for one in found):
        sa.must_be_up("RFC7296-1.2-1", "the IKE SA survives an unprotected Delete")


@purpose("format-sk-nested", "RFC7296-2.21.3-1", "RFC7296-3.1-6", role="responder")
def test_nested(peer: Peer) -> None:
    """An Encrypted payload inside of another is not opened: the Delete of the IKE SA in it does nothing."""
    sa = peer.establish()
    inside = sa.message(INFO, [Delete(ProtocolID.IKE)], sa.next_id, response=False)
    body = sa.seal(inside, *sa.plaintext(inside), None)[32:]
    answer = sa.informational(SK(Delete.payload_type, body))
    if not fatal(answer):
        sa.must_be_up("RFC7296-3.1-6", "the IKE SA survives a nested Delete")
    serves_others(peer)


def _no_answer_to(peer: Peer, *more: int) -> None:
    """Encrypted payloads of too few octets, and of so many more than IV and ICV have, get no answer."""
    sa = peer.establish()
    assert sa.keys is not None
    least = sa.keys.suite.cipher.iv_size + sa.keys.suite.cipher.icv_size
    with sa.silence("RFC7296-3.10.1-5"):
        for size in (0, 1, 8, 16, least - 1, *(least + one for one in more)):
            peer.send_message(_forged(sa, SK(Delete.payload_type, bytes(size))), sa.local, sa.remote)
            peer.pause()  # while a device works on one request it may drop all others with its message ID unread


@purpose("format-sk-too-short", "RFC7296-5-1", "RFC7296-3.10.1-5", role="responder", connection=usual(proposals=aead))
def test_too_short(peer: Peer) -> None:
    """Encrypted payloads that are too short for IV and ICV are not authentic: no answer, no effect."""
    _no_answer_to(peer)


@purpose("format-sk-no-blocks", "RFC7296-5-1", "RFC7296-3.10.1-5", role="responder", connection=BLOCKS)
def test_no_blocks(peer: Peer) -> None:
    """Encrypted payloads that are too short, or do not fill the blocks of the cipher, are not authentic: no answer."""
    _no_answer_to(peer, 0, 1, 15, 17)


def _forged(sa: ScriptedSa, *payloads: SK | UnknownPayload) -> Message:
    return Message(sa.spi_i, sa.spi_r, INFO, FLAG_INITIATOR, sa.next_id, payloads)


@purpose("format-forged-malformed", "RFC7296-3.10.1-5", "RFC7296-2.4-7", "RFC7296-5-1", role="responder")
def test_forged_malformed(peer: Peer) -> None:
    """What is malformed and not authentic gets no N(INVALID_SYNTAX), and the IKE SA lives on.

    Anybody who sees the SPIs can send it: a Notify payload of 3 octets, an Encrypted payload that reaches beyond the
    datagram, a Delete with a count that does not fit, a chain that points nowhere.
    """
    sa = peer.establish()
    bad = (
        UnknownPayload(41, bytes(8), length=3),
        SK(Delete.payload_type, peer.random(60), length=900),
        UnknownPayload(42, bytes((1, 4, 0, 9))),
        UnknownPayload(43, b"vendor", next_payload=41),
    )
    with sa.silence("RFC7296-3.10.1-5"):
        for one in bad:
            peer.send_message(_forged(sa, one), sa.local, sa.remote)
            peer.pause()


@purpose("format-minor-version", "RFC7296-2.5-1", "RFC7296-2.5-5", role="responder")
def test_minor_version(peer: Peer) -> None:
    """A protected request of version 2.5 is answered as usual, in version 2.0."""
    sa = peer.establish()
    answer = sa.informational(bend=bend.header(version=0x25))
    peer.check(not fatal(answer), "a normal response", answer, "RFC7296-2.5-1")
    peer.check(answer.version == 0x20, "version 2.0", f"{answer.version:#x}", "RFC7296-2.5-5")


@purpose("format-major-version", "RFC7296-2.5-2", "RFC7296-3.1-11", role="responder")
def test_major_version(peer: Peer) -> None:
    """A protected request of version 3.0 is dropped, and the IKE SA lives on."""
    sa = peer.establish()
    found = attempt(sa, bend=bend.header(version=0x30))
    peer.check(not found, "no protected response", "; ".join(map(str, found)), "RFC7296-2.5-2")
    sa.must_be_up("RFC7296-2.5-2")


@purpose("format-inner-next-payload", "RFC7296-2.21.3-1", "RFC7296-3.10.1-6", role="responder")
def test_inner_next_payload(peer: Peer) -> None:
    """The last payload in an authentic request says that a Notify payload follows, and none does: that is an error."""
    sa = peer.establish()
    answer = sa.response(sa.send(INFO, VendorID(b"ikespec", next_payload=41))).message
    peer.check(fatal(answer), "an error", answer)


@purpose("format-inner-length", "RFC7296-2.21.3-1", "RFC7296-3.10.1-6", role="responder")
def test_inner_length(peer: Peer) -> None:
    """A payload of 3, 0, or too many octets in an authentic request is an error."""
    for size in (3, 0, 200):
        sa = peer.establish(initial_contact=False)
        answer = sa.response(sa.send(INFO, VendorID(b"ikespec", length=size))).message
        peer.check(fatal(answer), "an error", answer)


@purpose("format-invalid-syntax-fatal", "RFC7296-2.21.3-3", role="responder")
def test_invalid_syntax_fatal(peer: Peer) -> None:
    """A device that has answered N(INVALID_SYNTAX) has removed the IKE SA, without a Delete."""
    sa = peer.establish()
    answer = sa.response(sa.send(INFO, VendorID(b"ikespec", next_payload=41))).message
    if answer.notify(NotifyType.INVALID_SYNTAX) is None:
        raise NotApplicable("a malformed request was not answered by N(INVALID_SYNTAX)")
    sa.next_id += 1
    sa.must_be_gone("RFC7296-2.21.3-3")
    asked = [one for one in peer.inbox if one.sa is sa and one.protected and one.message.first(Delete)]
    peer.check(not asked, "no Delete", "; ".join(map(str, asked)), "RFC7296-2.21.3-3")


@purpose("format-delete-spi-size", "RFC7296-2.21.3-1", "RFC7296-3.11-6", role="responder")
def test_delete_spi_size(peer: Peer) -> None:
    """A Delete for ESP whose SPI has 8 octets, the first four of them those of our Child SA, does not delete it."""
    sa = peer.establish()
    child = sa.child
    answer = sa.informational(Delete(ProtocolID.ESP, (child.spi_in + bytes(4),)))
    deleted = [spi for one in answer.all(Delete) for spi in one.spis]
    peer.check(child.spi_out not in deleted, "the Child SA is not deleted", answer, "RFC7296-3.11-6")


@purpose("format-delete-count", "RFC7296-2.21.3-1", "RFC7296-3.11-7", role="responder")
def test_delete_count(peer: Peer) -> None:
    """A Delete that counts two, or very many, SPIs and has one gets some response, and nobody reads beyond its end."""
    for count in (2, 65535):
        sa = peer.establish(initial_contact=False)
        lie = replace(Delete(ProtocolID.ESP, (peer.random(4),)), count=count)
        answer = sa.response(sa.send(INFO, lie)).message
        peer.check(answer.first(Delete) is None, "no Delete in the response", answer)
    serves_others(peer)
