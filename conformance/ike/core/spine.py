"""The spine of an IKE SA: where its exchanges and the extensions of further RFCs take hold of each other.

An exchange is a part that inherits from `Spine` and from no other exchange. What one needs of another has a name here:
a hook, called by one part and filled in by another, with ``super()`` where several have something to say. Extensions
use the same hooks, and those of the two halves below: `timers`, `answers`, `heard`, `plaintext`, `decrypted`,
`respond`, `transmit`. `conformance.ike.ikesa.IkeSa` lists all parts.
"""

from collections.abc import Collection, Sequence
from typing import Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from conformance.crypto import CryptoError
from conformance.crypto.ke import KeyExchange, key_exchange, respond
from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig, Connection, Credential, Party
from conformance.ike.core.events import InvalidPublicValue, Refusal, Violation
from conformance.ike.core.receiving import Answer, Receiver
from conformance.ike.core.selectors import covered, selectors
from conformance.ike.core.sending import State
from conformance.net.fetching import WebClient
from conformance.wire import (
    CERT,
    CERTREQ,
    CP,
    SA,
    CfgAttr,
    ExchangeType,
    IDi,
    IDr,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TrafficSelector,
    TSi,
    TSr,
)

NONCE_SIZE = 32

UP = (State.ESTABLISHED, State.REKEYED)
"""The states in which exchanges are possible. A rekeyed IKE SA waits for its deletion."""

T = TypeVar("T", TSi, TSr)


