"""A packet of each kind that SIM, AKA and AKA' have, as good as it can be: the MAC is made when it is sent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.eap.layout import Body
from conformance.eap.simaka import (
    AkaChallenge,
    AkaIdentity,
    AuthenticationReject,
    ClientError,
    Message,
    Notice,
    Reauthentication,
    SimChallenge,
    SimStart,
    Subtype,
    SynchronizationFailure,
    Told,
    mark,
    number,
)
from conformance.eap.simaka_attributes import (
    At,
    AtAutn,
    AtAuts,
    AtIv,
    AtMac,
    AtNonceMt,
    AtNonceS,
    AtRand,
    AtRes,
    Attribute,
    Clear,
    Counted,
)
from suites.eap.roles import SIM, Way

IDENTITY = Counted(At.IDENTITY, value=b"nobody")
RENEWAL = (AtIv(), Clear(attributes=(number(At.COUNTER, 1),)), AtMac())

RESPONSES: dict[type[Message], Message] = {
    SimStart: SimStart(attributes=(IDENTITY, AtNonceMt(), number(At.SELECTED_VERSION, 1))),
    SimChallenge: SimChallenge(attributes=(AtMac(),)),
    AkaIdentity: AkaIdentity(attributes=(IDENTITY,)),
    AkaChallenge: AkaChallenge(attributes=(AtRes(res=bytes(8)), AtMac())),
    AuthenticationReject: AuthenticationReject(),
    SynchronizationFailure: SynchronizationFailure(attributes=(AtAuts(),)),
    Notice: Notice(attributes=(AtMac(),)),
    Reauthentication: Reauthentication(attributes=RENEWAL),
    ClientError: ClientError(attributes=(number(At.CLIENT_ERROR_CODE, 0),)),
    Message: Message(subtype=Subtype(99)),
}
"""What a peer says."""

REQUESTS: dict[type[Message], Message] = {
    SimStart: SimStart(attributes=(Counted(At.VERSION_LIST, value=b"\0\1"), mark(At.PERMANENT_ID_REQ))),
    SimChallenge: SimChallenge(attributes=(AtRand(rands=bytes(range(48))), AtMac())),
    AkaIdentity: AkaIdentity(attributes=(mark(At.PERMANENT_ID_REQ),)),
    AkaChallenge: AkaChallenge(attributes=(AtRand(rands=bytes(16)), AtAutn(), AtMac())),
    Notice: Notice(attributes=(number(At.NOTIFICATION, Told.SUCCESS), AtMac())),
    Reauthentication: Reauthentication(
        attributes=(AtIv(), Clear(attributes=(number(At.COUNTER, 1), AtNonceS())), AtMac())
    ),
    ClientError: ClientError(attributes=(number(At.CLIENT_ERROR_CODE, 0),)),
    Message: Message(subtype=Subtype(99)),
}
"""What a server says, or cannot say."""

SKIPPED, DEMANDED = Attribute(200, value=bytes(2)), Attribute(100, value=bytes(2))
"""Attributes that nobody knows: the one is skipped, the other one is an error."""


def challenge(way: Way) -> type[Message]:
    """The message that proves."""
    return SimChallenge if way == SIM else AkaChallenge


def section(way: Way, of_sim: str, of_aka: str) -> str:
    """The requirement of this method."""
    return f"RFC4186-{of_sim}" if way == SIM else f"RFC4187-{of_aka}"


def adding(one: Body, *, first: bool = True) -> Callable[[Any], Body]:
    """Another attribute in a message, in front of all others or behind them."""
    return lambda body: replace(body, attributes=(one, *body.attributes) if first else (*body.attributes, one))


def setting_of(kind: At, **values: Any) -> Callable[[Any], Body]:
    """Other values in the attributes of a type."""
    return lambda body: replace(
        body,
        attributes=tuple(
            replace(one, **values) if getattr(one, "type", None) == kind else one for one in body.attributes
        ),
    )


def without(*kinds: At) -> Callable[[Any], Body]:
    """The attributes of these types left out."""
    return lambda body: replace(
        body, attributes=tuple(one for one in body.attributes if getattr(one, "type", None) not in kinds)
    )
