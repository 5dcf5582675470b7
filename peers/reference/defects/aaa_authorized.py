"""Defects of whom an AAA server is asked about, and of whose word counts."""

import re

from conformance.ike.core.connection import Authorization
from conformance.ike.core.events import Violation
from conformance.radius.packet import Code, Packet
from conformance.wire import IDi, IDr, Message
from peers.reference.defects.registry import defect
from peers.reference.nas.asking import KEY, USER, Question
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa

# --- when -------------------------------------------------------------------------------------------------------------


@defect("aaa-authz-unproved")
class AsksFirst(GatewaySa):
    """Asks about a peer before he has proved who he is."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        wanted = self.connection.authorization
        if isinstance(identity, IDi) and wanted is not None:
            self.authorize(identity, wanted)
        super().check_peer(identity, message)


@defect(
    "aaa-authz-reject", "aaa-authz-challenge", "aaa-authz-silence", "aaa-authz-user-refused", "aaa-authz-group-refused",
    "aaa-authz-false",
)  # fmt: skip
class AsksForAttributesOnly(GatewaySa):
    """Lets in whoever has proved who he is, with whatever the server grants him."""

    def authorize(self, identity: IDi, wanted: Authorization) -> None:
        try:
            super().authorize(identity, wanted)
        except Violation:
            return


@defect("aaa-authz-late")
class AsksAgainAboutPeers(GatewaySa):
    """Asks about a peer anew with each repetition of his request."""

    def on_request(self, message: Message) -> None:
        if self.asking is not None:
            self.unasked = self.questions
        super().on_request(message)


@defect("aaa-authz-rekey")
class RemembersAnswers(Nas):
    """Goes by what the server has said of a name for the first time."""

    def told(self, sa: GatewaySa, question: Question, answer: Packet | None) -> None:
        known: dict[Question, Packet] = self.__dict__.setdefault("_known", {})
        if answer is not None and answer.code == Code.ACCESS_ACCEPT:
            answer = known.setdefault(question, answer)
        super().told(sa, question, answer)


# --- by which name ----------------------------------------------------------------------------------------------------


class OtherNames(GatewaySa):
    """Asks about other names."""

    def other(self, name: bytes) -> bytes:
        """The name in place of one."""
        raise NotImplementedError

    def ask(self, *questions: Question) -> None:
        super().ask(*(Question(one.kind, self.other(one.name)) for one in questions))


@defect(
    "aaa-authz", "aaa-authz-host", "aaa-authz-domain", "aaa-authz-mail-user", "aaa-authz-mail-domain",
    "aaa-authz-several", "aaa-authz-both", "aaa-authz-fixed", "aaa-psk-host",
)  # fmt: skip
class WholeIdentity(OtherNames):
    """Asks about the whole identity and the part of it in one."""

    def other(self, name: bytes) -> bytes:
        return name + b"@" + self.claimed.data if self.claimed is not None else name


@defect("aaa-psk-dn", "aaa-psk-dn-letters")
class PlainNames(OtherNames):
    """Asks for the letters and digits at the beginning of a name."""

    def other(self, name: bytes) -> bytes:
        found = re.match(rb"[A-Za-z0-9]*", name)
        return found[0] if found else b""


@defect("aaa-psk-nameless", "aaa-psk-other-kind", "aaa-psk-dn-missing")
class WholeIdentityInstead(GatewaySa):
    """Asks about the whole identity where it makes no name."""

    def get_key(self, identity: IDi) -> None:
        try:
            super().get_key(identity)
        except Violation:
            self.ask(Question(KEY, identity.data))
            raise


@defect("aaa-authz-eap-name")
class NameOfTheUser(GatewaySa):
    """Asks about the name that the user has given in EAP, whatever the server calls him."""

    def names_of(self, identity: IDi) -> tuple[bytes, dict[str, bytes]]:
        return self.user, {"eap:realm": self.user}


# --- whose word counts ------------------------------------------------------------------------------------------------


@defect("aaa-authz-merge")
class StrongestOnly(GatewaySa):
    """Takes what one source grants, and nothing of the others."""

    def granted(self, wanted: Authorization) -> Packet | None:
        return self.said.get(USER) or super().granted(wanted)


@defect("aaa-authz-user-first", "aaa-authz-group-first")
class OtherOrder(GatewaySa):
    """Takes the users for the groups."""

    def granted(self, wanted: Authorization) -> Packet | None:
        order = Authorization(wanted.user, wanted.group, wanted.cached, not wanted.group_first)
        return super().granted(order)


@defect("aaa-authz-cached")
class NothingCached(GatewaySa):
    """Forgets what came with the key."""

    def granted(self, wanted: Authorization) -> Packet | None:
        return super().granted(Authorization(wanted.user, wanted.group))


@defect("aaa-authz-uncached")
class AllCached(GatewaySa):
    """Takes all that comes with a key."""

    def get_key(self, identity: IDi) -> None:
        super().get_key(identity)
        self.grant = self.said[KEY]
