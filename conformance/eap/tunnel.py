"""What the methods with a second authentication inside of TLS have in common: EAP-TTLS and PEAP."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.tls_frames import TlsLimits
from conformance.eap.tls_method import FRAGMENT, TlsMethod
from conformance.tls import TlsConfig


@dataclass(frozen=True, slots=True)
class InnerBend:
    """What is wrong with one message inside of the tunnel: the next one, or the next one of the class ``of``.

    An inner conversation of EAP has bends of its own; this one is of what carries it there.
    """

    text: str
    change: Callable[[Body], Body]
    of: type[Body] | None = None
    number: int | None = None
    """Which message it waits for, counted from 1."""


class TunnelMethod(TlsMethod):
    """Base of both sides.

    Attributes:
        inner_bends: what waits for its message; the texts of those that were used are in ``info``.
        said_inside: what this side has sent through the tunnel, before it was bent; the newest 64.
        count: how many messages there were.
        at_inner: gets the conversation of EAP in the tunnel before that begins.
    """

    def __init__(self, config: TlsConfig, *, size: int = FRAGMENT, limits: TlsLimits | None = None) -> None:
        super().__init__(config, size=size, limits=limits)
        self.inner_bends: list[InnerBend] = []
        self.said_inside: deque[Body] = deque(maxlen=64)
        self.count = 0
        self.at_inner: Callable[[Conversation], None] = lambda conversation: None

    def wrap(self, body: Body) -> bytes:
        """The bytes of a message for the tunnel."""
        self.count += 1
        self.said_inside.append(body)
        for bend in self.inner_bends:
            if bend.number in (None, self.count) and (bend.of is None or isinstance(body, bend.of)):
                self.inner_bends.remove(bend)
                self.info["bent"] = bend.text
                return bend.change(body).encode()
        return body.encode()
