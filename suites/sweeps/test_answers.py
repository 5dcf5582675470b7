"""Sweeps over what may stand in a response, the device as initiator."""

from suites.sweeps import registries as of
from suites.sweeps.answers import InAuthResponse, InInitResponse, of_answers
from suites.sweeps.making import Row, purposes

BOTH = (InInitResponse, InAuthResponse)

purposes(__name__, (
    Row(of_answers(of.PAYLOAD_TYPES), BOTH, "payload types that are not critical, empty and with contents,"),
    Row(of_answers(of.NOTIFY_TYPES), BOTH, "status types of a notify, with and without data,"),
    Row(of_answers(of.NOTIFY_PROTOCOLS), BOTH, "protocols of a notify"),
))  # fmt: skip
