"""Several authentications of the initiator, one after the other (RFC 4739)."""

from collections.abc import Sequence

from conformance.ike.core.connection import Eap, Party
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.spine import Spine
from conformance.wire import AUTH, EAP, Message, Notify, NotifyType, Payload

_SUPPORTED, _FOLLOWS = NotifyType.MULTIPLE_AUTH_SUPPORTED, NotifyType.ANOTHER_AUTH_FOLLOWS


class MultipleAuth(Spine):
    """What an initiator proves beside its first identity; the connection says how often. ``proved`` counts.

    ``multiple``: the peer can do it, too. ``another_follows``: what has just been proved is not all.
    """

    proved: int = 0
    multiple: bool = False
    another_follows: bool = False

    # --- both roles -----------------------------------------------------------------------------------------------

    def parties(self) -> tuple[Party, ...]:
        """Whom the initiator proves to be, in this order."""
        first = self.connection.local if self.initiator else self.connection.remote
        return (first, *first.further)

    def own_party(self) -> Party:
        """Of an initiator the one that is next."""
        return self.parties()[self.proved] if self.initiator else super().own_party()

    def peer_party(self) -> Party:
        """Of an initiator the one that is next."""
        return super().peer_party() if self.initiator else self.parties()[self.proved]

    def more(self) -> bool:
        """Whether another one comes after the one that is next."""
        return self.multiple and self.proved + 1 < len(self.parties())

    def next_proof(self) -> None:
        """The next one."""
        super().next_proof()
        self.proved += 1
        self.another_follows = False

    def repeats_proof(self) -> bool:
        """Whether the responder proves itself with this round: in the first one, and with the key of any EAP."""
        initiators = (self.own_party() if self.initiator else self.peer_party()).auth
        return not self.proved or isinstance(initiators, Eap)

    # --- what is announced ----------------------------------------------------------------------------------------

    def init_notifies(self) -> list[Notify]:
        """The responder says in IKE_SA_INIT that it can do it (RFC 4739, section 2.1)."""
        mine = [Notify(_SUPPORTED)] if not self.initiator and len(self.parties()) > 1 else []
        return [*super().init_notifies(), *mine]

    def init_announced(self, message: Message) -> None:
        """Whether the responder can do it."""
        super().init_announced(message)
        self.multiple = self.multiple or message.notify(_SUPPORTED) is not None

    def auth_notifies(self) -> list[Notify]:
        """The initiator says so in its first IKE_AUTH request."""
        mine = [Notify(_SUPPORTED)] if self.initiator and self.multiple and len(self.parties()) > 1 else []
        return [*super().auth_notifies(), *mine]

    def own_proof(self) -> list[Payload]:
        """An initiator says with its proof that another one follows; a responder does not repeat its own."""
        found = super().own_proof()
        if self.initiator:
            self.another_follows = bool(found) and self.more()
            return [*found, Notify(_FOLLOWS)] if self.another_follows else found
        return found if self.repeats_proof() else []

    # --- rounds ---------------------------------------------------------------------------------------------------

    def proof_is_due(self) -> bool:
        """The responder does not repeat what it has proved."""
        return super().proof_is_due() and self.repeats_proof()

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        """Once a proof has been taken, the next one."""
        if not self.another_follows or message.first(EAP) is not None or self.is_refused(message):
            return super().next_round(message)
        if self.proof_is_due() or message.first(AUTH) is not None:
            if self.claimed is None:
                raise Violation("IKE_AUTH response without IDr")
            self.check_peer(self.claimed, message)
        self.next_proof()
        return [*self.introduction(), *self.own_proof()]

    def is_refused(self, message: Message) -> bool:
        """Whether a response is an error: then nothing follows."""
        return self.refusal_in(message) is not None

    def takes_identity(self) -> bool:
        """Each round says anew who the initiator is."""
        return super().takes_identity() or self.another_follows

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        """Take a proof after which another one follows; who has to prove more must do so."""
        self.multiple = self.multiple or message.notify(_SUPPORTED) is not None
        if self.another_follows:
            self.next_proof()
        further = super().answer_round(message)
        if further is not None:
            return further
        if message.notify(_FOLLOWS) is None or not self.more():
            if self.proved + 1 < len(self.parties()):
                raise Refusal(NotifyType.AUTHENTICATION_FAILED, "another authentication is missing", fatal=True)
            return None
        return self.take_proof(message)

    def take_proof(self, message: Message) -> Sequence[Payload]:
        """Check a proof that is not the last one."""
        assert self.claimed is not None
        try:
            self.check_peer(self.claimed, message)
            ours = [*(self.introduction() if message is self.opening else ()), *self.own_proof()]
        except Violation as violation:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, str(violation), fatal=True) from None
        self.another_follows = True
        return ours
