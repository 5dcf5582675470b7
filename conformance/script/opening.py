"""The first two exchanges of a scripted IKE SA, and the step that all are made of."""

from collections.abc import Callable, Sequence
from functools import partial

from conformance.eap.server import EapServer
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.sending import State
from conformance.net.link import Address
from conformance.script.bend import STRAIGHT, Bend, order
from conformance.script.bendable import BendableSa
from conformance.script.message import Received, Sent
from conformance.script.verdict import Unanswered, Unexpected
from conformance.wire import SA, EapPacket, ExchangeType, Message, Notify, NotifyType, Payload


def _is_cookie(payload: Payload) -> bool:
    return isinstance(payload, Notify) and payload.type == NotifyType.COOKIE


_COOKIE_FIRST = order(lambda found: sorted(found, key=lambda one: not _is_cookie(one)), "the cookie in front of it")


LONGEST = 30
"""So many times as long as one answer may take all those of IKE_AUTH together, which EAP may have hundreds of."""


class Opening(BendableSa):
    """Steps, IKE_SA_INIT and IKE_AUTH.

    Each step sends one request, perhaps bent, waits for its response and returns that with decrypted payloads. What the
    response says, refusals included, is for the script to judge: a step raises `Unexpected` only when nothing comes.
    """

    # --- a step ---------------------------------------------------------------------------------------------------

    received: Received | None = None
    """The response that the last step has returned, as it came."""

    def step(self, start: Callable[[], None], bend: Bend | None = None) -> Message:
        """Take one step of the reference implementation, bent, and return the response."""
        self.finish()
        with self.bending(bend):
            start()
        return self.take_response()

    def take_response(self) -> Message:
        """The response to our last request."""
        assert self.last_sent is not None
        asked, exchange = self.peer.link.now(), self.last_sent.message.exchange
        self.received = self.response(self.last_sent)
        self.count_wait(exchange, asked)
        return self.received.message

    waited: float = 0.0
    """Seconds that the device has taken for its messages of IKE_AUTH, all together."""

    def count_wait(self, exchange: ExchangeType, asked: float) -> None:
        """A message of the device has come that was asked for then. Raises Unexpected where IKE_AUTH has no end."""
        if exchange != ExchangeType.IKE_AUTH:
            return
        self.waited += self.peer.link.now() - asked
        patience = LONGEST * self.peer.response_timeout
        if self.waited > patience:
            raise Unexpected(f"all answers in IKE_AUTH within {patience:g} s", "another round")

    def finish(self) -> None:
        """Let the exchange under way come to its end first: a rekey deletes the old SA by itself."""
        while self.pending is not None:
            pending = self.pending.message
            self.peer.wait(
                lambda found: found.sa is self and found.message.is_response and self.pending is None,
                f"a response to {pending.exchange.name} {pending.message_id}",
            )

    def response(self, sent: Sent, timeout: float | None = None, *, source: Address | None = None) -> Received:
        """Wait for the response to a request of ours, and repeat that meanwhile, perhaps from another address.

        A datagram may get lost, and a device may drop one while it works on another (RFC 7296, section 2.1). What is
        not protected is no response to a protected request (section 2.4). A device that is at work when the time is
        over gets that time again, twice at most, unless ``timeout`` says how long. Raises Unexpected if none comes, and
        if the IKE SA is established Unanswered.
        """
        request = sent.message
        established = sent.encrypted and self.state in (State.ESTABLISHED, State.REKEYED)

        def fits(found: Received) -> bool:
            message = found.message
            ours = found.sa is self and message.is_response and message.message_id == request.message_id
            return ours and (found.protected or not sent.encrypted)

        def again() -> None:
            if self.pending is None or self.pending.message.message_id != request.message_id:
                self.repeated[request.message_id] += 1
                self.resend(sent, source=source)

        def renew() -> None:
            again()
            self.begin_patience()

        what = f"a response to {request.exchange.name} {request.message_id}"
        asked = self.peer.link.now()
        try:
            found = self.peer.wait(fits, what, timeout, again, renew if timeout is None else None)
        except Unexpected as silent:
            if established:
                raise Unanswered(silent.expected, silent.got, request.exchange) from None
            raise
        if found.time > asked:
            self.peer.answered_in.append(found.time - asked)
        return found

    def begin_patience(self) -> None:
        """Begin anew to wait for the response that is due, so that we do not end the IKE SA ourselves."""
        if self.pending is not None:
            self.pending.tries, self.pending.deadline = 0, self.peer.link.now() + self.connection.retransmit_timeout

    def resend(self, sent: Sent | None = None, *, source: Address | None = None) -> None:
        """Send the same octets again, perhaps from another address."""
        found = sent or self.last_sent
        assert found is not None
        self.transmit(found.datagrams, source or self.local, self.remote)

    # --- IKE_SA_INIT and IKE_AUTH -----------------------------------------------------------------------------------

    def init(self, bend: Bend | None = None, *, follow: bool = True) -> Message:
        """IKE_SA_INIT. With ``follow`` COOKIE and INVALID_KE_PAYLOAD are obeyed and the last response is returned.

        Without it the first response is returned, whatever it is; hand it to `obey` to go on.
        """
        if not follow:
            self.obeying = False
        response = self.step(self.start_init, bend)
        while follow and response.first(SA) is None and self.pending is not None:
            response = self.take_response()
        return response

    def obey(self, response: Message, bend: Bend | None = None) -> Message:
        """Do what a COOKIE or INVALID_KE_PAYLOAD asks for, once, and return the response."""
        self.peer.pause()
        self.peer.forget()  # a copy of the response, which has the same message ID as the next one
        return self.step(partial(super().on_init_response, response), bend)

    obeying: bool = True
    init_bend: Bend = STRAIGHT

    def start_init(self) -> None:
        """Send the first request, and remember what is wrong with it."""
        self.init_bend = self.bend
        super().start_init()

    def on_init_response(self, message: Message) -> None:
        """Go on by ourselves, with a cookie bent as before, or let the script do it."""
        if self.obeying or message.first(SA) is not None:
            again = message.notify(NotifyType.COOKIE) is not None and self.init_bend is not STRAIGHT
            with self.bending(self.init_bend | _COOKIE_FIRST if again else None):
                super().on_init_response(message)

    def auth(self, bend: Bend | None = None, *, child: str | None = "", follow: bool = True) -> Message:
        """IKE_AUTH with the first Child SA of the connection, the named one, or none (None).

        With ``follow`` all rounds of EAP are gone through and the last response is returned; ``bend`` is for the first
        request. Without it the first response is returned, whatever it is; `proceed` goes on. Raises Unexpected where
        IKE_SA_INIT has left no keys.
        """
        if self.keys is None:
            raise Unexpected("an IKE_SA_INIT response with SA, KE, Nr", self.problem or "none")
        names = [config.name for config in self.connection.children]
        self.first_child = (names[0] if names else None) if child == "" else child
        self.pacing = not follow
        response = self.step(self.start_auth, bend)
        while self.asks_for_auth():
            response = self.take_response()
        return response

    pacing: bool = False
    """Whether responses of IKE_AUTH wait for the script."""

    def asks_for_auth(self) -> bool:
        """Whether a request of IKE_AUTH is under way."""
        return self.pending is not None and self.pending.message.exchange == ExchangeType.IKE_AUTH

    def on_auth_response(self, message: Message) -> None:
        """Go on by ourselves, or let the script do it."""
        if not self.pacing:
            super().on_auth_response(message)

    staying: bool = False
    """Whether we keep the IKE SA after a Failure of ours, to see what the device does."""

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        """Answer a packet of the device."""
        found = super().further_round(server, packet)
        if self.staying:
            self.close_after_response = None
        return found

    def proceed(self, response: Message, bend: Bend | None = None) -> Message:
        """Take a response of IKE_AUTH that was kept for the script: the response to what follows from it, once.

        Raises Unexpected where nothing follows, since our side is not content or done.
        """
        with self.bending(bend):
            self.conclude(response)
        if not self.asks_for_auth():
            raise Unexpected("another round of IKE_AUTH", self.problem or f"IKE SA {self.state.value}")
        return self.take_response()

    def conclude(self, response: Message) -> None:
        """Take a response of IKE_AUTH that was kept for the script, usually the last one."""
        try:
            super().on_auth_response(response)
        except (Violation, Refusal) as problem:
            self.on_violation(problem)
