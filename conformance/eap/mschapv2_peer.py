"""The peer of EAP-MSCHAPv2."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest

from conformance.eap import mschap
from conformance.eap.errors import Discard, Failed
from conformance.eap.layout import Body
from conformance.eap.method import Decision, PeerMethod
from conformance.eap.mschapv2 import (
    KIND,
    REQUESTS,
    Challenge,
    ChangePassword,
    ErrorCode,
    Failure,
    FailureResponse,
    FailureText,
    Response,
    Success,
    SuccessResponse,
    decode,
)
from conformance.wire import EapPacket


class Mschapv2Peer(PeerMethod):
    """Proves the password and demands the same of the server.

    Args:
        password: the first one to try.
        name: in responses; by default the identity.
        retries: passwords to try next, where the server allows it.
        new_password: what to change an expired password to; None: does not change it.
    """

    kind = KIND

    def __init__(
        self, password: str, name: bytes | None = None, retries: Sequence[str] = (), new_password: str | None = None
    ) -> None:
        super().__init__()
        self.password = password
        self.given_name = name
        self.retries = list(retries)
        self.new_password = new_password
        self.challenge = b""
        self.peer_challenge = b""
        self.response: bytes | None = None
        self.failure: FailureText | None = None

    @property
    def name(self) -> bytes:
        """Name of the user, with any domain."""
        return self.identity if self.given_name is None else self.given_name

    def receive(self, data: bytes, packet: EapPacket) -> Body:
        """The response to any request."""
        match decode(data, REQUESTS):
            case Challenge() as body if self.response is None:
                return self.answer_challenge(body)
            case Success() as body if self.response is not None:
                return self.answer_success(body)
            case Failure() as body if self.response is not None:
                return self.answer_failure(body)
            case body:
                raise Discard(f"{type(body).__name__} {'without' if self.response is None else 'after'} a response")

    # --- challenge ------------------------------------------------------------------------------------------------

    def answer_challenge(self, body: Challenge) -> Response:
        """The first response."""
        if len(body.challenge) != 16:
            raise Discard(f"challenge of {len(body.challenge)} octets, expected 16")
        self.info["server"] = body.name.decode(errors="replace")
        return self.respond(body.challenge, body.id)

    def respond(self, challenge: bytes, number: int) -> Response:
        """A response with the current password."""
        self.challenge = challenge
        self.peer_challenge = self.random(16)
        self.response = mschap.nt_response(challenge, self.peer_challenge, self.name, self.password)
        return Response(id=number, peer_challenge=self.peer_challenge, nt_response=self.response, name=self.name)

    # --- success --------------------------------------------------------------------------------------------------

    def answer_success(self, body: Success) -> SuccessResponse:
        """Content with the server's proof."""
        assert self.response is not None
        if not self.accepts(body.message):
            raise Failed("wrong authenticator response")
        self.msk = mschap.msk(self.password, self.response)
        self.decision, self.done = Decision.SUCCESS, True
        return SuccessResponse()

    def accepts(self, message: bytes) -> bool:
        """Whether the server has proved that it knows the password."""
        assert self.response is not None
        due = mschap.authenticator_response(
            self.password, self.response, self.peer_challenge, self.challenge, self.name
        )
        return compare_digest(message[: len(due)].upper(), due) and message[len(due) : len(due) + 1] in (b"", b" ")

    # --- failure --------------------------------------------------------------------------------------------------

    def answer_failure(self, body: Failure) -> Body:
        """Another password, a new one instead of an expired one, or the end."""
        text = self.failure = FailureText.decode(body.message)
        self.info["failure"] = str(text.error)
        following = (body.id + 1) & 0xFF
        if text.challenge is not None:
            if text.error == ErrorCode.PASSWD_EXPIRED and self.new_password is not None:
                return self.change_password(self.new_password, text.challenge, following)
            if text.retry and self.retries:
                self.password = self.retries.pop(0)
                return self.respond(text.challenge, following)
        self.done = True
        return FailureResponse()

    def change_password(self, new: str, challenge: bytes, number: int) -> ChangePassword:
        """Changes the password, and proves the new one."""
        old, self.password, self.new_password = self.password, new, None
        response = self.respond(challenge, number)
        return ChangePassword(
            id=number,
            encrypted_password=mschap.encrypt_new_password(new, old, self.random(512)),
            encrypted_hash=mschap.old_hash_encrypted(new, old),
            peer_challenge=response.peer_challenge,
            nt_response=response.nt_response,
        )
