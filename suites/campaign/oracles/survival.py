"""Whether an IKE SA lives through what the device has refused (RFC 7296, section 2.21)."""

from collections.abc import Sequence

from conformance.script.sa import ScriptedSa, ends_ike_sa, fatal
from conformance.script.trace import Entry
from conformance.wire import FLAG_RESPONSE, HEADER_SIZE, ExchangeType, Message, NotifyType
from suites.campaign.case import Problem
from suites.campaign.execute import Done, Executor
from suites.campaign.oracles.requirement import LOST
from suites.campaign.scene import Scene

GIVEN_UP = Problem(
    "requirement",
    "given up: an IKE SA survives a request that is refused",
    "the IKE SA answers no more after an error that does not end it, and nobody has deleted it",
    "RFC7296-2.21-4",
)

_MILD = frozenset(
    {
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD,
        NotifyType.NO_PROPOSAL_CHOSEN,
        NotifyType.INVALID_KE_PAYLOAD,
        NotifyType.NO_ADDITIONAL_SAS,
        NotifyType.TS_UNACCEPTABLE,
        NotifyType.SINGLE_PAIR_REQUIRED,
        NotifyType.INTERNAL_ADDRESS_FAILURE,
        NotifyType.FAILED_CP_REQUIRED,
        NotifyType.TEMPORARY_FAILURE,
        NotifyType.CHILD_SA_NOT_FOUND,
    }
)
"""Errors that refuse a request, and nothing else."""


def loss(scene: Scene, done: Done, executor: Executor) -> Problem | None:
    """What an IKE SA that is lost says of the device, if anything."""
    if not (scene.state.up and scene.up and scene.lost and done.datagrams):
        return None
    if not done.genuine:
        return LOST
    given_up = refused(scene.peer.trace.entries, done.entries, scene.ike)
    return GIVEN_UP if given_up and not executor.lives(scene, patient=True) else None


def refused(trace: Sequence[Entry], entries: Sequence[Entry], sa: ScriptedSa) -> bool:
    """Whether a single request was sent to an IKE SA that is up, and an error has refused it that does not end it.

    ``trace`` is all of it, ``entries`` are those of the case. An INFORMATIONAL request right after IKE_AUTH is left
    out: there an unknown critical payload may end the IKE SA (section 2.21.2).
    """
    sent = [sa.peer.octets(one.datagram) for one in entries if one.sent and one.datagram is not None]
    if not sent or any(len(one) < HEADER_SIZE or one[19] & FLAG_RESPONSE for one in sent):
        return False
    numbers = {int.from_bytes(one[20:24], "big") for one in sent}
    first = next(at for at, one in enumerate(trace) if one is entries[0])
    came = [one.message for one in trace[first:] if not one.sent and one.message is not None and one.encrypted]
    answers = [one for one in came if one.is_response and one.message_id in numbers]
    if len(numbers) != 1 or not answers or not all(map(_mild, answers)) or any(map(ends_ike_sa, came)):
        return False
    before = (one.message for one in trace[:first])
    last = max((one.message_id for one in before if one and one.exchange == ExchangeType.IKE_AUTH), default=0)
    return answers[0].exchange != ExchangeType.INFORMATIONAL or answers[0].message_id > last + 1


def _mild(answer: Message) -> bool:
    error = fatal(answer)
    return error is not None and error.type in _MILD
