"""Liveness checks (RFC 7296, sections 1.4 and 2.4)."""

from conformance.script.message import says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.test_crossing_ends import carries_nothing
from suites.dut import Dut
from suites.purpose import purpose


@purpose(
    "info-liveness",
    "RFC7296-2.4-9",
    "RFC7296-1.4-4",
    "RFC7296-4-6",
    "RFC7296-1.2-1",
    "RFC7296-2.2-6",
    "RFC7296-1-4",
    role="responder",
)
def test_liveness(peer: Peer) -> None:
    """An empty INFORMATIONAL request is acknowledged, whatever else there is to say.

    The response is protected and says neither that anything is deleted nor that anything is wrong.
    """
    sa = peer.establish()
    answer = sa.response(sa.begin(sa.start_liveness))
    peer.check(answer.protected, "a protected response", answer, "RFC7296-1.2-1")
    peer.check(answer.message.exchange == ExchangeType.INFORMATIONAL, "INFORMATIONAL", answer, "RFC7296-2.4-9")
    peer.check(says_nothing(answer.message), "nothing but status", answer.message, "RFC7296-2.4-9")


@purpose(
    "info-liveness-device-initiated", "RFC7296-2.4-9", "RFC7296-1.4-4", role="responder", needs=(Capability.INITIATOR,)
)
def test_liveness_device_initiated(peer: Peer, dut: Dut) -> None:
    """The device answers liveness checks also on an IKE SA that it has opened itself.

    Our first request there has message ID 0: it is counted apart from the device's own requests.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()
    peer.pause()
    answer = sa.liveness()
    peer.check(answer.message_id == 0, "a response to our message ID 0", answer)
    sa.must_be_up()


def in_silence(peer: Peer) -> ScriptedSa:
    """An IKE SA on which nobody has spoken for half a second: what the device asks at once is no reaction to that."""
    sa = peer.establish()
    peer.idle(0.5)
    peer.forget()
    return sa


@purpose(
    "info-dpd", "RFC7296-2.4-9", "RFC7296-1.4-6", "RFC7296-1.2-1",
    role="initiator", needs=(Capability.DPD,), device={"dpd_delay": 1.0}, waits=5,
)  # fmt: skip
def test_dpd(peer: Peer) -> None:
    """After a configured silence of one second the device asks whether we are there, and again after the answer.

    Its request is an INFORMATIONAL without anything that would have an effect.
    """
    sa = in_silence(peer)
    for _ in range(2):
        asked = sa.expect_request(ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing)
        peer.check(says_nothing(asked.message), "an empty request", asked.message, "RFC7296-2.4-9")
        sa.answer(asked)
    sa.must_be_up("RFC7296-2.4-8")


@purpose(
    "info-dpd-dead", "RFC7296-2.1-8", "RFC7296-2.4-8", "RFC7296-2.1-7",
    role="initiator", needs=(Capability.DPD,), device={"dpd_delay": 1.0}, waits=10,
)  # fmt: skip
def test_dpd_dead(peer: Peer, dut: Dut) -> None:
    """A peer that answers no liveness check is dead after some repetitions, and its IKE SA and Child SA gone.

    One missing answer alone must not end the IKE SA: the request is repeated first.
    """
    own = dut.retransmission
    sa = in_silence(peer)
    child = sa.child
    asked = sa.expect_request(ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing)
    peer.idle(1.1 * own.patience + 1)
    peer.check(asked.copies > 1, "the request repeated", f"{asked.copies} copy", "RFC7296-2.1-7")
    sa.must_be_gone("RFC7296-2.1-8")
    carries_nothing(peer, dut, child, "RFC7296-2.1-8")


@purpose(
    "info-unprotected-not-dead", "RFC7296-2.4-7", "RFC7296-2.4-8", "RFC7296-2.21.4-7",
    role="initiator", needs=(Capability.DPD,), device={"dpd_delay": 1.0}, waits=4,
)  # fmt: skip
def test_unprotected_not_dead(peer: Peer, dut: Dut) -> None:
    """An unprotected INVALID_IKE_SPI in answer to a liveness check does not make us dead.

    It could be forged. The device goes on asking, and the right answer to its next repetition settles it.
    """
    own = dut.retransmission
    sa = in_silence(peer)
    asked = sa.expect_request(ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing)
    forged = sa.message(
        ExchangeType.INFORMATIONAL, (Notify(NotifyType.INVALID_IKE_SPI),), asked.message.message_id, response=True
    )
    peer.send_message(forged, sa.local, sa.remote)
    peer.idle(2 * own.timeout)
    peer.check(asked.copies > 1, "the request repeated", f"{asked.copies} copy", "RFC7296-2.4-8")
    sa.answer(asked)
    sa.must_be_up("RFC7296-2.4-7", "the IKE SA survives a forged notify")
