"""Two IKE SAs in a chosen state, one of which does to the other what a test wants."""

from collections.abc import Callable
from dataclasses import replace

from conformance.ike.core.sending import NO_SPI, State
from conformance.ike.core.states import INITIATOR
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import (
    SK,
    Delete,
    ExchangeType,
    Message,
    Payload,
    decode_message,
    encode_message,
)
from tests.ike.pair import Pair

Change = Callable[[Message], Message]


class Said(IkeSa):
    """Remembers what it says, and says something else where it is told to."""

    said: list[Message]
    change: Change | None = None
    garbage: bytes = b""

    def prepare(self) -> None:
        super().prepare()
        self.said = []

    def encode(self, message: Message) -> list[bytes]:
        if self.change is not None:
            message, self.change = self.change(message), None
        self.said.append(message)
        return super().encode(message)

    def plaintext(self, message: Message) -> tuple[int, bytes]:
        return (int(Delete.payload_type), self.garbage) if self.garbage else super().plaintext(message)


class Case:
    """``sa`` is the IKE SA under test, in a state and role; ``other`` is that of its peer, which does as it is told.

    ``held`` are datagrams that one of them has sent and the other has not got. ``first`` is the request that opened it,
    ``asked`` what came to ``sa`` last, and ``answer`` what it sent then.
    """

    def __init__(self, state: State, role: str) -> None:
        self.pair = Pair()
        ends = (self.pair.initiator, self.pair.responder)
        for end in ends:
            end.sa_class = Said  # type: ignore[misc]
        self.end, self.peer = ends if role == INITIATOR else ends[::-1]
        self.held: list[Datagram] = []
        self.first: list[Datagram] = []
        self.asked: list[Datagram] = []
        self.answer: list[Datagram] = []
        self.sas: tuple[Said | None, Said | None] = (None, None)
        getattr(self, f"_{state.name.lower()}")()
        self.held = [] if state == State.REKEYED else self.held
        self.forget_said()

    @property
    def sa(self) -> Said:
        return self._known(0)

    @property
    def other(self) -> Said:
        return self._known(1)

    def _known(self, index: int) -> Said:
        found = self.sas[index]
        assert found is not None
        return found

    def find(self) -> None:
        """See which IKE SAs there are now; those that are gone stay known."""
        newest = [next(iter(end.sas.values()), None) for end in (self.end, self.peer)]
        one, two = (new if isinstance(new, Said) else old for new, old in zip(newest, self.sas, strict=True))
        self.sas = one, two

    def forget_said(self) -> None:
        if self.sas[0] is not None:
            self.sa.said.clear()

    # --- into a state ---------------------------------------------------------------------------------------------

    def _new(self) -> None:
        """Nothing has happened."""

    def open(self) -> None:
        """The initiator has sent its first request."""
        self.pair.initiator.initiate()
        self.held = self.first = self.pair.initiator.drain()
        self.find()
        self.forget_said()

    def _half_open(self) -> None:
        self.open()
        self.move(self.pair.responder)
        self.move(self.pair.initiator)
        self.find()

    def _established(self) -> None:
        self.pair.establish()
        self.find()

    def _rekeyed(self) -> None:
        self._established()
        self.other.start_rekey()
        self.arrives()
        self.move(self.peer)
        assert self.sa.state == State.REKEYED

    def _closed(self) -> None:
        self._established()
        self.other.start_delete()
        self.arrives()

    # --- what happens to it ---------------------------------------------------------------------------------------

    def move(self, end: Endpoint) -> None:
        """Give what is held to ``end``, and hold what it sends then."""
        held, self.held = self.held, []
        for datagram in held:
            end.receive(datagram, self.pair.now)
        self.held = end.drain()
        if end is self.end:
            self.asked, self.answer = held, self.held

    def take(self, end: Endpoint, sa: Said) -> None:
        """Hold what ``sa`` has to send."""
        end.collect(sa)
        self.held = end.drain()

    def arrives(self) -> None:
        """What the peer wants to send comes."""
        self.take(self.peer, self.other)
        self.move(self.end)

    def begin(self) -> None:
        """The peer gives up what it is at and counts its requests as we do."""
        self.other.pending, self.other.next_id = None, self.sa.expected_id

    def request(self, *payloads: Payload, exchange: ExchangeType = ExchangeType.INFORMATIONAL) -> None:
        """The peer sends a request."""
        self.begin()
        self.other.open_exchange(exchange, lambda sa: payloads, self.other.ignore)
        self.arrives()

    def response(self, *payloads: Payload, number: int | None = None) -> None:
        """The peer sends a response, by default to the request that is under way."""
        request = self.sa.pending.message if self.sa.pending is not None else self.sa.message(
            ExchangeType.INFORMATIONAL, (), number or 0, response=False
        )  # fmt: skip
        self.other.reply_path = (self.other.local, self.other.remote)
        self.other.respond(request, payloads)
        self.arrives()

    def start(self, start: str, *arguments: object) -> None:
        """The peer starts something."""
        self.begin()
        getattr(self.other, start)(*arguments)
        self.arrives()

    def order(self, start: str, *arguments: object) -> None:
        """We are told to start something."""
        getattr(self.sa, start)(*arguments)
        self.take(self.end, self.sa)

    def answered(self) -> None:
        """The peer gets our request, and we get its response; only what we say then counts."""
        self.forget_said()
        self.move(self.peer)
        self.move(self.end)

    def unprotected(self, message: Message) -> None:
        """A message that may come from anybody."""
        self.end.receive(Datagram(self.sa.remote, self.sa.local, encode_message(message)), self.pair.now)
        self.held = self.end.drain()

    def init_response(self, *payloads: Payload) -> None:
        """A response to our IKE_SA_INIT request."""
        self.open()
        self.unprotected(Message(self.sa.spi_i, NO_SPI, ExchangeType.IKE_SA_INIT, 0x20, 0, payloads))

    def changed(self, change: Callable[[Datagram], Datagram]) -> None:
        """What is held comes with other octets."""
        self.held = [change(one) for one in self.held]
        self.move(self.end)

    def passes(self, seconds: float) -> None:
        """Time goes by; what we send gets lost."""
        until = self.pair.now + seconds
        self.held = []
        while (timer := self.end.next_timer()) is not None and timer <= until:
            self.end.tick(timer)
            self.held = self.held or self.end.drain()

    # --- what came of it ------------------------------------------------------------------------------------------

    def reaction(self) -> list[Message]:
        """What it has sent, decrypted."""
        said = list(self.sas[0].said) if self.sas[0] is not None else []
        found = []
        for datagram in self.held:
            message = decode_message(datagram.payload)
            sealed = bool(message.payloads) and isinstance(message.payloads[-1], SK)
            found.append(said.pop(0) if sealed else message)
        return found

    def state(self) -> State:
        """Its state; what an endpoint does not know any more is closed."""
        if self.sas[0] is None:
            self.find()
        found = self.sas[0]
        return found.state if found is not None and found in self.end.sas.values() else State.CLOSED


def with_payloads(*payloads: Payload) -> Change:
    """The message with other payloads."""
    return lambda message: replace(message, payloads=payloads)


def dropping(*kinds: type[Payload]) -> Change:
    """The message without payloads of these types."""
    return lambda message: replace(message, payloads=tuple(p for p in message.payloads if not isinstance(p, kinds)))


def adding(*payloads: Payload) -> Change:
    """The message with further payloads."""
    return lambda message: replace(message, payloads=(*message.payloads, *payloads))
