"""The server of EAP-MSCHAPv2."""

from __future__ import annotations

from collections.abc import MutableMapping
from hmac import compare_digest

from conformance.eap import mschap
from conformance.eap.errors import Discard
from conformance.eap.layout import Body
from conformance.eap.method import ServerMethod
from conformance.eap.mschapv2 import (
    KIND,
    RESPONSES,
    VALUE_SIZE,
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


class Mschapv2Server(ServerMethod):
    """Checks a password and proves that it knows it.

    Args:
        users: identity to password; changed where a peer changes its password.
        name: of the server.
        retries: how many further responses it allows after a wrong one.
        errors: accounts with something wrong; a password that is PASSWD_EXPIRED may be changed.
        text: the M= of Success and Failure.
    """

    kind = KIND

    def __init__(
        self,
        users: MutableMapping[bytes, str],
        name: bytes = b"ikespec",
        retries: int = 0,
        errors: MutableMapping[bytes, ErrorCode] | None = None,
        text: bytes = b"",
    ) -> None:
        super().__init__()
        self.users = users
        self.name = name
        self.retries = retries
        self.errors = {} if errors is None else errors
        self.text = text
        self.challenge = b""
        self.number = 0
        self.asks: tuple[type[Body], ...] = (Response,)

    @property
    def mppe_keys(self) -> tuple[bytes, bytes]:
        """Both of 16 octets, as every server hands them out: the zeros of the MSK stay at home."""
        assert self.msk is not None
        return self.msk[:16], self.msk[16:32]

    def start(self) -> Challenge:
        """The challenge."""
        self.challenge = self.random(16)
        self.number = self.identifier
        return Challenge(id=self.number, challenge=self.challenge, name=self.name)

    def receive(self, data: bytes, packet: EapPacket) -> Body | None:
        """The next request, None at the end."""
        body = decode(data, RESPONSES)
        if not isinstance(body, self.asks):
            raise Discard(f"{type(body).__name__}, expected {' or '.join(one.__name__ for one in self.asks)}")
        match body:
            case Response():
                return self.take_response(body)
            case ChangePassword():
                return self.take_change(body)
            case SuccessResponse() | FailureResponse():
                self.end(isinstance(body, SuccessResponse))
        return None

    # --- a response -----------------------------------------------------------------------------------------------

    def take_response(self, body: Response) -> Body:
        """Success, or what is wrong."""
        if not self.is_right_id(body.id):
            raise Discard(f"response with ID {body.id}, expected {self.number}")
        if body.value_size != VALUE_SIZE:
            raise Discard(f"response of {body.value_size} octets, expected {VALUE_SIZE}")
        self.number = body.id
        if not self.is_right(body):
            self.retries -= 1
            return self.refuse(ErrorCode.AUTHENTICATION_FAILURE, retry=self.retries >= 0)
        error = self.errors.get(self.identity)
        if error is not None:
            return self.refuse(error)
        return self.accept(self.users[self.identity], body.peer_challenge, body.nt_response, body.name)

    def is_right_id(self, number: int) -> bool:
        """Whether a response bears the ID of the challenge, or after a failure the next one."""
        return number == self.number

    def is_right(self, body: Response) -> bool:
        """Whether name and response are those of the user."""
        password = self.users.get(self.identity)
        if password is None or mschap.bare_name(body.name) != mschap.bare_name(self.identity):
            return False
        due = mschap.nt_response(self.challenge, body.peer_challenge, body.name, password)
        return compare_digest(due, body.nt_response)

    def accept(self, password: str, peer_challenge: bytes, response: bytes, name: bytes) -> Success:
        """The proof that the server knows the password, and the keys."""
        proof = self.prove(password, peer_challenge, response, name)
        self.msk = mschap.msk(password, response)
        self.asks = (SuccessResponse,)
        return Success(id=self.number, message=proof + b" M=" + self.text)

    def prove(self, password: str, peer_challenge: bytes, response: bytes, name: bytes) -> bytes:
        """The authenticator response."""
        return mschap.authenticator_response(password, response, peer_challenge, self.challenge, name)

    # --- failure --------------------------------------------------------------------------------------------------

    def refuse(self, error: ErrorCode, *, retry: bool = False) -> Failure:
        """A failure, with a new challenge; the peer may answer it where it allows a retry or a change."""
        self.challenge = self.random(16)
        number = self.number
        self.asks = (FailureResponse,)
        if retry:
            self.asks = (FailureResponse, Response)
        elif error == ErrorCode.PASSWD_EXPIRED:
            self.asks = (FailureResponse, ChangePassword)
        self.number = (number + 1) & 0xFF
        return Failure(id=number, message=FailureText(error, retry, self.challenge, message=self.text).encode())

    def take_change(self, body: ChangePassword) -> Body:
        """Changes the password of the user, where the block is right."""
        if not self.is_right_id(body.id):
            raise Discard(f"Change-Password with ID {body.id}, expected {self.number}")
        old = self.users[self.identity]
        new = mschap.decrypt_new_password(body.encrypted_password, old)
        if new is None or not self.is_right_change(body, old, new):
            return self.refuse(ErrorCode.CHANGING_PASSWORD)
        self.users[self.identity] = new
        self.errors.pop(self.identity, None)
        return self.accept(new, body.peer_challenge, body.nt_response, self.identity)

    def is_right_change(self, body: ChangePassword, old: str, new: str) -> bool:
        """Whether both halves fit, and the response is that of the new password."""
        due = mschap.nt_response(self.challenge, body.peer_challenge, self.identity, new)
        return mschap.old_hash_encrypted(new, old) == body.encrypted_hash and compare_digest(due, body.nt_response)
