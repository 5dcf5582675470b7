"""`ScriptedSa`: the steps of a conversation, one method each, as they stand in the message charts of the RFCs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.sending import State
from conformance.net.link import Address
from conformance.script.bend import Bend
from conformance.script.message import Received, Sent, says_nothing
from conformance.script.opening import Opening
from conformance.script.traffic import Traffic
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import Delete, ExchangeType, KeMethod, Message, Notify, NotifyType, Payload, ProtocolID

_FINAL = (NotifyType.INVALID_SYNTAX, NotifyType.AUTHENTICATION_FAILED)


class ScriptedSa(Opening):
    """An IKE SA whose steps a script takes one by one: those of `Opening`, and all that may follow."""

    # --- exchanges that we start ----------------------------------------------------------------------------------

    def insist(self, start: Callable[[], None], bend: Bend | None = None) -> Message:
        """A step; once more if it crossed an exchange of the device's own that we had to put off as well.

        Whoever meets TEMPORARY_FAILURE waits and tries again (RFC 7296, section 2.25).
        """
        for _ in range(2):
            mark = len(self.peer.inbox)
            answer = self.step(start, bend)
            if not self.crossed(mark) or answer.notify(NotifyType.TEMPORARY_FAILURE) is None:
                return answer
            self.peer.idle(self.peer.response_timeout / 4)
        return self.step(start, bend)

    def crossed(self, mark: int) -> bool:
        """Whether the device has asked for something of its own accord and been put off, lately or since ``mark``."""
        lately = self.peer.link.now() - self.peer.response_timeout
        return any(
            one.sa is self and one.reply is not None and one.message.exchange == ExchangeType.CREATE_CHILD_SA
            for number, one in enumerate(self.peer.inbox)
            if number >= mark or one.time > lately
        )

    def request(self, exchange: ExchangeType, *payloads: Payload, bend: Bend | None = None) -> Message:
        """Any request with the next message ID; returns the response."""
        return self.step(partial(self.open_exchange, exchange, lambda sa: payloads, self.ignore), bend)

    def informational(self, *payloads: Payload, bend: Bend | None = None) -> Message:
        """An INFORMATIONAL exchange."""
        return self.request(ExchangeType.INFORMATIONAL, *payloads, bend=bend)

    def liveness(self) -> Message:
        """An empty INFORMATIONAL exchange: the device must answer (RFC 7296, section 2.4)."""
        self.finish()
        return self.response(self.begin(self.start_liveness)).message

    def create_child(self, name: str = "net", bend: Bend | None = None, *, group: KeMethod | None = None) -> Message:
        """CREATE_CHILD_SA for another Child SA."""
        return self.insist(partial(self.start_child, name, group), bend)

    def rekey_child(self, child: ChildSa | None = None, bend: Bend | None = None) -> Message:
        """CREATE_CHILD_SA that rekeys a Child SA, by default the only one; the old one is deleted afterwards."""
        return self.insist(partial(self.start_child_rekey, child or self.child), bend)

    def rekey(self, bend: Bend | None = None, group: KeMethod | None = None) -> Message:
        """CREATE_CHILD_SA that rekeys the IKE SA; `rekeyed` is the new one, the old one is deleted afterwards."""
        return self.insist(partial(self.start_rekey, group), bend)

    def delete(self, bend: Bend | None = None) -> Message:
        """Delete the IKE SA."""
        return self.step(self.start_delete, bend)

    def delete_child(self, child: ChildSa | None = None, bend: Bend | None = None) -> Message:
        """Delete a Child SA, by default the only one."""
        return self.step(partial(self.start_child_delete, child or self.child), bend)

    @property
    def rekeyed(self) -> "ScriptedSa":
        """The IKE SA that took the place of this one."""
        if not isinstance(self.successor, ScriptedSa):
            raise Unexpected("a rekeyed IKE SA", self.problem or "there is none")
        return self.successor

    @property
    def traffic(self) -> Traffic:
        """The traffic of the conversation."""
        return self.peer.traffic

    @property
    def child(self) -> ChildSa:
        """The first Child SA."""
        if not self.children:
            raise Unexpected("a Child SA", self.problem or "there is none")
        return self.children[0]

    # --- messages beside the exchanges ----------------------------------------------------------------------------

    def send(
        self,
        exchange: ExchangeType,
        *payloads: Payload,
        message_id: int | None = None,
        response: bool = False,
        bend: Bend | None = None,
    ) -> Sent:
        """Send a message and wait for nothing. By default with the next message ID, which is not used up."""
        number = self.next_id if message_id is None else message_id
        with self.bending(bend):
            datagrams = self.encode(self.message(exchange, payloads, number, response=response))
        self.transmit(datagrams, self.local, self.remote)
        assert self.encoded is not None
        return self.encoded

    tidy: bool = True
    """Whether our rekeys delete what they replaced, or what is redundant after a collision."""

    def start_child_delete(self, child: ChildSa) -> None:
        """Delete a Child SA, unless a rekey of ours would do so and must not."""
        if self.tidy or child.replaced_by is None:
            super().start_child_delete(child)

    def settle(self, offer: ChildOffer, child: ChildSa) -> None:
        """After our rekey of a Child SA that has crossed the device's: delete what is redundant, or leave it."""
        if self.tidy or offer.rival is None:
            super().settle(offer, child)

    def settle_rekey(self, new: Self) -> None:
        """After our rekey of the IKE SA: delete the old one, or keep it for the script."""
        if self.tidy:
            super().settle_rekey(new)
        else:
            self.inherit(new)

    def takes_longer_keys(self) -> bool:
        """Our side keeps to its connection, so that a purpose knows what it gets."""
        return False

    nonce: bytes | None = None
    """The nonce of our next messages on this IKE SA in place of a random one: collisions are settled by nonces."""

    def choose_nonce(self) -> bytes:
        """A random nonce, or the one that the script wants."""
        return super().choose_nonce() if self.nonce is None else self.nonce

    def lost_child(self, child: ChildSa) -> None:
        """What follows from CHILD_SA_NOT_FOUND is for the script."""

    overlap: list[Message] | None = None

    @contextmanager
    def overlapping(self) -> Iterator[None]:
        """Responses to our requests take effect only at the end of the block, so that exchanges of both sides overlap.

        The script gets them inside nevertheless, with `response`.
        """
        self.overlap = []
        try:
            yield
        finally:
            kept, self.overlap = self.overlap, None
            for message in kept:
                self.on_response(message)
            self.peer.flush()

    def on_response(self, message: Message) -> None:
        """Take a response, or keep it for the end of an overlap."""
        if self.overlap is None:
            super().on_response(message)
        else:
            self.overlap.append(message)

    def begin(self, start: Callable[[], None], bend: Bend | None = None) -> Sent:
        """Take a step without waiting for its response: ``sa.begin(sa.start_rekey)``."""
        with self.bending(bend):
            start()
        assert self.last_sent is not None
        self.peer.flush()
        return self.last_sent

    def repeat(self, sent: Sent | None = None, *, source: Address | None = None) -> Received:
        """Send a request again, by default the last one, and wait for its response to come again."""
        found = sent or self.last_sent
        assert found is not None
        self.peer.pause()
        self.resend(found, source=source)
        return self.response(found, source=source)

    # --- exchanges that the device starts -------------------------------------------------------------------------

    def expect_request(
        self,
        exchange: ExchangeType,
        *,
        timeout: float | None = None,
        where: Callable[[Message], bool] | None = None,
        requirement: str | None = None,
    ) -> Received:
        """Wait for a request of the device and hold it: it gets no answer before `answer`.

        Any, or one ``where`` something is true; liveness checks only if ``where`` says so. Not one that
        comes again since our answer got lost: that answer is sent again.
        """

        def fits(found: Received) -> bool:
            message = found.message
            asked = found.sa is self and found.protected and not message.is_response and message.exchange == exchange
            return asked and not found.again and (where(message) if where is not None else not says_nothing(message))

        asked = self.peer.link.now()
        try:
            found = self.peer.wait(fits, f"an {exchange.name} request from the device", timeout)
        except Unexpected as nothing:
            raise Unexpected(nothing.expected, nothing.got, requirement) from None
        self.count_wait(exchange, asked)
        return found

    def answer_auth(self) -> Received:
        """Answer the device's IKE_AUTH requests correctly to the end, rounds of EAP among them; the last one."""
        while True:
            request = self.expect_request(ExchangeType.IKE_AUTH)
            self.answer(request)
            if self.state != State.HALF_OPEN:
                return request

    def answer(self, received: Received, *payloads: Payload, bend: Bend | None = None) -> Sent:
        """Answer a held request: correctly, or with these payloads in place of the correct ones. Returns the answer.

        Raises Inconclusive if it came before the script waited for it and has been answered in another way.
        """
        if received.reply is not None:
            if payloads or bend is not None:
                raise Inconclusive(f"{received} came too early: it has been answered already")
            return received.reply
        if received.answered:
            raise ValueError(f"{received} has been answered already")
        received.answered, self.held = True, None
        with self.bending(bend):
            if payloads:
                self.expected_id = received.message.message_id + 1
                self.respond(received.message, payloads)
            else:
                self.on_request(received.message)
        assert self.encoded is not None
        self.peer.flush()
        return self.encoded

    def hold(self, *exchanges: ExchangeType) -> None:
        """From now on keep the device's requests of these exchange types for the script, except liveness checks."""
        self.holding = frozenset(exchanges)

    # --- proofs ---------------------------------------------------------------------------------------------------

    @contextmanager
    def silence(self, requirement: str | None = None) -> Iterator[None]:
        """What is sent inside must get no answer: proved by liveness checks that are answered and nothing else.

        There are two, so that an answer with the message ID of the first one cannot be taken for its answer.
        """
        with self.peer.silence(lambda: (self.liveness(), self.liveness()), requirement):
            yield

    def must_be_up(self, requirement: str | None = None, why: str = "the IKE SA is still there") -> None:
        """The device must answer a liveness check: its IKE SA has survived."""
        self.peer.pause()
        self.finish()
        mark = self.next_id
        try:
            answer = self.liveness()
        except Unexpected as silent:
            raise Unexpected(why, f"no answer to a liveness check ({silent.got})", requirement) from None
        self.peer.check(answer.message_id == mark and not fatal(answer), why, answer, requirement)

    def must_be_gone(self, requirement: str | None = None) -> None:
        """The device must have forgotten the IKE SA: a liveness check gets no protected answer.

        Proved by a new IKE_SA_INIT exchange. An unprotected N(INVALID_IKE_SPI) does not count as an answer. A device
        that answers once gets some time to finish the deletion and is asked again.
        """
        answers = self._answers_to_liveness()
        if answers:
            self.next_id += 1
            self.peer.idle(self.peer.response_timeout / 4)
            answers = self._answers_to_liveness()
        self.peer.check(not answers, "the IKE SA is gone", "; ".join(map(str, answers)), requirement)

    def _answers_to_liveness(self) -> list[Received]:
        """The protected responses that come to a liveness check before another IKE_SA_INIT exchange is through.

        A device that is at work gets more time: what has come on one IKE SA before may keep that IKE SA alone waiting.
        """
        self.peer.pause()
        mark = len(self.peer.inbox)
        self.send(ExchangeType.INFORMATIONAL)
        self.peer.pause()
        self.peer.sa().init()
        if self.peer.was_at_work():
            self.peer.idle(self.peer.response_timeout / 4)
        self.peer.pause()
        return [one for one in self.peer.inbox[mark:] if one.sa is self and one.protected and one.message.is_response]

    def must_be_established(self, requirement: str | None = None) -> None:
        """IKE_AUTH must have succeeded, with everything in the response that proves it."""
        up = self.state == State.ESTABLISHED and not self.problem
        state = f"IKE SA {self.state.value}"
        own = f"{state}: {self.closed_for}".rstrip(": ") if self.closed_for.startswith("EAP") else state
        self.peer.check(up, "IKE_AUTH succeeds", self.problem or own, requirement)


def fatal(message: Message) -> Notify | None:
    """The first error notify of a message, None if there is none."""
    return next((one for one in message.notifies() if one.type < NotifyType.INITIAL_CONTACT), None)


def ends_ike_sa(message: Message) -> bool:
    """Whether a protected message ends its IKE SA with all its Child SAs (RFC 7296, sections 1.4.1, 2.21.2, 2.21.3)."""
    gone = any(one.protocol == ProtocolID.IKE for one in message.all(Delete))
    return gone or any(one.type in _FINAL for one in message.notifies())
