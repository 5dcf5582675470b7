"""What the peers of EAP-SIM, EAP-AKA and EAP-AKA' have in common: identities, notifications, fast re-authentication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.layout import Body
from conformance.eap.method import Decision, PeerMethod
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
from conformance.eap.simaka_attributes import At, AtCheckcode, AtMac, Counted
from conformance.eap.simaka_keys import Keys, reauthenticated
from conformance.eap.simaka_rules import RULES, Rule, Rules, check_padding
from conformance.eap.subscriber import Renewal, Usim
from conformance.wire import EapCode, EapPacket
from conformance.wire.errors import WireError

_LEVELS = {At.ANY_ID_REQ: 1, At.FULLAUTH_ID_REQ: 2, At.PERMANENT_ID_REQ: 3}


class SimAkaPeer(Protected, PeerMethod):
    """Base of the three peers.

    Args:
        usim: the card; identities that the server hands out are kept there.
        result_indications: whether the peer wants protected ones.
        reveal: whether it tells its permanent identity when it is asked for it though it has a pseudonym.
    """

    permanent: ClassVar[bytes]
    requests: ClassVar[Sequence[type[Message]]]
    rules: ClassVar[Rules] = RULES
    allows_notification: ClassVar[bool] = True

    def __init__(self, usim: Usim, *, result_indications: bool = False, reveal: bool = True) -> None:
        super().__init__()
        self.usim = usim
        self.wants_indications = result_indications
        self.reveal = reveal
        self.level = 0
        self.indications = False
        self.authenticated = False
        self.renewal: Renewal | None = None
        self.counter: int | None = None
        self.told: Told | None = None

    def begin(self, identity: bytes, random: Random) -> None:
        """Remembers whether the identity that was told is one for a fast re-authentication."""
        super().begin(identity, random)
        self.use(identity)

    def receive(self, data: bytes, packet: EapPacket) -> Body:
        """The response to any request; Client-Error to what can't be processed."""
        try:
            message = decode(data, self.requests)
            self.rule(message).check(message.attributes)
            return self.answer(message, packet)
        except (Unable, WireError) as error:
            return self.give_up(error)

    def answer(self, message: Message, packet: EapPacket) -> Body:
        """The response to a well-formed request."""
        match message:
            case Notice():
                return self.answer_notice(message, packet)
            case Reauthentication():
                return self.answer_reauthentication(message, packet)
        raise Unable(f"{type(message).__name__} of another method")

    def rule(self, message: Message) -> Rule:
        """What belongs into a request."""
        return self.rules[type(message), EapCode.REQUEST]

    def look_into(self, message: Message) -> Message:
        """The encrypted attributes of a request, if all is right with them."""
        clear = self.open(message)
        self.rule(message).check(clear.attributes, inner=True)
        check_padding(clear.attributes)
        return clear

    @property
    def takes_failure(self) -> bool:
        """Only after an error was told by one side or the other (RFC 4187 section 6.3.3)."""
        return self.done and self.decision is Decision.FAIL

    def give_up(self, error: Unable | WireError) -> ClientError:
        """Client-Error, after which only a Failure is expected."""
        self.info["error"] = str(error)
        self.done, self.decision = True, Decision.FAIL
        code = error.code if isinstance(error, Unable) else ClientErrorCode.UNABLE_TO_PROCESS
        self.mac_extra = b""
        return ClientError(attributes=(number(At.CLIENT_ERROR_CODE, code),))

    # --- identities -----------------------------------------------------------------------------------------------

    @property
    def permanent_identity(self) -> bytes:
        """The one with the IMSI."""
        return self.permanent + self.usim.imsi + self.usim.realm

    def identity_to_tell(self, configured: bytes) -> bytes:
        """For EAP-Response/Identity: the most private one that there is."""
        self.use(self.choose_identity(At.ANY_ID_REQ))
        return self.identity

    def choose_identity(self, asked: At) -> bytes:
        """The identity for a request of the server.

        Raises:
            Unable: the peer does not tell it.
        """
        renewal = self.renewal or self.usim.renewals.get(self.permanent)
        pseudonym = self.usim.pseudonyms.get(self.permanent)
        if asked == At.ANY_ID_REQ and renewal is not None:
            return renewal.identity
        if asked != At.PERMANENT_ID_REQ and pseudonym is not None:
            return pseudonym + self.usim.realm
        if pseudonym is not None and not self.reveal:
            raise Unable("the permanent identity, although there is a pseudonym")
        return self.permanent_identity

    def use(self, identity: bytes) -> None:
        """Goes on with the identity that has been told. One for a fast re-authentication is used up by that."""
        self.identity = identity
        renewal = self.renewal or self.usim.renewals.get(self.permanent)
        self.renewal = renewal if renewal is not None and renewal.identity == identity else None
        if self.renewal is not None:
            self.usim.renewals.pop(self.permanent, None)

    def identity_for(self, message: Message) -> tuple[Body, ...]:
        """AT_IDENTITY, if the message asks for an identity; each question must be a stronger one than the last."""
        asked = [kind for kind in _LEVELS if message.find(kind) is not None]
        if not asked:
            return ()
        if len(asked) > 1:
            raise Unable("several requests for the identity")
        if _LEVELS[asked[0]] <= self.level:
            raise Unable(f"AT_{asked[0]} after a stronger request")
        self.level = _LEVELS[asked[0]]
        self.use(self.choose_identity(asked[0]))
        return (Counted(At.IDENTITY, value=self.identity),)

    # --- after the challenge --------------------------------------------------------------------------------------

    def accept(self, keys: Keys, message: Message, clear: Message) -> tuple[Body, ...]:
        """The server is the right one: keeps keys and new identities; the attributes that the response has for that."""
        self.keys, self.msk, self.emsk = keys, keys.msk, keys.emsk
        self.authenticated = True
        if (name := clear.find(At.NEXT_PSEUDONYM)) is not None:
            self.usim.pseudonyms[self.permanent] = name.value
        next_identity = clear.find(At.NEXT_REAUTH_ID)
        self.usim.renewals.pop(self.permanent, None)
        if next_identity is not None:
            self.usim.renewals[self.permanent] = Renewal(next_identity.value, keys, self.counter or 0)
        self.indications = self.wants_indications and message.find(At.RESULT_IND) is not None
        self.decision = Decision.FAIL if self.indications else Decision.MAYBE
        return (mark(At.RESULT_IND),) if self.indications else ()

    def answered_checkcode(self, message: Message) -> tuple[Body, ...]:
        """AT_CHECKCODE, where the request has one."""
        return (AtCheckcode(checkcode=self.checkcode()),) if message.find(At.CHECKCODE) is not None else ()

    # --- notifications --------------------------------------------------------------------------------------------

    def answer_notice(self, message: Message, packet: EapPacket) -> Notice:
        """Takes what the server tells."""
        told = self.told = Told(message.need(At.NOTIFICATION).number)
        self.info["told"] = str(told)
        if told.before:
            return self.answer_early_notice(told, message)
        if not self.authenticated:
            raise Unable(f"notification {told} before authentication")
        self.demand_mac(packet, message)
        self.check_counter(message)
        if told.success:
            if not self.indications:
                raise Unable("success notified without result indications")
            self.decision = Decision.SUCCESS
        else:
            self.decision = Decision.FAIL
        self.done = True
        return Notice(attributes=(*self.counted(), AtMac()))

    def answer_early_notice(self, told: Told, message: Message) -> Notice:
        """A notification that nothing protects."""
        if self.authenticated or told.success or message.find(At.MAC) is not None:
            raise Unable(f"notification {told}, which can't be so at this point")
        self.done = True
        return Notice()

    def check_counter(self, message: Message) -> None:
        """After a fast re-authentication, a notification repeats its counter."""
        if self.counter is not None and self.look_into(message).need(At.COUNTER).number != self.counter:
            raise Unable("another counter")

    def counted(self) -> tuple[Body, ...]:
        """After a fast re-authentication, the counter."""
        return () if self.counter is None else self.hidden(number(At.COUNTER, self.counter))

    # --- fast re-authentication -----------------------------------------------------------------------------------

    def answer_reauthentication(self, message: Message, packet: EapPacket) -> Reauthentication:
        """Fresh keys from the old ones, if the counter is new."""
        if self.renewal is None or self.authenticated:
            raise Unable("fast re-authentication of nobody")
        self.keys = self.renewal.keys
        self.demand_mac(packet, message)
        self.demand_checkcode(message)
        clear = self.look_into(message)
        counter, nonce = clear.need(At.COUNTER).number, clear.need(At.NONCE_S).nonce
        hidden: list[Body] = [number(At.COUNTER, counter)]
        attributes = self.answered_checkcode(message)
        if self.is_new(counter):
            self.counter = counter
            keys = self.renewed(self.renewal.keys, counter, nonce)
            attributes += self.accept(keys, message, clear)
        else:
            self.renewal = None
            hidden.append(mark(At.COUNTER_TOO_SMALL))
        self.mac_extra = nonce
        return Reauthentication(attributes=(*self.hidden(*hidden), *attributes, AtMac()))

    def renewed(self, keys: Keys, counter: int, nonce: bytes) -> Keys:
        """The keys after a fast re-authentication."""
        return reauthenticated(keys, self.identity, counter, nonce)

    def is_new(self, counter: int) -> bool:
        """Whether a counter has not been used yet."""
        assert self.renewal is not None
        return counter > self.renewal.counter
