"""The scripted peer: what a test purpose holds in its hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import NO_SPI, State
from conformance.net.http import WebServer
from conformance.net.link import Address, Link
from conformance.script.bend import Bend
from conformance.script.mailbox import Mailbox, is_init_request
from conformance.script.message import Received, Sent
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Traffic
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    FLAG_RESPONSE,
    Message,
    Notify,
    NotifyType,
    Payload,
)

P = TypeVar("P", bound=Payload)


class Peer(Mailbox):
    """Our end of every conversation with the device: a set of scripted IKE SAs on one link.

    ``connection`` is our view of it, ``random`` the only source of random octets, ``response_timeout`` how long an
    answer may take, in seconds.
    """

    def __init__(self, link: Link, connection: Connection, random: Random, response_timeout: float = 2.0) -> None:
        """A peer without SAs."""
        super().__init__(link, connection, random, response_timeout)
        self.traffic = Traffic(self)
        self.web: WebServer | None = None

    # --- IKE SAs --------------------------------------------------------------------------------------------------

    def sa(self, **changes: Any) -> ScriptedSa:
        """A new IKE SA that we initiate, nothing sent yet; ``changes`` replace fields of the connection.

        It says INITIAL_CONTACT if it is the only one that we have with the device, or if ``changes`` say so.
        """
        connection = replace(self.connection, **changes) if changes else self.connection
        assert connection.local_address is not None and connection.remote_address is not None
        local = Address(connection.local_address, connection.local_ports[0])
        remote = Address(connection.remote_address, connection.remote_ports[0])
        sa = self.new_sa(connection, initiator=True, local=local, remote=remote)
        sa.contact = changes.get("initial_contact")
        return sa

    def new_sa(self, connection: Connection, *, initiator: bool, local: Address, remote: Address) -> ScriptedSa:
        """An IKE SA in either role."""
        sa = ScriptedSa(
            connection, initiator=initiator, local=local, remote=remote, random=self.random, now=self.link.now()
        )
        sa.peer, sa.neighbours = self, self.sas.values()
        self.register(sa)
        return sa

    def register(self, sa: ScriptedSa) -> None:
        """Datagrams with its SPI are for ``sa`` from now on."""
        self.sas[sa.own_spi] = sa

    def adopt(self, sa: object) -> None:
        """A rekey has made a successor."""
        assert isinstance(sa, ScriptedSa)
        self.register(sa)

    def establish(self, *, child: str | None = "", **changes: Any) -> ScriptedSa:
        """The usual preamble: IKE_SA_INIT and IKE_AUTH as initiator. Raises Inconclusive if that does not work."""
        sa = self.sa(**changes)
        with self.preamble("IKE_SA_INIT and IKE_AUTH"):
            sa.init()
            sa.auth(child=child)
            sa.must_be_established()
            if child is not None and not sa.children:
                raise Unexpected("a Child SA", sa.problem or "none")
        return sa

    def accept(self, **changes: Any) -> ScriptedSa:
        """The usual preamble when the device initiates. Raises Inconclusive if that does not work.

        It ends with a liveness check: once that is answered, the device has taken our IKE_AUTH response, too.
        """
        with self.preamble("the device initiates"):
            sa = self.respond_init(self.expect_init(), **changes)
            sa.answer_auth()
            if sa.state != State.ESTABLISHED or not (sa.children or sa.connection.childless):
                raise Unexpected("IKE_AUTH succeeds with a Child SA", sa.problem or f"IKE SA {sa.state.value}")
            self.pause()
            sa.liveness()
        return sa

    @contextmanager
    def preamble(self, what: str) -> Iterator[None]:
        """What fails inside is not what the purpose is about: the verdict is *inconclusive*."""
        try:
            yield
        except Unexpected as unexpected:
            raise Inconclusive(f"{what} did not work: {unexpected}") from None

    # --- the device initiates -------------------------------------------------------------------------------------

    def expect_init(self, timeout: float | None = None) -> Received:
        """Wait for an IKE_SA_INIT request of the device; it is not answered yet."""

        def fits(found: Received) -> bool:
            return found.sa is None and is_init_request(found.message)

        return self.wait(fits, "an IKE_SA_INIT request from the device", timeout)

    def respond_init(
        self, received: Received, bend: Bend | None = None, *, again: bool = False, **changes: Any
    ) -> ScriptedSa:
        """Answer an IKE_SA_INIT request of the device.

        If it offers our group, but its KE payload is of another one, it is told so once, and its next request answered.
        """
        connection = replace(self.connection, **changes) if changes else self.connection
        sa = self.new_sa(connection, initiator=False, local=received.destination, remote=received.source)
        sa.reply_path = (received.destination, received.source)
        self.breathe()
        received.sa, received.answered = sa, True
        try:
            with sa.bending(bend):
                sa.respond_init(received.message, received.raw)
        except Refusal as refusal:
            del self.sas[sa.own_spi]
            if refusal.kind == NotifyType.INVALID_KE_PAYLOAD and not again:
                self.refuse_init(received, refusal.notify())
                return self.respond_init(self.expect_init(), bend, again=True, **changes)
            raise Unexpected("an acceptable IKE_SA_INIT request", str(refusal)) from None
        self.flush()
        return sa

    def refuse_init(self, received: Received, *payloads: Payload, bend: Bend | None = None) -> Sent:
        """Answer an IKE_SA_INIT request without making an SA: COOKIE, INVALID_KE_PAYLOAD, errors."""
        request = received.message
        received.answered = True
        message = Message(request.spi_i, NO_SPI, request.exchange, FLAG_RESPONSE, request.message_id, tuple(payloads))
        self.breathe()
        received.refusal = self.send_message(message, received.destination, received.source, bend)
        return received.refusal

    # --- expectations ---------------------------------------------------------------------------------------------

    def check(
        self,
        condition: object,
        expected: str,
        got: object = "",
        requirement: str | None = None,
        *,
        bypass: bool = False,
    ) -> None:
        """State an expectation; it stands in the trace. Raises Unexpected if it is not met.

        ``bypass``: whoever does not meet it lets authentication or policy be got round, which is always a *fail*.
        """
        self.trace.expect(self.link.now(), expected, ok=bool(condition))
        if not condition:
            raise Unexpected(expected, got, requirement, bypass=bypass)

    def expect(self, message: Message, kind: type[P], requirement: str | None = None) -> P:
        """The message must carry a payload of this class; the first one is returned."""
        found = message.first(kind)
        self.check(found is not None, f"{kind.__name__} in the message", message, requirement)
        assert found is not None
        return found

    def expect_notify(self, message: Message, kind: NotifyType, requirement: str | None = None) -> Notify:
        """The message must carry this notify, which is returned."""
        found = message.notify(kind)
        self.check(found is not None, f"N({kind.name})", message, requirement)
        assert found is not None
        return found

    @contextmanager
    def silence(self, prove: Callable[[], object], requirement: str | None = None) -> Iterator[None]:
        """What is sent inside must get no answer.

        After it ``prove`` runs, which must get one: once it has, and nothing else came, the silence is proved.
        Requests of the device's own are no answer, nor are copies that the path makes of what came before.
        """
        self.pause()
        mark = len(self.inbox)
        yield
        self.pause()
        self._must_be_silent(mark, requirement)
        try:
            prove()
        except Unexpected as unexpected:
            raise Unexpected("silence, then the usual answer to a valid request", unexpected.got, requirement) from None
        self._must_be_silent(mark, requirement)

    def _must_be_silent(self, mark: int, requirement: str | None) -> None:
        """From ``mark`` on the inbox must hold no answer that nobody has waited for, nor a copy of such a one."""
        awaited = {one.raw for one in self.inbox[mark:] if one.taken}
        answers = [
            one
            for one in self.inbox[mark:]
            if one.raw not in awaited and (one.message.is_response or (one.sa is not None and not one.protected))
        ]
        self.check(not answers, "no answer", "; ".join(map(str, answers)), requirement)
