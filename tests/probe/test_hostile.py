"""What answers may be no IKE at all, or wish us ill: a probe ends in time, and says what it could not find out."""

import random
from collections import deque
from collections.abc import Callable
from itertools import pairwise

import pytest

from conformance.net.link import Datagram, IpPacket
from conformance.probe.findings import Findings
from conformance.probe.survey import Survey
from conformance.wire import (
    FLAG_RESPONSE,
    KE,
    SA,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    VendorID,
    decode_message,
    encode_message,
)
from tests.probe.asking import IT, US, plan

Answers = Callable[[Datagram], list[bytes]]


class Stranger:
    """Answers each datagram with others; a clock of its own."""

    def __init__(self, answers: Answers) -> None:
        """With a function."""
        self.answers, self.clock = answers, 1000.0
        self.waiting: deque[Datagram] = deque()
        self.sent = 0

    def now(self) -> float:
        """Its time."""
        return self.clock

    def send(self, datagram: Datagram) -> None:
        """Answer."""
        self.sent += 1
        self.waiting += [Datagram(datagram.destination, datagram.source, raw) for raw in self.answers(datagram)]

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """What waits, or nothing."""
        if self.waiting:
            self.clock += 0.0001
            return self.waiting.popleft()
        self.clock = max(self.clock, until)
        return None

    def close(self) -> None:
        """Nothing."""


def probed(answers: Answers, **changes: int) -> Findings:
    return Survey(plan(Stranger(answers), **changes)).run()


def response(asked: Datagram, *payloads: Payload, spi_i: bytes | None = None, spi_r: bytes = bytes(8)) -> bytes:
    """A response to an IKE_SA_INIT request."""
    request = decode_message(asked.payload.removeprefix(bytes(4)), lenient=True)
    spi = spi_i if spi_i is not None else request.spi_i
    return encode_message(Message(spi, spi_r, ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0, payloads))


DICE = random.Random(7)
RANDOM_GARBAGE: Answers = lambda asked: [DICE.randbytes(DICE.randrange(200))]  # noqa: E731
HOSTILE: dict[str, Answers] = {
    "garbage": RANDOM_GARBAGE,
    "empty": lambda asked: [b""],
    "echo": lambda asked: [asked.payload],
    "oversized": lambda asked: [response(asked, VendorID(bytes(60000)))],
    "cookies": lambda asked: [response(asked, Notify(NotifyType.COOKIE, DICE.randbytes(16)))],
    "the same cookie": lambda asked: [response(asked, Notify(NotifyType.COOKIE, b"always"))],
    "a cookie of no length": lambda asked: [response(asked, Notify(NotifyType.COOKIE, b""))],
    "groups that nobody offered": lambda asked: [response(asked, Notify(NotifyType.INVALID_KE_PAYLOAD, b"\xff\xff"))],
    "groups of one octet": lambda asked: [response(asked, Notify(NotifyType.INVALID_KE_PAYLOAD, b"\x0e"))],
    "a group that changes": lambda asked: [
        response(asked, Notify(NotifyType.INVALID_KE_PAYLOAD, DICE.choice([14, 19, 31]).to_bytes(2, "big")))
    ],
    "other SPIs": lambda asked: [response(asked, Notify(NotifyType.NO_PROPOSAL_CHOSEN), spi_i=DICE.randbytes(8))],
    "answers to nothing": lambda asked: [response(asked, SA(()), spi_i=bytes(8))] * 5,
    "no proposal at all": lambda asked: [
        response(asked, SA(()), KE(KeMethod.MODP_2048, bytes(256)), Nonce(bytes(32)), spi_r=b"12345678")
    ],
    "all that was offered": lambda asked: [
        response(
            asked,
            decode_message(asked.payload.removeprefix(bytes(4)), lenient=True).first(SA) or SA(()),
            KE(KeMethod.MODP_2048, b"\xff" * 256),
            Nonce(bytes(32)),
            spi_r=b"12345678",
        )
    ],
    "a public value of 1": lambda asked: [
        response(
            asked,
            SA(decode_message(asked.payload.removeprefix(bytes(4)), lenient=True).all(SA)[0].proposals[:1]),
            KE(KeMethod.MODP_2048, bytes(255) + b"\x01"),
            Nonce(bytes(32)),
            spi_r=b"12345678",
        )
    ],
    "cut short": lambda asked: [response(asked, Notify(NotifyType.NO_PROPOSAL_CHOSEN))[:-3]],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_probe_ends_in_time(name: str) -> None:
    def answers(asked: Datagram) -> list[bytes]:
        try:
            return HOSTILE[name](asked)
        except Exception:
            return [b"\0" * 28]

    found = probed(answers, most_sent=300)
    assert found.tally.seconds <= 61
    assert found.tally.sent <= 300


def test_nobody_is_there() -> None:
    found = probed(lambda asked: [])
    assert found.mute
    assert found.tally.seconds < 15
    assert found.tally.sent < 40


def test_a_flood_ends_it() -> None:
    found = probed(lambda asked: [response(asked, spi_i=bytes(8))] * 500)
    assert any("floods us" in note for note in found.notes)
    assert found.tally.received <= 6001


def test_never_more_datagrams_than_the_limit() -> None:
    found = probed(lambda asked: [response(asked, Notify(NotifyType.COOKIE, DICE.randbytes(8)))], most_sent=10)
    assert found.tally.sent == 10
    assert any("limit of 10 datagrams" in note for note in found.notes)


def test_never_faster_than_the_rate() -> None:
    times: list[float] = []
    stranger = Stranger(lambda asked: [response(asked, Notify(NotifyType.NO_PROPOSAL_CHOSEN))])

    def answers(asked: Datagram) -> list[bytes]:
        times.append(stranger.clock)
        return [response(asked, Notify(NotifyType.NO_PROPOSAL_CHOSEN))]

    stranger.answers = answers
    found = Survey(plan(stranger, rate=50)).run()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) > 5 and min(gaps) >= 0.0199
    assert not found.boxes and any("none of the algorithms" in note for note in found.notes)


def test_answers_of_others_do_not_count() -> None:
    class Elsewhere(Stranger):
        def send(self, datagram: Datagram) -> None:
            raw = response(datagram, Notify(NotifyType.NO_PROPOSAL_CHOSEN))
            self.waiting.append(Datagram(IT._replace(host="198.51.100.1"), US, raw))

    assert Survey(plan(Elsewhere(lambda asked: []))).run().mute
