"""`IkeSa`: all exchanges of an IKE SA put together, and what it does of its own accord as time goes by."""

from collections.abc import Sequence

from conformance.ike.core.events import Refusal
from conformance.ike.core.ike_rekey import IkeRekey
from conformance.ike.core.sending import State
from conformance.wire import SA, ExchangeType, Message, NotifyType, Payload, ProtocolID


class IkeSa(IkeRekey):
    """An IKE SA in either role that behaves as RFC 7296 says."""

    def on_request(self, message: Message) -> None:
        """Answer a request, but leave one that came too early to its repetition."""
        if self.is_early(message):
            self.drop("a request before the IKE_AUTH response, which it may have overtaken")
        else:
            super().on_request(message)

    def is_early(self, message: Message) -> bool:
        """The responder is done with IKE_AUTH before the initiator, and its requests may overtake its response."""
        return self.initiator and self.state == State.HALF_OPEN

    def handle(self, message: Message) -> Sequence[Payload]:
        """Answer an authentic request by its exchange type."""
        if message.exchange == ExchangeType.IKE_AUTH:
            return self.handle_auth(message)
        if message.exchange == ExchangeType.CREATE_CHILD_SA:
            return self.handle_create_child_sa(message)
        if message.exchange == ExchangeType.INFORMATIONAL:
            return self.handle_informational(message)
        raise Refusal(NotifyType.INVALID_SYNTAX, f"exchange type {int(message.exchange)}", fatal=True)

    def handle_create_child_sa(self, message: Message) -> Sequence[Payload]:
        """A CREATE_CHILD_SA request makes or rekeys a Child SA, or rekeys the IKE SA: its SA payload tells."""
        if self.state not in (State.ESTABLISHED, State.REKEYED):
            raise Refusal(NotifyType.INVALID_SYNTAX, f"CREATE_CHILD_SA in state {self.state.value}", fatal=True)
        sa = message.first(SA)
        if sa is None or not sa.proposals:
            raise Refusal(NotifyType.INVALID_SYNTAX, "CREATE_CHILD_SA request without proposals", fatal=True)
        if sa.proposals[0].protocol == ProtocolID.IKE:
            return self.handle_rekey(message)
        return self.handle_child(message)

    def after_init(self) -> None:
        """Go on with IKE_AUTH."""
        self.start_auth()

    # --- time -----------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """The next instant at which `tick` has something to do."""
        timers = [super().next_timer(), *self.own_timers()]
        return min((timer for timer in timers if timer is not None), default=None)

    def own_timers(self) -> list[float]:
        """When liveness is due, and when the lifetimes end."""
        if self.state != State.ESTABLISHED or self.pending is not None:
            return []
        found: list[float] = []
        if self.connection.dpd_delay is not None:
            found.append(self.last_heard + self.connection.dpd_delay)
        if self.connection.lifetime is not None:
            found.append(max(self.created + self.connection.lifetime, self.rekey_again))
        found += [due for child in self.children if (due := child.rekey_due()) is not None]
        return found

    def tick(self, now: float) -> None:
        """Retransmit, check liveness, rekey what is old."""
        super().tick(now)
        if not any(timer <= now for timer in self.own_timers()):
            return
        connection = self.connection
        if connection.lifetime is not None and now >= max(self.created + connection.lifetime, self.rekey_again):
            self.start_rekey()
            return
        for child in self.children:
            due = child.rekey_due()
            if due is not None and now >= due:
                self.start_child_rekey(child)
                return
        if connection.dpd_delay is not None and now >= self.last_heard + connection.dpd_delay:
            self.start_liveness()
