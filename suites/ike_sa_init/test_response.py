"""The response to a correct request, and what must not disturb it (RFC 7296, sections 1.2, 2.5, 3.1, 3.12)."""

from conformance.crypto.prf import prf
from conformance.ike.core.proposals import is_choice_of
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    FLAG_VERSION,
    KE,
    SA,
    ExchangeType,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Prf,
    ProtocolID,
    UnknownPayload,
    VendorID,
    encode_message,
)
from suites.choices import longest_prf
from suites.connections import usual
from suites.ike_sa_init.steps import finish, handshake, no_sa_for, normal, our_groups
from suites.purpose import purpose

UNDEFINED_FLAGS = 0xC7
"""The five bits of the Flags octet that have no meaning."""


@purpose(
    "init-response",
    "RFC7296-1.2-3", "RFC7296-1.2-4", "RFC7296-2.2-6", "RFC7296-3.1-18", "RFC7296-3.1-23",
    role="responder", ordinary=True,
)  # fmt: skip
def test_response(peer: Peer) -> None:
    """A correct request gets SA, KE of its group and Nr, in a message with the right header."""
    sa = peer.sa()
    answer = normal(peer, sa.init())
    peer.check(answer.message_id == 0, "message ID 0", answer.message_id, "RFC7296-2.2-6")
    peer.check(answer.flags & FLAG_RESPONSE, "the Response flag", f"{answer.flags:#04x}", "RFC7296-3.1-18")
    peer.check(not answer.flags & FLAG_INITIATOR, "no Initiator flag", f"{answer.flags:#04x}", "RFC7296-3.1-23")
    peer.check(answer.spi_i == sa.spi_i, "our SPI", answer.spi_i.hex())
    choice = peer.expect(answer, SA).proposals[0]
    peer.check(is_choice_of(choice, sa.offered), "a choice out of our offer", answer, "RFC7296-1.2-4")
    peer.check(peer.expect(answer, KE).method == our_groups(peer)[0], "KE of our group", answer, "RFC7296-1.2-3")


@purpose(
    "init-nonce-size",
    "RFC7296-2.10-2", "RFC7296-2.10-3", "RFC7296-3.9-1",
    role="responder",
    connection=usual(proposals=longest_prf),
)  # fmt: skip
def test_nonce_size(peer: Peer) -> None:
    """The responder's nonce has at least half the key size of the PRF, 32 octets with HMAC-SHA-512, and 256 at most."""
    sa = peer.sa()
    nonce = peer.expect(normal(peer, sa.init()), Nonce).data
    function = next(one.id for one in sa.offered[0].transforms if isinstance(one.id, Prf))
    least = prf(function).key_size // 2
    peer.check(16 <= len(nonce) <= 256, "16 to 256 octets", len(nonce), "RFC7296-3.9-1")
    peer.check(len(nonce) >= least, f"at least {least} octets", len(nonce), "RFC7296-2.10-3")


def eight_responses(peer: Peer) -> list[Message]:
    """The responses to eight requests, whose IKE SAs are completed and deleted one after the other."""
    found = []
    for _ in range(8):
        sa = peer.sa(initial_contact=False)
        with peer.preamble("IKE_SA_INIT"):
            found.append(normal(peer, sa.init()))
        finish(sa)
    return found


@purpose("init-nonce-fresh", "RFC7296-3.9-2", "RFC7296-2.10-1", role="responder")
def test_nonce_fresh(peer: Peer) -> None:
    """Eight requests get eight different nonces."""
    nonces = [peer.expect(one, Nonce).data for one in eight_responses(peer)]
    peer.check(len(set(nonces)) == 8, "eight different nonces", ", ".join(one.hex() for one in nonces))


@purpose("init-spi-unique", "RFC7296-2.6-1", role="responder")
def test_spi_unique(peer: Peer) -> None:
    """Eight requests get eight different responder SPIs, none of them zero."""
    spis = [one.spi_r for one in eight_responses(peer)]
    peer.check(len(set(spis)) == 8, "eight different SPIs", ", ".join(one.hex() for one in spis))


