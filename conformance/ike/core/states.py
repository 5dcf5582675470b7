"""The states of an IKE SA as a table: what comes, what is said to it, and what follows.

`tests/ike/test_states.py` does each row with two IKE SAs and holds it against the code, and `docs/ike-sa.md` shows it.
"""

from dataclasses import dataclass

from conformance.ike.core.sending import State


@dataclass(frozen=True, slots=True)
class Row:
    """In ``state`` comes ``event``: then ``reaction`` is sent, and the state is ``after``.

    ``role`` is that of the IKE SA, empty where it does not matter. ``reaction`` names a message and payloads that it
    has among others (``IKE_AUTH response: AUTH, SA``); empty: nothing is sent. ``section`` is that of RFC 7296.
    """

    state: State
    role: str
    event: str
    reaction: str
    after: State
    section: str


INITIATOR, RESPONDER, EITHER = "initiator", "responder", ""

LAST_RESPONSE = "the last response, the same octets"
"""A reaction that is no new message."""

NEW, HALF_OPEN, ESTABLISHED, REKEYED, CLOSED = State

TABLE = (
    # --- nothing is agreed yet
    Row(NEW, INITIATOR, "order to open it", "IKE_SA_INIT request: SA, KE, Ni", NEW, "1.2"),
    Row(NEW, INITIATOR, "COOKIE", "IKE_SA_INIT request: N(COOKIE), SA, KE, Ni", NEW, "2.6"),
    Row(NEW, INITIATOR, "INVALID_KE_PAYLOAD", "IKE_SA_INIT request: SA, KE, Ni", NEW, "1.2"),
    Row(NEW, INITIATOR, "another error in IKE_SA_INIT", "", NEW, "2.21.1"),
    Row(NEW, INITIATOR, "IKE_SA_INIT response that cannot be taken", "", NEW, "2.21.1"),
    Row(NEW, INITIATOR, "IKE_SA_INIT response", "IKE_AUTH request: IDi, AUTH, SA, TSi, TSr", HALF_OPEN, "1.2"),
    Row(NEW, INITIATOR, "no response at all", "", CLOSED, "2.4"),
    Row(NEW, RESPONDER, "IKE_SA_INIT request", "IKE_SA_INIT response: SA, KE, Nr", HALF_OPEN, "1.2"),
    Row(NEW, RESPONDER, "IKE_SA_INIT request with another group than ours",
        "IKE_SA_INIT response: N(INVALID_KE_PAYLOAD)", CLOSED, "1.2"),
    # --- keys, but nobody is authenticated
    Row(HALF_OPEN, INITIATOR, "IKE_AUTH response", "", ESTABLISHED, "1.2"),
    Row(HALF_OPEN, INITIATOR, "IKE_AUTH response without Child SA", "", ESTABLISHED, "2.21.2"),
    Row(HALF_OPEN, INITIATOR, "IKE_AUTH response with a wrong proof", "", CLOSED, "2.15"),
    Row(HALF_OPEN, INITIATOR, "AUTHENTICATION_FAILED in IKE_AUTH", "", CLOSED, "2.21.2"),
    Row(HALF_OPEN, INITIATOR, "any request", "", HALF_OPEN, "2.2"),
    Row(HALF_OPEN, INITIATOR, "no response at all", "", CLOSED, "2.4"),
    Row(HALF_OPEN, RESPONDER, "the IKE_SA_INIT request again", LAST_RESPONSE, HALF_OPEN, "2.1"),
    Row(HALF_OPEN, RESPONDER, "IKE_AUTH request", "IKE_AUTH response: IDr, AUTH, SA, TSi, TSr", ESTABLISHED, "1.2"),
    Row(HALF_OPEN, RESPONDER, "IKE_AUTH request for an unacceptable Child SA",
        "IKE_AUTH response: IDr, AUTH, N(TS_UNACCEPTABLE)", ESTABLISHED, "2.21.2"),
    Row(HALF_OPEN, RESPONDER, "IKE_AUTH request with a wrong proof",
        "IKE_AUTH response: N(AUTHENTICATION_FAILED)", CLOSED, "2.21.2"),
    Row(HALF_OPEN, RESPONDER, "IKE_AUTH request with an unknown critical payload",
        "IKE_AUTH response: N(UNSUPPORTED_CRITICAL_PAYLOAD)", CLOSED, "2.21.2"),
    Row(HALF_OPEN, RESPONDER, "INFORMATIONAL request", "INFORMATIONAL response: N(INVALID_SYNTAX)", CLOSED, "2.21.3"),
    Row(HALF_OPEN, RESPONDER, "CREATE_CHILD_SA request for a Child SA",
        "CREATE_CHILD_SA response: N(INVALID_SYNTAX)", CLOSED, "2.21.3"),
    Row(HALF_OPEN, RESPONDER, "no IKE_AUTH request in time", "", CLOSED, "2.21.1"),
    # --- up
    Row(ESTABLISHED, EITHER, "order to make a Child SA",
        "CREATE_CHILD_SA request: SA, Ni, TSi, TSr", ESTABLISHED, "1.3.1"),
    Row(ESTABLISHED, EITHER, "order to rekey a Child SA",
        "CREATE_CHILD_SA request: N(REKEY_SA), SA, Ni, TSi, TSr", ESTABLISHED, "1.3.3"),
    Row(ESTABLISHED, EITHER, "order to rekey it", "CREATE_CHILD_SA request: SA, Ni, KE", ESTABLISHED, "1.3.2"),
    Row(ESTABLISHED, EITHER, "order to delete it", "INFORMATIONAL request: D", ESTABLISHED, "1.4.1"),
    Row(ESTABLISHED, EITHER, "the response to our Delete", "", CLOSED, "1.4.1"),
    Row(ESTABLISHED, EITHER, "the response to our rekey", "INFORMATIONAL request: D", REKEYED, "1.3.2"),
    Row(ESTABLISHED, EITHER, "INVALID_SYNTAX as response", "", CLOSED, "2.21.3"),
    Row(ESTABLISHED, EITHER, "no response at all", "", CLOSED, "2.4"),
    Row(ESTABLISHED, EITHER, "CREATE_CHILD_SA request for a Child SA",
        "CREATE_CHILD_SA response: SA, Nr, TSi, TSr", ESTABLISHED, "1.3.1"),
    Row(ESTABLISHED, EITHER, "CREATE_CHILD_SA request that rekeys a Child SA",
        "CREATE_CHILD_SA response: SA, Nr, TSi, TSr", ESTABLISHED, "1.3.3"),
    Row(ESTABLISHED, EITHER, "CREATE_CHILD_SA request that rekeys it",
        "CREATE_CHILD_SA response: SA, Nr, KE", REKEYED, "1.3.2"),
    Row(ESTABLISHED, EITHER, "INFORMATIONAL request", "INFORMATIONAL response: empty", ESTABLISHED, "1.4"),
    Row(ESTABLISHED, EITHER, "Delete of a Child SA", "INFORMATIONAL response: D", ESTABLISHED, "1.4.1"),
    Row(ESTABLISHED, EITHER, "Delete of the IKE SA", "INFORMATIONAL response: empty", CLOSED, "1.4.1"),
    Row(ESTABLISHED, RESPONDER, "AUTHENTICATION_FAILED in the first request after IKE_AUTH",
        "INFORMATIONAL response: empty", CLOSED, "2.21.2"),
    Row(ESTABLISHED, EITHER, "AUTHENTICATION_FAILED in a later request",
        "INFORMATIONAL response: empty", ESTABLISHED, "2.21.2"),
    Row(ESTABLISHED, EITHER, "IKE_AUTH request once more", "IKE_AUTH response: N(INVALID_SYNTAX)", CLOSED, "2.21.3"),
    Row(ESTABLISHED, EITHER, "request of exchange type 77, which nobody knows",
        "77 response: N(INVALID_SYNTAX)", CLOSED, "2.21.3"),
    Row(ESTABLISHED, EITHER, "malformed request", "INFORMATIONAL response: N(INVALID_SYNTAX)", CLOSED, "2.21.3"),
    Row(ESTABLISHED, EITHER, "request with an unknown critical payload",
        "INFORMATIONAL response: N(UNSUPPORTED_CRITICAL_PAYLOAD)", ESTABLISHED, "2.5"),
    Row(ESTABLISHED, EITHER, "the last request again", LAST_RESPONSE, ESTABLISHED, "2.1"),
    Row(ESTABLISHED, EITHER, "request outside the window", "", ESTABLISHED, "2.3"),
    Row(ESTABLISHED, EITHER, "response to no request", "", ESTABLISHED, "2.1"),
    Row(ESTABLISHED, EITHER, "message with a wrong checksum", "", ESTABLISHED, "2.4"),
    Row(ESTABLISHED, EITHER, "unprotected message", "", ESTABLISHED, "2.21.4"),
    Row(ESTABLISHED, EITHER, "silence of the peer", "INFORMATIONAL request: empty", ESTABLISHED, "2.4"),
    Row(ESTABLISHED, EITHER, "end of its lifetime", "CREATE_CHILD_SA request: SA, Ni, KE", ESTABLISHED, "2.8"),
    Row(ESTABLISHED, EITHER, "end of a Child SA's lifetime",
        "CREATE_CHILD_SA request: N(REKEY_SA), SA, Ni, TSi, TSr", ESTABLISHED, "2.8"),
    # --- replaced, waits for its deletion
    Row(REKEYED, EITHER, "CREATE_CHILD_SA request for a Child SA",
        "CREATE_CHILD_SA response: N(TEMPORARY_FAILURE)", REKEYED, "2.25.2"),
    Row(REKEYED, EITHER, "CREATE_CHILD_SA request that rekeys it",
        "CREATE_CHILD_SA response: N(TEMPORARY_FAILURE)", REKEYED, "2.25.2"),
    Row(REKEYED, EITHER, "INFORMATIONAL request", "INFORMATIONAL response: empty", REKEYED, "1.4"),
    Row(REKEYED, EITHER, "Delete of the IKE SA", "INFORMATIONAL response: empty", CLOSED, "1.4.1"),
    Row(REKEYED, EITHER, "the response to our Delete", "", CLOSED, "1.4.1"),
    # --- gone
    Row(CLOSED, EITHER, "the last request again", LAST_RESPONSE, CLOSED, "2.1"),
    Row(CLOSED, EITHER, "any request", "INFORMATIONAL response: N(INVALID_IKE_SPI)", CLOSED, "2.21.4"),
)  # fmt: skip
"""All of it; what stands nowhere here is dropped."""
