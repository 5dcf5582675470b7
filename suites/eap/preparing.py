"""Our side of EAP as a purpose wants it: what its methods ask, offer and expect."""

from collections.abc import Callable
from typing import Any

from conformance.eap.conversation import Conversation
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from suites.eap.roles import CARDS, Way

Prepare = Callable[[Conversation], None]


def plainly(conversation: Conversation) -> None:
    """Our side is as it is."""


def setting(**values: Any) -> Prepare:
    """Attributes of our methods, where they have them: ``setting(ask=True)``."""

    def prepare(conversation: Conversation) -> None:
        assert isinstance(conversation, EapPeer | EapServer)
        for method in conversation.methods:
            for name, value in values.items():
                if hasattr(method, name):
                    setattr(method, name, value)

    return prepare


def preparation(way: Way) -> Prepare:
    """As server we ask a card for its identity first, so that there is more to be wrong."""
    return setting(ask=True) if way in CARDS else plainly