class Spine(Receiver):
    """What all exchanges share. ``neighbours`` are the IKE SAs of the same endpoint, this one among them.

    ``opening`` is the first IKE_AUTH request that we have got, ``claimed`` what the peer says that it is, and
    ``peer_proved`` whether it has proved that. ``client``: we have opened the first of the IKE SAs that replaced each
    other. ``init_request_raw`` and ``init_response_raw`` are the two IKE_SA_INIT messages as they were on the wire.
    ``web`` fetches what certificates name, None: nobody does.
    """

    neighbours: Collection["Spine"] = ()
    web: WebClient | None = None
    opening: Message | None = None
    claimed: IDi | IDr | None = None
    peer_proved: bool = False
    client: bool = False
    init_request_raw: bytes = b""
    init_response_raw: bytes = b""

    # --- key exchange: IKE_SA_INIT and CREATE_CHILD_SA ------------------------------------------------------------

    def choose_nonce(self) -> bytes:
        """A fresh nonce: at least 128 bits, and half of what a PRF takes as key (RFC 7296, section 2.10)."""
        return self.random(NONCE_SIZE)

    def bad_nonce(self, nonce: Nonce) -> str | None:
        """What is wrong with the peer's nonce, None: nothing (RFC 7296, section 3.9)."""
        return None if 16 <= len(nonce.data) <= 256 else f"nonce of {len(nonce.data)} octets, expected 16 to 256"

    def takes_longer_keys(self) -> bool:
        """Whether a cipher may have a larger key than was configured, as it should (RFC 7296, section 3.3.5)."""
        return True

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        """g^ir. Raises InvalidPublicValue for a public value that RFC 6989 rejects."""
        try:
            return exchange.shared(public)
        except CryptoError as error:
            raise InvalidPublicValue(f"key exchange failed: {error}") from None

    def new_exchange(self, group: KeMethod) -> KeyExchange:
        """A key pair for a key exchange that we begin (RFC 7296, section 2.12)."""
        return key_exchange(group, self.random)

    def answer_key_exchange(self, method: KeMethod, public: bytes, *, fatal: bool) -> tuple[bytes, bytes]:
        """Our public value and g^ir. Raises Refusal for a public value that RFC 6989 rejects."""
        try:
            return respond(method, public, self.random)
        except CryptoError as error:
            raise Refusal(NotifyType.INVALID_SYNTAX, f"key exchange failed: {error}", fatal=fatal) from None

    # --- IKE_SA_INIT ----------------------------------------------------------------------------------------------

    def init_notifies(self) -> list[Notify]:
        """What we announce in our IKE_SA_INIT message."""
        return []

    def init_announced(self, message: Message) -> None:
        """What the peer's IKE_SA_INIT message announces; the keys are there already."""

    def admit(self, message: Message) -> None:
        """Look at an IKE_SA_INIT request before it is answered. Raises Refusal."""

    def led_elsewhere(self, message: Message) -> bool:
        """Whether the IKE_SA_INIT response ends our attempt without an error, and without keys. Raises Violation."""
        return False

    def certificate_requests(self) -> list[CERTREQ]:
        """The authorities that we trust, in IKE_AUTH and in the IKE_SA_INIT response (RFC 7296, sections 1.2, 3.7)."""
        return []

    def after_init(self) -> None:
        """Both have the keys: the initiator goes on, with IKE_AUTH or with what comes before it."""

    # --- IKE_AUTH -------------------------------------------------------------------------------------------------

    def identified(self, identity: IDi | IDr) -> None:
        """To a responder the initiator has said who it is, and proved nothing yet."""

    def is_among(self, connection: Connection, identity: IDi | IDr) -> bool:
        """Whether a connection for several peers is for this one."""
        raise NotImplementedError

    def auth_notifies(self) -> list[Notify]:
        """What we announce in IKE_AUTH, in the first request or in the last response."""
        return []

    def auth_announced(self, message: Message) -> None:
        """What the peer announces there; it is authenticated by now."""

    def own_party(self) -> Party:
        """Who we are, as far as we prove it next."""
        return self.connection.local

    def peer_party(self) -> Party:
        """Who the peer is, as far as it proves it next."""
        return self.connection.remote

    def own_credential(self) -> Credential:
        """With what our next AUTH payload proves that."""
        return self.own_party().auth

    def peer_credential(self) -> Credential:
        """With what the peer's next AUTH payload must prove that."""
        return self.peer_party().auth

    def takes_identity(self) -> bool:
        """Whether the next request of IKE_AUTH says who its sender is: the first one does."""
        return self.opening is None

    def proof_is_due(self) -> bool:
        """Whether the last response of IKE_AUTH must prove who the responder is."""
        return True

    def next_proof(self) -> None:
        """The initiator has proved who it is, and will prove somebody else, too."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        """What proves who sent ``identity``: an extension appends to it what must be signed, too."""
        raise NotImplementedError

    def introduction(self) -> list[Payload]:
        """Who we are: our identity and certificates."""
        raise NotImplementedError

    def own_certificates(self) -> list[CERT]:
        """What we show of the key with which we sign (RFC 7296, section 3.6)."""
        return []

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        """The key with which the peer must have signed. Raises Violation where it is not the peer's."""
        raise NotImplementedError

    def own_proof(self) -> list[Payload]:
        """The proof of that, or nothing where it comes in a later round."""
        raise NotImplementedError

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        """Is the peer who it must be? Raises Violation with the reason."""
        raise NotImplementedError

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        """The response to an IKE_AUTH request that is not the last, None: it is the last. Raises Refusal."""
        return None

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        """The IKE_AUTH request that follows this response, None: none does, it is the last. Raises Violation."""
        return None

    def allows_childless(self) -> bool:
        """Whether an IKE_AUTH request may come without a Child SA."""
        return False

    def first_child_request(self, name: str) -> list[Payload]:
        """The payloads of an IKE_AUTH request that ask for its Child SA."""
        return []

    def take_child_response(self, message: Message) -> None:
        """Take the Child SA of an IKE_AUTH response. Raises Violation."""

    def child_failed(self, error: Notify | None) -> None:
        """The responder did not make the Child SA."""
        name = error.type.name if error else "no SA payload and no error notify"
        self.failed(f"no Child SA: {name}", error.type if error else None)

    def first_child_response(self, message: Message) -> list[Payload]:
        """The payloads of an IKE_AUTH response that make its Child SA. Raises Refusal."""
        return []

    # --- Child SAs ------------------------------------------------------------------------------------------------

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """What our side of a Child SA may be (RFC 7296, section 2.9)."""
        return selectors(config.local_ts)

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """What the peer's side of a Child SA may be (RFC 7296, section 2.9)."""
        return selectors(config.remote_ts)

    def own_inner(self) -> tuple[bytes, ...]:
        """The inner addresses that we have got as client, four or sixteen octets each."""
        return ()

    def renews(self) -> bool:
        """Whether we rekey what is old (RFC 7296, section 2.8); others may do it where we only answer."""
        return not self.connection.answers_only

    def start_child(self, name: str, group: KeMethod | None = None) -> None:
        """Ask for another Child SA; where nobody makes any, this does nothing."""

    def child_notifies(self) -> list[Notify]:
        """What else a CREATE_CHILD_SA request for a Child SA says."""
        return []

    def check_selectors(self, offer: ChildOffer, ts_i: TSi, ts_r: TSr) -> None:
        """The responder may narrow the traffic selectors, not widen them (RFC 7296, section 2.9)."""
        if not ts_i.selectors or not ts_r.selectors:
            raise Violation("the responder narrowed the traffic selectors to nothing")
        if not covered(ts_i.selectors, offer.local_ts) or not covered(ts_r.selectors, offer.remote_ts):
            raise Violation("the responder's traffic selectors are wider than those offered")

    # --- CREATE_CHILD_SA ------------------------------------------------------------------------------------------

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        """CREATE_CHILD_SA is two exchanges in one, and comes to an IKE SA that has been rekeyed, too."""
        mine = {(state, ExchangeType.CREATE_CHILD_SA): self.handle_create_child_sa for state in UP}
        return {**super().answers(), **mine}

    def handle_create_child_sa(self, message: Message) -> Sequence[Payload]:
        """A CREATE_CHILD_SA request makes or rekeys a Child SA, or rekeys the IKE SA: its SA payload tells."""
        sa = message.first(SA)
        if sa is None or not sa.proposals:
            raise Refusal(NotifyType.INVALID_SYNTAX, "CREATE_CHILD_SA request without proposals", fatal=True)
        if sa.proposals[0].protocol == ProtocolID.IKE:
            return self.handle_rekey(message)
        return self.handle_child(message)

    def handle_child(self, message: Message) -> Sequence[Payload]:
        """Answer a request for a Child SA: where nobody makes any, no more are possible (RFC 7296, section 4)."""
        raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "no further Child SAs here")

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        """Answer a request to rekey the IKE SA: where nobody does, no more are possible (RFC 7296, section 4)."""
        raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "no further IKE SAs here")

    def ike_rekey_pending(self) -> bool:
        """True while a rekey of this IKE SA is under way, or once it has been rekeyed."""
        return False

    def children_pending(self) -> bool:
        """True while a Child SA is being made or deleted by us."""
        return False

    def pass_on(self, new: Self) -> None:
        """Give to the IKE SA that replaces this one what a rekey does not change (RFC 7296, section 2.18)."""

    # --- reauthentication -----------------------------------------------------------------------------------------

    def reauthentication_due(self) -> float | None:
        """When the client should authenticate again, None: never (RFC 7296, section 2.8.3)."""
        return None

    # --- INFORMATIONAL --------------------------------------------------------------------------------------------

    def informed(self, message: Message) -> list[Payload]:
        """What an INFORMATIONAL request says beside its deletions; further payloads of the response."""
        return []

    def is_closing(self) -> bool:
        """True once we have asked the peer to delete the IKE SA."""
        return False

    def start_delete(self) -> None:
        """Delete the IKE SA."""
        raise NotImplementedError

    def start_child_delete(self, child: ChildSa) -> None:
        """Delete a Child SA."""
        raise NotImplementedError

    def on_child_deleted(self, child: ChildSa) -> bytes:
        """The peer deletes a Child SA: our half's SPI, empty where there is none to tell."""
        return b""

    def on_deleted(self) -> Sequence[Payload]:
        """The peer deletes the IKE SA: the payloads of the response, after which it is closed."""
        self.close_after_response = "deleted by the peer"
        return []

    # --- configuration payloads -----------------------------------------------------------------------------------

    def configuration_wanted(self) -> list[CfgAttr]:
        """What we ask for beside an inner address (RFC 7296, section 2.19)."""
        return []

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        """What we tell whoever asks, beside an inner address (RFC 7296, section 3.15.1)."""
        return []

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        """Which attributes of a CFG_SET we accept (RFC 7296, section 3.15.1)."""
        return []

    # --- addresses ------------------------------------------------------------------------------------------------

    def esp_ports(self) -> tuple[int, int] | None:
        """Our port and the peer's for ESP in UDP, None: ESP goes by itself (RFC 7296, section 2.23)."""
        return None

    def local_selectors(self, found: T) -> T:
        """The peer's transport mode selectors for our side, as we see ourselves (RFC 7296, section 2.23.1)."""
        return found

    def remote_selectors(self, found: T) -> T:
        """The peer's transport mode selectors for its side, as we see it."""
        return found
