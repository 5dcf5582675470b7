"""Which attributes belong into which message (the tables in section 10.1 of RFC 4186 and 4187; RFC 9048 section 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
    SynchronizationFailure,
    Unable,
)
from conformance.eap.simaka_attributes import FIRST_SKIPPABLE, FORMS, At, AtPadding
from conformance.wire import EapCode


@dataclass(frozen=True, slots=True)
class Rule:
    """The attributes of a message, and those within its AT_ENCR_DATA; ``several`` may come more than once."""

    outer: frozenset[At] = frozenset()
    inner: frozenset[At] = frozenset()
    several: frozenset[At] = frozenset()

    def check(self, attributes: Iterable[Body], *, inner: bool = False) -> None:
        """Looks for what does not belong here, and for what is there twice.

        Raises:
            Unable: there is something. Attributes that nobody knows and that may be skipped are left alone.
        """
        allowed = self.inner | {At.PADDING} if inner else self.outer
        kinds = Counter(At(getattr(one, "type", 0)) for one in attributes)
        for kind, times in kinds.items():
            if kind not in allowed and (kind < FIRST_SKIPPABLE or kind in FORMS):
                raise Unable(f"AT_{kind}, which does not belong here")
            if times > 1 and kind not in self.several and kind in FORMS:
                raise Unable(f"AT_{kind} twice")
        if not inner and (At.IV in kinds) != (At.ENCR_DATA in kinds):
            raise Unable("only one of AT_IV and AT_ENCR_DATA")


def check_padding(attributes: tuple[Body, ...]) -> None:
    """AT_PADDING is the last one, of 4, 8 or 12 octets, and holds zeros (RFC 4187 section 10.12).

    Raises:
        Unable: it is not.
    """
    for place, one in enumerate(attributes):
        if isinstance(one, AtPadding) and (any(one.zeros) or len(one.zeros) > 10 or place < len(attributes) - 1):
            raise Unable("bad AT_PADDING")


def _rule(*outer: At, inner: tuple[At, ...] = (), hides: bool = False, several: tuple[At, ...] = ()) -> Rule:
    more = (At.IV, At.ENCR_DATA) if inner or hides else ()
    return Rule(frozenset((*outer, *more)), frozenset(inner), frozenset(several))


_ASKING = (At.PERMANENT_ID_REQ, At.ANY_ID_REQ, At.FULLAUTH_ID_REQ)
_GIFTS = (At.NEXT_PSEUDONYM, At.NEXT_REAUTH_ID)
_ENDING = (At.CHECKCODE, At.RESULT_IND, At.MAC)
_RENEWING = (At.COUNTER, At.NONCE_S, At.NEXT_REAUTH_ID)
Rules = Mapping[tuple[type[Message], EapCode], Rule]
REQUEST, RESPONSE = EapCode.REQUEST, EapCode.RESPONSE

RULES: Rules = {
    (SimStart, REQUEST): _rule(At.VERSION_LIST, *_ASKING),
    (SimStart, RESPONSE): _rule(At.SELECTED_VERSION, At.IDENTITY, At.NONCE_MT),
    (SimChallenge, REQUEST): _rule(At.RAND, At.RESULT_IND, At.MAC, inner=_GIFTS),
    (SimChallenge, RESPONSE): _rule(At.RESULT_IND, At.MAC, hides=True),
    (AkaIdentity, REQUEST): _rule(*_ASKING),
    (AkaIdentity, RESPONSE): _rule(At.IDENTITY),
    (AkaChallenge, REQUEST): _rule(At.RAND, At.AUTN, At.BIDDING, *_ENDING, inner=_GIFTS),
    (AkaChallenge, RESPONSE): _rule(At.RES, *_ENDING, hides=True),
    (Notice, REQUEST): _rule(At.NOTIFICATION, At.MAC, inner=(At.COUNTER,)),
    (Notice, RESPONSE): _rule(At.MAC, inner=(At.COUNTER,)),
    (Reauthentication, REQUEST): _rule(*_ENDING, inner=_RENEWING),
    (Reauthentication, RESPONSE): _rule(*_ENDING, inner=(At.COUNTER, At.COUNTER_TOO_SMALL)),
    (AuthenticationReject, RESPONSE): _rule(),
    (SynchronizationFailure, RESPONSE): _rule(At.AUTS),
    (ClientError, RESPONSE): _rule(At.CLIENT_ERROR_CODE),
}
"""Of EAP-SIM and EAP-AKA."""

PRIME_RULES: Rules = {
    **RULES,
    (AkaChallenge, REQUEST): _rule(At.RAND, At.AUTN, At.KDF, At.KDF_INPUT, *_ENDING, inner=_GIFTS, several=(At.KDF,)),
    (AkaChallenge, RESPONSE): _rule(At.RES, At.KDF, *_ENDING, hides=True),
    (SynchronizationFailure, RESPONSE): _rule(At.AUTS, At.KDF, several=(At.KDF,)),
}
"""Of EAP-AKA'."""
