"""The messages that answer a device: places of a sweep where the device is the initiator.

Each message costs an IKE SA that the device starts, and what it gives up it may try again for a while. So only what
must be ignored is sent here, many numbers at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from conformance.ike.core.sending import State
from conformance.script.bend import Bend
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType, Message, NotifyType
from suites.connections import Role
from suites.dut import Dut
from suites.sweeps.cases import Case, Due, Sweep
from suites.sweeps.places import Place, Sending

FEW = 5
"""So many payloads more are no burden to anybody; strongSwan 6.1.0 refuses a sixth that it does not know."""


class _Answer(Place):
    role: ClassVar[Role] = "initiator"
    again: ClassVar[bool] = False

    def leave(self, sa: ScriptedSa) -> None:
        """Delete the IKE SA, and wait until the device has forgotten it: it would be used in place of a new one."""
        with suppress(Unexpected):
            self.peer.pause()
            sa.delete()
        until = self.peer.link.now() + self.peer.response_timeout
        while self.dut.state(sa.spi_i) is not None and self.peer.link.now() < until:
            self.peer.idle(self.peer.response_timeout / 100)


class InInitResponse(_Answer):
    """The first response."""

    name, text = "init-response", "our IKE_SA_INIT response"

    def send(self, bent: Bend, *, wanted: bool) -> Sending:
        """The device starts an IKE SA, which is completed if it goes on."""
        self.dut.initiate()
        sa = self.peer.respond_init(self.peer.expect_init(), bent)
        self.remember(sa)
        sending = Sending(sa)
        with suppress(Unexpected):
            request = sa.expect_request(ExchangeType.IKE_AUTH)
            sending.waited = request.message
            sa.answer(request)
            self.leave(sa)
        return sending

    def succeeded(self, answer: Message) -> bool:
        """It goes on."""
        return answer.exchange == ExchangeType.IKE_AUTH


class InAuthResponse(_Answer):
    """The response that ends the handshake."""

    name, text = "auth-response", "our IKE_AUTH response"

    def send(self, bent: Bend, *, wanted: bool) -> Sending:
        """The device starts an IKE SA; if it takes our response, it answers on it."""
        self.dut.initiate()
        sa = self.peer.respond_init(self.peer.expect_init())
        self.remember(sa)
        sending = Sending(sa)
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bent)
        if sa.state == State.ESTABLISHED:
            with suppress(Unexpected):
                self.peer.pause()
                sending.waited = sa.liveness()
            self.leave(sa)
        return sending

    def succeeded(self, answer: Message) -> bool:
        """It has no error."""
        return fatal(answer) is None


def of_answers(sweep: Sweep) -> Sweep:
    """The part of a sweep that a response may have: what is ignored, without errors, which end an exchange."""

    def cases(dut: Dut, number: int) -> Iterable[Case]:
        return [one for one in sweep.cases(dut, number) if one.due is Due.IGNORED]

    errors = sweep.registry == "notify-types"
    numbers = tuple(one for one in sweep.numbers if not errors or one >= NotifyType.INITIAL_CONTACT)
    return replace(
        sweep,
        cases=cases,
        numbers=numbers,
        always=tuple(one for one in sweep.always if one in numbers),
        together=FEW,
        requirements=sweep.requirements[:1],
    )
