"""What is seen beside the conversation of a purpose: devices that refuse everything, crash and come back, or hang."""

from typing import ClassVar

import pytest

from conformance.ike.core.events import Violation
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import Header, Message, WireError
from peers.reference.device import ReferenceDevice
from peers.reference.engine import ReferenceEngine
from suites.conduct import all_purposes, conduct
from suites.judge import Kind, Verdict, in_words

PURPOSES = all_purposes()


class Strange(ReferenceDevice):
    """The reference device with another endpoint."""

    def __init__(self, endpoint: type[Endpoint]) -> None:
        super().__init__()
        self.endpoint = endpoint

    def start(self) -> None:
        super().start()
        self._engine = ReferenceEngine(self.endpoint, self.seed, 1_700_000_000.0)


def verdict_on(endpoint: type[Endpoint], identifier: str) -> Verdict:
    with Strange(endpoint) as device:
        return conduct(PURPOSES[identifier], device)[0]


def of_subject(*subjects: str, role: str = "responder") -> list[str]:
    return [
        identifier
        for identifier, one in PURPOSES.items()
        if one.subject in subjects and one.purpose.role == role and one.purpose.tier == "quick"
    ]


# --- quickly back -----------------------------------------------------------------------------------------------------


class ForgetfulSa(IkeSa):
    """Tells its endpoint of what is malformed inside."""

    shaken: bool = False

    def malformed_inside(self, message: Message, error: WireError) -> None:
        self.shaken = True


class LosesEverything(Endpoint):
    """Crashes at whatever is malformed, and is back at once: all its IKE SAs are gone."""

    sa_class: ClassVar[type[IkeSa]] = ForgetfulSa

    def malformed_init(self, header: Header, datagram: Datagram, error: WireError) -> None:
        self.crash()

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if any(isinstance(sa, ForgetfulSa) and sa.shaken for sa in self.sas.values()):
            self.crash()

    def crash(self) -> None:
        self.sas.clear()
        self.requests.clear()
        self.outbox.clear()


@pytest.mark.parametrize("identifier", ["format-sa-length", "format-transform-count", "format-payload-length-short"])
def test_a_device_that_crashes_and_is_quickly_back_is_seen(identifier: str) -> None:
    found = verdict_on(LosesEverything, identifier)
    assert (found.verdict, found.kind) == ("fail", Kind.CRASH), found
    assert "has lost an IKE SA from before this purpose: it restarted or dropped it" in found.reason


class OneForEach(Endpoint):
    """Keeps one IKE SA for each identity, and deletes the older one properly."""

    def collect(self, sa: IkeSa) -> None:
        before = sa.state
        super().collect(sa)
        if sa.state == State.ESTABLISHED and before == State.ESTABLISHED:
            for other in [one for one in self.established() if one is not sa and one.own_spi < sa.own_spi]:
                other.start_delete()
                super().collect(other)


@pytest.mark.parametrize("identifier", ["format-sa-length", "mid-request-again", "info-unknown-critical"])
def test_a_canary_that_was_deleted_properly_is_no_accusation(identifier: str) -> None:
    assert verdict_on(OneForEach, identifier).verdict == "pass"


# --- refuses everything -----------------------------------------------------------------------------------------------


class RefusingSa(IkeSa):
    """Believes nobody, in either role."""

    def check_peer(self, *arguments: object) -> None:
        raise Violation("nobody is believed")


class RefusesEveryIkeAuth(Endpoint):
    """Answers IKE_SA_INIT, and believes nobody after it."""

    sa_class: ClassVar[type[IkeSa]] = RefusingSa


@pytest.mark.parametrize("role", ["responder", "initiator"])
def test_a_device_that_refuses_everything_passes_no_purpose_on_refusals(role: str) -> None:
    found = {one: verdict_on(RefusesEveryIkeAuth, one) for one in of_subject("ike_auth", role=role)}
    ordinary = {one for one in found if PURPOSES[one].purpose.ordinary}
    passed = {one for one, verdict in found.items() if verdict.verdict == "pass"}
    accused = {one for one, verdict in found.items() if verdict.verdict in ("fail", "warn")}
    assert not passed and (role == "initiator" or accused <= ordinary)
    reasons = {found[one].reason for one in found if role == "responder" and one not in ordinary and found[one].kind}
    assert all("an ordinary handshake with this connection does not work: IKE_AUTH fails" in one for one in reasons)


def test_a_purpose_without_control_is_inconclusive_whatever_it_raises() -> None:
    found = verdict_on(RefusesEveryIkeAuth, "format-truncated")
    assert (found.verdict, found.kind) == ("inconclusive", Kind.UNTRIED)
    assert "IKE_AUTH refused with AUTHENTICATION_FAILED" in found.reason


# --- wrong messages ---------------------------------------------------------------------------------------------------


class ShortNonces(Endpoint):
    """Its nonces are too short."""

    class Sa(IkeSa):
        def choose_nonce(self) -> bytes:
            return self.random(8)

    sa_class: ClassVar[type[IkeSa]] = Sa


class EndlessCookies(Endpoint):
    """Asks for another cookie again and again."""

    def cookie_missing(self, message: Message, datagram: Datagram) -> bool:
        return True


class EmptyInit(Endpoint):
    """Answers IKE_SA_INIT with a header and nothing else."""

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        self.refuse(header, datagram)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (ShortNonces, "IKE_SA_INIT fails: nonce of 8 octets, expected 16 to 256"),
        (EndlessCookies, "IKE_SA_INIT fails: no progress after"),
        (EmptyInit, "IKE_SA_INIT fails: IKE_SA_INIT response without SA, KE or Nonce"),
    ],
)
def test_what_is_wrong_in_a_message_is_said_with_one_voice(endpoint: type[Endpoint], words: str) -> None:
    for identifier in of_subject("ike_auth", "informational", "message_ids"):
        found = verdict_on(endpoint, identifier)
        assert "broken" not in found.reason, (identifier, found.reason)
        if found.verdict == "inconclusive":
            assert words in found.reason
        else:
            assert found.verdict == "n/a" or PURPOSES[identifier].purpose.ordinary, (identifier, found)


def test_an_exception_of_our_own_is_never_an_empty_text() -> None:
    try:
        assert not PURPOSES
    except AssertionError as error:
        words = in_words(error)
    assert words.startswith("AssertionError") and "test_guard.py, line" in words and "assert not PURPOSES" in words
    assert in_words(Unexpected("this", "that")) == "expected this, got that"
    assert in_words(Inconclusive("it is so")) == "it is so"


def test_the_conversation_says_what_was_beside_it() -> None:
    with ReferenceDevice() as device:
        verdict, peer = conduct(PURPOSES["info-unknown-critical"], device)
    assert verdict.verdict == "pass" and peer is not None
    notes = [entry.text for entry in peer.trace.entries if entry.kind == "note"]
    assert any("an ordinary handshake before this worked" in one for one in notes)
    assert "the IKE SA from before this purpose still answers" in notes
