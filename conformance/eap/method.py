"""What a method is to the framework, on both sides (the interface of RFC 4137, without its variables).

A method object serves one conversation. What lasts longer (a USIM, pseudonyms, TLS sessions) belongs to objects that
it is made with.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.kind import Kind
from conformance.eap.layout import Body
from conformance.wire import EapPacket


class Decision(Enum):
    """What a peer's method thinks of success at this point (``decision`` of RFC 4137 section 4.2)."""

    FAIL = "no success yet"
    MAYBE = "success or failure, as the server says"
    SUCCESS = "both sides know of the success; a Failure is forged"


class Method:
    """Base of both sides.

    Attributes:
        kind: the type of the method.
        identity: of the peer, as the Identity response has it.
        random: source of all random octets.
        identifier: of the packet that is about to be made.
        msk: Master Session Key, at least 64 octets; None until there is one, and for methods that make none.
        emsk: Extended Master Session Key, at least 64 octets.
        info: what the method learned and its user may want to see, by name.
    """

    kind: ClassVar[Kind]
    allows_notification: ClassVar[bool] = True

    def __init__(self) -> None:
        self.identity: bytes = b""
        self.random: Random = bytes
        self.identifier: int = 0
        self.msk: bytes | None = None
        self.emsk: bytes | None = None
        self.info: dict[str, str] = {}

    @property
    def mppe_keys(self) -> tuple[bytes, bytes]:
        """MS-MPPE-Recv-Key and MS-MPPE-Send-Key in which a RADIUS server hands out the MSK (RFC 5247 section 1.5)."""
        assert self.msk is not None
        return self.msk[:32], self.msk[32:64]

    def begin(self, identity: bytes, random: Random) -> None:
        """The method has been chosen; called once, before anything else."""
        self.identity, self.random = identity, random

    def seal(self, body: Body, wrap: Callable[[Body], bytes]) -> Body:
        """Computes what depends on the finished packet: encryption, MACs.

        Args:
            body: what `receive` or `start` returned, perhaps bent.
            wrap: the bytes of the packet in which a body travels.
        """
        return body


class PeerMethod(Method):
    """The peer's side.

    Attributes:
        decision: whether an EAP-Success would be right now.
        done: nothing but Success and Failure is expected any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.decision = Decision.FAIL
        self.done = False

    @property
    def takes_failure(self) -> bool:
        """Whether an EAP-Failure would be believed now."""
        return self.decision is not Decision.SUCCESS

    def identity_to_tell(self, configured: bytes) -> bytes:
        """What the Identity response says where this is the peer's first method: a pseudonym, for example."""
        return configured

    def receive(self, data: bytes, packet: EapPacket) -> Body:
        """Takes the Type-Data of a Request, and gives that of the Response.

        Raises:
            Discard: the request is to be ignored.
            Failed: the peer gives up without an answer. (One that gives up with an answer sets ``done`` instead.)
            WireError: as Discard.
        """
        raise NotImplementedError


class ServerMethod(Method):
    """The server's side.

    Attributes:
        done: no further request; ``succeeded`` says how it ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self.succeeded = False

    def start(self) -> Body:
        """Type-Data of the first Request."""
        raise NotImplementedError

    def receive(self, data: bytes, packet: EapPacket) -> Body | None:
        """Takes the Type-Data of a Response, and gives that of the next Request, or None where the method is ``done``.

        Raises:
            Discard: the response is to be ignored.
            Failed: the conversation ends in Failure.
            WireError: as Discard.
        """
        raise NotImplementedError

    def end(self, succeeded: bool) -> None:
        """The method is over; returned value of `receive` is None."""
        self.done, self.succeeded = True, succeeded