# --- versions and flags -----------------------------------------------------------------------------------------------


@purpose(
    "init-major-version",
    "RFC7296-2.5-2", "RFC7296-2.5-3", "RFC7296-3.1-11", "RFC7296-1.5-5", "RFC7296-1.5-6",
    role="responder",
)  # fmt: skip
def test_major_version(peer: Peer) -> None:
    """A request of IKE version 3 makes no IKE SA; it should be answered with the version that is supported."""
    sa = peer.sa()
    answer = no_sa_for(peer, bend.header(version=0x30), "RFC7296-2.5-2", sa, awaited=True)
    peer.check(answer, "an answer that shows the supported version", "nothing", "RFC7296-2.5-3")
    assert answer is not None
    notify = peer.expect_notify(answer, NotifyType.INVALID_MAJOR_VERSION, "RFC7296-2.5-3")
    peer.check(not notify.data, "no notification data", notify.data.hex(), "RFC7296-1.5-5")
    peer.check(answer.version >> 4 == 2, "major version 2 in the header", f"{answer.version:#04x}", "RFC7296-2.5-3")
    request = sa.last_sent.message if sa.last_sent else None
    assert request is not None
    same = (answer.exchange, answer.message_id, answer.spi_i) == (request.exchange, 0, request.spi_i)
    peer.check(same and answer.is_response, "SPI, message ID and exchange of the request", answer, "RFC7296-1.5-6")


@purpose("init-minor-version", "RFC7296-2.5-1", "RFC7296-3.1-13", "RFC7296-3.1-12", role="responder")
def test_minor_version(peer: Peer) -> None:
    """A request of IKE version 2.5 is answered as usual, with version 2.0."""
    answer = handshake(peer, bend.header(version=0x25), "RFC7296-2.5-1")
    peer.check(answer.version == 0x20, "version 2.0", f"{answer.version:#04x}", "RFC7296-3.1-12")


@purpose("init-version-flag", "RFC7296-3.1-21", "RFC7296-3.1-20", role="responder")
def test_version_flag(peer: Peer) -> None:
    """The Version flag of a request is ignored, and clear in the response."""
    answer = handshake(peer, bend.header(flags=FLAG_INITIATOR | FLAG_VERSION), "RFC7296-3.1-21")
    peer.check(not answer.flags & FLAG_VERSION, "no Version flag", f"{answer.flags:#04x}", "RFC7296-3.1-20")


@purpose("init-reserved-flags", "RFC7296-3.1-16", "RFC7296-3.1-15", role="responder")
def test_reserved_flags(peer: Peer) -> None:
    """The undefined flags of a request are ignored, and clear in the response."""
    answer = handshake(peer, bend.header(flags=FLAG_INITIATOR | UNDEFINED_FLAGS), "RFC7296-3.1-16")
    peer.check(not answer.flags & UNDEFINED_FLAGS, "no undefined flag", f"{answer.flags:#04x}", "RFC7296-3.1-15")


# --- payloads that must not disturb -----------------------------------------------------------------------------------


@purpose("init-unknown-payload", "RFC7296-2.5-9", "RFC7296-2.5-13", "RFC7296-4-2", role="responder")
def test_unknown_payload(peer: Peer) -> None:
    """A payload of type 200 that is not critical is skipped."""
    handshake(peer, bend.insert(UnknownPayload(200, b"ikespec"), 2))


@purpose(
    "init-unknown-critical",
    "RFC7296-2.5-10", "RFC7296-2.5-11", "RFC7296-2.5-12", "RFC7296-4-3", "RFC7296-2.21.1-3",
    role="responder",
)  # fmt: skip
def test_unknown_critical(peer: Peer) -> None:
    """A critical payload of type 200 is refused, and the notify names the type."""
    unknown = bend.insert(UnknownPayload(200, b"ikespec", critical=True), 2)
    answer = no_sa_for(peer, unknown, "RFC7296-2.5-10", awaited=True)
    peer.check(answer, "N(UNSUPPORTED_CRITICAL_PAYLOAD)", "no answer", "RFC7296-2.21.1-3")
    assert answer is not None
    notify = peer.expect_notify(answer, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "RFC7296-2.5-11")
    peer.check(notify.data == bytes((200,)), "the payload type 200 as data", notify.data.hex(), "RFC7296-2.5-12")


