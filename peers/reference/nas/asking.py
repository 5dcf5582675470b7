"""The IKE SA of a gateway that asks an AAA server for keys, and about who has proved who he is, as FlexVPN does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.ike.core.connection import Authorization, Credential, Eap, Party, Psk
from conformance.ike.core.events import Violation
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.radius.packet import Code, Packet
from conformance.wire import IDi, IDr, Message, Payload
from peers.reference.nas.merging import bare, merged
from peers.reference.nas.names import mangled, parts_of, parts_of_eap

KEY, USER, GROUP = "key", "user", "group"


@dataclass(frozen=True, slots=True)
class Question:
    """What an AAA server is asked: for the ``key`` of a name, or about a ``user`` or a ``group``."""

    kind: str
    name: bytes


class Waiting(Exception):  # noqa: N818 - nothing is wrong
    """The response has to wait for the answers to questions."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__("waits for an AAA server")
        self.questions = questions


class AskingSa(IkeSa):
    """Waits with its response for what the AAA server says.

    Attributes:
        asking: the request whose response waits.
        questions: what the response waits for, of which ``unasked`` has not been sent yet.
        said: what the server has said to each kind of them, None: nothing, or no.
        grant: what it has granted in all.
        user: who he is for the server.
    """

    asking: Message | None = None
    questions: Sequence[Question] = ()
    unasked: Sequence[Question] = ()
    grant: Packet | None = None
    user: bytes = b""

    def __init__(self, *given: object, **named: object) -> None:
        """Nothing is asked yet."""
        super().__init__(*given, **named)  # type: ignore[arg-type]
        self.said: dict[str, Packet | None] = {}

    def process(self, message: Message) -> Sequence[Payload] | None:
        """No response as long as somebody else thinks about it."""
        try:
            return super().process(message)
        except Waiting as waiting:
            self.questions = self.unasked = waiting.questions
            self.asking = message
            return None

    def on_request(self, message: Message) -> None:
        """While that lasts, a repetition begins nothing anew."""
        if self.asking is None:
            super().on_request(message)
        else:
            self.drop("a request is being worked on")

    def was_told(self, question: Question, answer: Packet | None) -> None:
        """The server has said something, or nothing in time; go on once all is answered."""
        self.said[question.kind] = answer if answer is not None and answer.code == Code.ACCESS_ACCEPT else None
        if self.asking is None or any(one.kind not in self.said for one in self.questions):
            return
        request, self.asking, self.questions = self.asking, None, ()
        if self.state != State.CLOSED:
            payloads = self.process(request)
            if payloads is not None:
                self.respond(request, payloads)

    def ask(self, *questions: Question) -> None:
        """Raises Waiting where something of this was not asked yet."""
        new = [one for one in questions if one.kind not in self.said]
        if new:
            raise Waiting(new)

    # --- who he is ------------------------------------------------------------------------------------------------

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        """Get the key first; then ask about whoever has proved who he is. Raises Violation."""
        if isinstance(identity, IDi) and self.has_remote_key():
            self.get_key(identity)
        super().check_peer(identity, message)
        if isinstance(identity, IDi) and self.connection.authorization is not None:
            self.authorize(identity, self.connection.authorization)

    def has_remote_key(self) -> bool:
        """Whether the other side's key is elsewhere."""
        auth = self.peer_party().auth
        return not self.initiator and isinstance(auth, Psk) and auth.aaa > 0

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        """Whoever has a key there may come."""
        return self.has_remote_key() or super().identity_matches(expected, identity)

    def get_key(self, identity: IDi) -> None:
        """Ask for his key. Raises Violation where there is none, as if he had the wrong one."""
        name = mangled(self.connection.aaa_name, identity.data, parts_of(identity))
        if name is None:
            raise Violation("his identity makes no name to ask for")
        self.ask(Question(KEY, name))
        self.user = identity.data
        if not any(self.keys_of(self.said[KEY])):
            raise Violation("the AAA server has no key for him")
        self.grant = self.grant or bare(self.said[KEY])

    def keys_of(self, answer: Packet | None) -> tuple[bytes, bytes]:
        """His key and ours: one for both (RFC 2868, section 3.5), or a pair of Cisco's for each."""
        if answer is None:
            return b"", b""
        pairs = answer.pairs
        both = next(iter(answer.all("Tunnel-Password")), b"") or pairs.get("ipsec:tunnel-password", "").encode()
        words = ("ipsec:ikev2-password-remote", "ipsec:ikev2-password-local")
        his, ours = (pairs.get(one, "").encode() or both for one in words)
        return (his, ours) if his and ours else (b"", b"")

    def peer_credential(self) -> Credential:
        """His key, from where it is."""
        return self.remote_key(super().peer_credential(), 0)

    def own_credential(self) -> Credential:
        """Ours is there, too."""
        return self.remote_key(super().own_credential(), 1)

    def remote_key(self, configured: Credential, at: int) -> Credential:
        """One of both keys, once we have them."""
        found = self.keys_of(self.said.get(KEY))[at]
        return Psk(found) if found else configured

    # --- what he may ----------------------------------------------------------------------------------------------

    def authorize(self, identity: IDi, wanted: Authorization) -> None:
        """Ask about him and his group, and go by what that says. Raises Violation where it says no."""
        whole, parts = self.names_of(identity)
        questions = []
        for kind, rule in ((USER, wanted.user), (GROUP, wanted.group)):
            if rule is not None:
                name = mangled(rule, whole, parts)
                if name is None:
                    raise Violation(f"his identity makes no name to ask about the {kind}")
                questions.append(Question(kind, name))
        self.ask(*questions)
        refused = [one.kind for one in questions if self.said[one.kind] is None]
        if refused:
            raise Violation(f"the AAA server refuses the {refused[0]}")
        self.user = self.user or whole
        self.grant = self.granted(wanted)

    def names_of(self, identity: IDi) -> tuple[bytes, dict[str, bytes]]:
        """By what he is called, and its parts: after EAP that is the name which the server has given him."""
        if isinstance(self.peer_party().auth, Eap) and self.grant is not None:
            name = next(iter(self.grant.raw(1)), self.user)
            return name, parts_of_eap(name)
        return identity.data, parts_of(identity)

    def granted(self, wanted: Authorization) -> Packet | None:
        """All that counts, the strongest first: of himself, of what came with the proof, of his group."""
        by_proof = self.said.get(KEY) or self.grant
        cached = [by_proof] if wanted.cached else [bare(by_proof)]
        found = [self.said.get(USER), *cached]
        group = [self.said.get(GROUP)]
        order = [*group, *found] if wanted.group_first else [*found, *group]
        return merged(one for one in order if one is not None) or self.grant
