"""What the servers of EAP-SIM, EAP-AKA and EAP-AKA' have in common: identities, notifications, re-authentication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from conformance.eap.errors import Failed
from conformance.eap.layout import Body
from conformance.eap.method import ServerMethod
from conformance.eap.simaka import (
    ClientError,
    ClientErrorCode,
    Message,
    Notice,
    Protected,
    Reauthentication,
    Told,
    Unable,
    decode,
    mark,
    number,
)
from conformance.eap.simaka_attributes import At, AtMac, AtNonceS, Counted
from conformance.eap.simaka_keys import Keys, reauthenticated
from conformance.eap.simaka_rules import RULES, Rules, check_padding
from conformance.eap.subscriber import Register, Renewal
from conformance.wire import EapCode, EapPacket
from conformance.wire.errors import WireError

MOST = 0xFFFF
"""The last counter: a full authentication has to follow."""
_QUESTIONS = (At.ANY_ID_REQ, At.FULLAUTH_ID_REQ, At.PERMANENT_ID_REQ)


class SimAkaServer(Protected, ServerMethod):
    """Base of the three servers.

    Args:
        register: subscribers and the identities that they got.
        ask: whether it asks for the identity within the method, though EAP-Response/Identity has one already.
        pseudonyms, fast: whether it hands out pseudonyms, and identities for fast re-authentication.
        result_indications: whether it offers protected ones.
    """

    permanent: ClassVar[bytes]
    pseudonym: ClassVar[bytes]
    fast: ClassVar[bytes]
    responses: ClassVar[Sequence[type[Message]]]
    rules: ClassVar[Rules] = RULES

    def __init__(
        self,
        register: Register,
        *,
        ask: bool = False,
        pseudonyms: bool = False,
        reauthentication: bool = False,
        result_indications: bool = False,
    ) -> None:
        super().__init__()
        self.register = register
        self.ask = ask
        self.gives_pseudonyms = pseudonyms
        self.gives_fast = reauthentication
        self.offers_indications = result_indications
        self.questions = list(_QUESTIONS)
        self.imsi = b""
        self.renewal: Renewal | None = None
        self.counter: int | None = None
        self.nonce = b""
        self.told: Told | None = None
        self.authenticated = False

    def receive(self, data: bytes, packet: EapPacket) -> Body | None:
        """The next request; a notification of failure to what can't be processed."""
        if self.told is not None and self.told.success:
            self.end(True)  # whatever comes (RFC 4187 section 6.2)
            return None
        try:
            message = decode(data, self.responses)
            self.rules[type(message), EapCode.RESPONSE].check(message.attributes)
            return self.take(message, packet)
        except (Unable, WireError) as error:
            if self.told is not None:
                raise Failed(str(error)) from None
            return self.refuse(str(error))

    def take(self, message: Message, packet: EapPacket) -> Body | None:
        """A well-formed response."""
        match message:
            case ClientError():
                code = ClientErrorCode(message.need(At.CLIENT_ERROR_CODE).number)
                raise Failed(f"the peer says {code}")
            case Notice() if self.told is not None:
                self.take_notice(message, packet)
                return None
            case Reauthentication() if self.counter is not None and not self.authenticated:
                return self.take_reauthentication(message, packet)
        raise Unable(f"{type(message).__name__} where nobody asked for it")

    # --- identities -----------------------------------------------------------------------------------------------

    def identify(self) -> bool:
        """Whether the identity that is known now is one of ours; what it belongs to is kept."""
        if self.identity[:1] == self.fast:
            self.renewal = self.take_renewal()
            if self.renewal is not None:
                self.imsi = self.renewal.imsi
                return True
        self.imsi = self.register.imsi_of(self.identity, self.permanent) or b""
        return bool(self.imsi)

    def take_renewal(self) -> Renewal | None:
        """What a fast re-authentication can start from."""
        return self.register.take_renewal(self.identity)

    def question(self) -> Body:
        """The next request for an identity.

        Raises:
            Unable: all have been asked.
        """
        ignored = self.ask and len(self.questions) == len(_QUESTIONS)
        while not ignored and self.questions and self.questions[0] in self.vain_questions():
            self.questions.pop(0)
        if not self.questions:
            raise Unable(f"nobody is {self.identity!r}")
        return mark(self.questions.pop(0))

    def vain_questions(self) -> tuple[At, ...]:
        """What would get the unknown identity once more, by its first character (RFC 4187 section 4.1.7)."""
        return {self.pseudonym: _QUESTIONS[:2], self.fast: _QUESTIONS[:1]}.get(self.identity[:1], ())

    def take_identity(self, message: Message) -> None:
        """The identity in a response, if there is one."""
        found = message.find(At.IDENTITY)
        if found is not None:
            self.identity = found.value

    # --- protection -----------------------------------------------------------------------------------------------

    def use(self, keys: Keys) -> None:
        """The keys of this conversation."""
        self.keys, self.msk, self.emsk = keys, keys.msk, keys.emsk

    def gifts(self, keys: Keys) -> tuple[Body, ...]:
        """New identities for a challenge, to be encrypted."""
        found: tuple[Body, ...] = ()
        if self.gives_pseudonyms:
            name = self.register.name_anew(self.imsi, self.pseudonym, self.random)
            found = (Counted(At.NEXT_PSEUDONYM, value=name),)
        return found + self.next_identity(keys, 0)

    def next_identity(self, keys: Keys, counter: int) -> tuple[Body, ...]:
        """A new identity for the next fast re-authentication, to be encrypted."""
        if not self.gives_fast or counter == MOST:
            return ()
        _, at, realm = self.identity.partition(b"@")
        fresh = Renewal(b"", keys, counter, self.imsi)
        renewal = self.register.renew(fresh, self.fast, self.random, at + realm)
        return (Counted(At.NEXT_REAUTH_ID, value=renewal.identity),)

    def promises(self) -> tuple[Body, ...]:
        """AT_RESULT_IND, where it is offered."""
        return (mark(At.RESULT_IND),) if self.offers_indications else ()

    # --- the end --------------------------------------------------------------------------------------------------

    def accept(self, message: Message) -> Body | None:
        """The peer is the right one: success, notified where both want that."""
        self.authenticated = True
        denied = self.admit()
        if denied is not None:
            return self.notify(denied)
        if self.offers_indications and message.find(At.RESULT_IND) is not None:
            return self.notify(Told.SUCCESS)
        self.end(True)
        return None

    def admit(self) -> Told | None:
        """Why the service is denied to a subscriber who is who he says he is; None: it is not."""
        return None

    def refuse(self, why: str) -> Body:
        """Tells the peer that it failed."""
        self.info["error"] = why
        return self.notify(Told.FAILURE_AFTER if self.authenticated else Told.FAILURE)

    def notify(self, told: Told) -> Notice:
        """A notification, protected where its code says so."""
        self.told = told
        attributes: tuple[Body, ...] = (number(At.NOTIFICATION, told),)
        if told.before:
            self.keys = None
            return Notice(attributes=attributes)
        if self.counter is not None:
            attributes += self.hidden(number(At.COUNTER, self.counter))
        return Notice(attributes=(*attributes, AtMac()))

    def take_notice(self, message: Message, packet: EapPacket) -> None:
        """The response to a notification ends the method."""
        assert self.told is not None
        if not self.told.before:
            self.demand_mac(packet, message)
        self.end(self.told.success)

    # --- fast re-authentication -----------------------------------------------------------------------------------

    def reauthentication(self, renewal: Renewal, *, checkcode: tuple[Body, ...] = ()) -> Reauthentication:
        """The request, with the next counter."""
        self.counter, self.nonce = renewal.counter + 1, self.random(16)
        self.keys = renewal.keys
        gifts = self.next_identity(renewal.keys, self.counter)
        hidden = self.hidden(number(At.COUNTER, self.counter), AtNonceS(nonce=self.nonce), *gifts)
        return Reauthentication(attributes=(*hidden, *checkcode, *self.promises(), AtMac()))

    def take_reauthentication(self, message: Message, packet: EapPacket) -> Body | None:
        """Fresh keys, or a full authentication where the counter is too small."""
        assert self.renewal is not None
        assert self.counter is not None
        self.demand_mac(packet, message, self.nonce)
        self.demand_checkcode(message)
        clear = self.open(message)
        self.rules[Reauthentication, EapCode.RESPONSE].check(clear.attributes, inner=True)
        check_padding(clear.attributes)
        if clear.need(At.COUNTER).number != self.counter:
            raise Unable("another counter")
        if clear.find(At.COUNTER_TOO_SMALL) is not None:
            self.renewal = self.counter = self.keys = None
            return self.authenticate()
        self.use(self.renewed(self.renewal.keys, self.counter, self.nonce))
        return self.accept(message)

    def renewed(self, keys: Keys, counter: int, nonce: bytes) -> Keys:
        """The keys after a fast re-authentication."""
        return reauthenticated(keys, self.identity, counter, nonce)

    def authenticate(self) -> Body:
        """The first request of a full authentication."""
        raise NotImplementedError
