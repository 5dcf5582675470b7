"""The bodies of EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2 section 2, RFC 2759 sections 3 to 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from conformance.eap.kind import Kind
from conformance.eap.layout import U8, U16, Body, Length, Octets, Rest
from conformance.wire import EapType, OpenEnum
from conformance.wire.errors import WireError

KIND = Kind(0, EapType.MSCHAPV2)
VALUE_SIZE = 49
"""Octets of a response between its Value-Size and its name."""


class OpCode(OpenEnum):
    """OpCode."""

    CHALLENGE = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4
    CHANGE_PASSWORD = 7


class ErrorCode(OpenEnum):
    """E= of a Failure (RFC 2759 section 6)."""

    RESTRICTED_LOGON_HOURS = 646
    ACCT_DISABLED = 647
    PASSWD_EXPIRED = 648
    NO_DIALIN_PERMISSION = 649
    AUTHENTICATION_FAILURE = 691
    CHANGING_PASSWORD = 709


@dataclass(frozen=True, slots=True, repr=False)
class Challenge(Body):
    """Challenge: the server begins."""

    op_code: U8 = OpCode.CHALLENGE
    id: U8 = 0
    ms_length: Annotated[int | None, Length(2)] = None
    value_size: Annotated[int | None, Length(1, of="challenge")] = None
    challenge: Annotated[bytes, Octets(16)] = bytes(16)
    name: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Response(Body):
    """Response: the peer's challenge and its answer to the server's."""

    op_code: U8 = OpCode.RESPONSE
    id: U8 = 0
    ms_length: Annotated[int | None, Length(2)] = None
    value_size: U8 = VALUE_SIZE
    peer_challenge: Annotated[bytes, Octets(16)] = bytes(16)
    reserved: Annotated[bytes, Octets(8)] = bytes(8)
    nt_response: Annotated[bytes, Octets(24)] = bytes(24)
    flags: U8 = 0
    name: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Success(Body):
    """Success request: "S=" and the proof that the server knows the password."""

    op_code: U8 = OpCode.SUCCESS
    id: U8 = 0
    ms_length: Annotated[int | None, Length(2)] = None
    message: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Failure(Body):
    """Failure request: the fields of `FailureText`."""

    op_code: U8 = OpCode.FAILURE
    id: U8 = 0
    ms_length: Annotated[int | None, Length(2)] = None
    message: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class SuccessResponse(Body):
    """Success response: the OpCode alone."""

    op_code: U8 = OpCode.SUCCESS


@dataclass(frozen=True, slots=True, repr=False)
class FailureResponse(Body):
    """Failure response: the OpCode alone."""

    op_code: U8 = OpCode.FAILURE


@dataclass(frozen=True, slots=True, repr=False)
class ChangePassword(Body):
    """Change-Password: the peer's answer to a failure of an expired password."""

    op_code: U8 = OpCode.CHANGE_PASSWORD
    id: U8 = 0
    ms_length: Annotated[int | None, Length(2)] = None
    encrypted_password: Annotated[bytes, Octets(516)] = bytes(516)
    encrypted_hash: Annotated[bytes, Octets(16)] = bytes(16)
    peer_challenge: Annotated[bytes, Octets(16)] = bytes(16)
    reserved: Annotated[bytes, Octets(8)] = bytes(8)
    nt_response: Annotated[bytes, Octets(24)] = bytes(24)
    flags: U16 = 0


REQUESTS: dict[int, type[Body]] = {
    OpCode.CHALLENGE: Challenge,
    OpCode.SUCCESS: Success,
    OpCode.FAILURE: Failure,
}
RESPONSES: dict[int, type[Body]] = {
    OpCode.RESPONSE: Response,
    OpCode.SUCCESS: SuccessResponse,
    OpCode.FAILURE: FailureResponse,
    OpCode.CHANGE_PASSWORD: ChangePassword,
}


def decode(data: bytes, bodies: dict[int, type[Body]]) -> Body:
    """The body with the OpCode that ``data`` begins with, one of `REQUESTS` or `RESPONSES`.

    Raises:
        WireError: malformed, or another OpCode.
    """
    if not data:
        raise WireError(0, "op_code", "0 bytes left, expected 1")
    if data[0] not in bodies:
        raise WireError(0, "op_code", f"{OpCode(data[0])}, expected one of {', '.join(map(str, bodies))}")
    return bodies[data[0]].decode(data)


@dataclass(frozen=True, slots=True)
class FailureText:
    """What the message of a Failure says.

    Attributes:
        error: E.
        retry: R.
        challenge: C, None where it is absent or not 32 hexadecimal digits.
        version: V, of the protocol that changes passwords.
        message: M, to be shown.
    """

    error: ErrorCode = ErrorCode.AUTHENTICATION_FAILURE
    retry: bool = False
    challenge: bytes | None = None
    version: int = 3
    message: bytes = b""

    def encode(self) -> bytes:
        """The message."""
        challenge = "" if self.challenge is None else f" C={self.challenge.hex().upper()}"
        return f"E={int(self.error)} R={int(self.retry)}{challenge} V={self.version} M=".encode() + self.message

    @classmethod
    def decode(cls, message: bytes) -> FailureText:
        """What can be read of a message; the rest has the values that promise least."""
        fields, _, text = message.partition(b"M=")
        found = dict(re.findall(rb"(?:^|(?<= ))([ERCV])=([0-9A-Fa-f]{1,32})(?= |$)", fields))

        def number(name: bytes) -> int:
            digits = found.get(name, b"")
            return int(digits) if digits.isdigit() and len(digits) <= 10 else 0

        challenge = found.get(b"C", b"")
        return cls(
            ErrorCode(number(b"E")),
            found.get(b"R") == b"1",
            bytes.fromhex(challenge.decode()) if len(challenge) == 32 else None,
            number(b"V"),
            text,
        )