@purpose("init-known-critical", "RFC7296-3.2-5", role="responder")
def test_known_critical(peer: Peer) -> None:
    """The critical flag of payloads that everybody knows makes no difference."""
    handshake(peer, bend.change(SA, critical=True) | bend.change(KE, critical=True) | bend.change(Nonce, critical=True))


@purpose("init-payload-order", "RFC7296-2.5-17", "RFC7296-1.7-2", role="responder")
def test_payload_order(peer: Peer) -> None:
    """All payloads in reverse order, SA last, make the same request."""
    handshake(peer, bend.order(lambda found: found[::-1], "payloads in reverse order"))


@purpose("init-vendor-id", "RFC7296-3.12-5", "RFC7296-3.12-4", role="responder")
def test_vendor_id(peer: Peer) -> None:
    """Unfamiliar Vendor IDs, in front, in the middle and at the end, are ignored."""
    ids = [VendorID(b"ikespec 1"), VendorID(bytes(512)), VendorID(b"x")]
    handshake(peer, bend.insert(ids[0], 0) | bend.insert(ids[1], 2) | bend.append(ids[2]))


@purpose("init-unknown-notify", "RFC7296-3.10.1-3", "RFC7296-3.10.1-2", role="responder")
def test_unknown_notify(peer: Peer) -> None:
    """Notifications that nobody knows, a status and an error, are ignored in a request."""
    handshake(peer, bend.append(Notify(NotifyType(39999), b"status")), "RFC7296-3.10.1-3")
    handshake(peer, bend.append(Notify(NotifyType(8000), b"error")), "RFC7296-3.10.1-2")


@purpose("init-notify-protocol-ignored", "RFC7296-3.10-4", role="responder")
def test_notify_protocol_ignored(peer: Peer) -> None:
    """The Protocol ID of a notification without SPI does not matter."""
    handshake(peer, bend.append(Notify(NotifyType(39999), b"ikespec", protocol=ProtocolID.ESP)))


def filled(octets: int) -> Bend:
    """Unfamiliar Vendor IDs up to a message of exactly this many octets."""

    def fill(message: Message) -> Message:
        missing = octets - len(encode_message(message))
        more: list[Payload] = []
        while missing:
            size = missing if missing <= 256 else min(252, missing - 8)
            more.append(VendorID(b"ikespec".ljust(size - 4, b".")[: size - 4]))
            missing -= size
        return Message(
            message.spi_i, message.spi_r, message.exchange, message.flags, message.message_id,
            (*message.payloads, *more), message.version,
        )  # fmt: skip

    return Bend(f"{octets} octets with Vendor IDs", fill)


@purpose("init-large-request", "RFC7296-2-1", role="responder")
def test_large_request(peer: Peer) -> None:
    """A request of 1280 octets, which everybody must take."""
    handshake(peer, filled(1280))


@purpose("init-3000-octets", "RFC7296-2-2", role="responder")
def test_3000_octets(peer: Peer) -> None:
    """A request of 3000 octets, which everybody should take."""
    handshake(peer, filled(3000))


@purpose("init-response-unsolicited", "RFC7296-2.21.4-1", "RFC7296-3.1-19", role="responder")
def test_response_unsolicited(peer: Peer) -> None:
    """A response that nobody asked for is not answered; a correct request after it is."""
    ours, theirs = peer.random(8), peer.random(8)
    payloads = (Nonce(peer.random(32)),)
    with peer.silence(lambda: normal(peer, peer.sa().init()), "RFC7296-2.21.4-1"):
        peer.send_message(Message(ours, theirs, ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0, payloads))
