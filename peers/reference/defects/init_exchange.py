"""Defects of groups, public values, key derivation, ports and NAT detection in IKE_SA_INIT."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto.ke import KeyExchange, key_exchange
from conformance.crypto.modp import modp_group
from conformance.crypto.suite import IkeSuite
from conformance.ike.core.events import Refusal
from conformance.ike.core.keys import IkeKeys, derive_ike_keys, skeyseed
from conformance.ike.core.nat import nat_hash
from conformance.ike.core.proposals import groups
from conformance.ike.core.sending import NO_SPI
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.wire import (
    KE,
    SA,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Prf,
    Transform,
    TransformType,
)
from peers.reference.defects.registry import defect

# --- groups -----------------------------------------------------------------------------------------------------------


@defect("init-invalid-ke")
class AcceptsAnyKe(IkeSa):
    """Goes on with the group of KEi though it is not the one that it selected."""

    def check_group(self, suite: IkeSuite, ke: KE) -> None:
        pass

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        try:
            return super().respond_exchange(method, public)
        except Refusal:
            return super().respond_exchange(KeMethod.CURVE25519, public)


@defect("init-invalid-ke")
class NamesGroupInOneOctet(IkeSa):
    """Names the wanted group in one octet."""

    def check_group(self, suite: IkeSuite, ke: KE) -> None:
        try:
            super().check_group(suite, ke)
        except Refusal as refusal:
            raise Refusal(refusal.kind, refusal.why, refusal.data[1:]) from None


@defect("init-ke-retry")
class ShrinksOfferOnRetry(IkeSa):
    """Offers only the named group after INVALID_KE_PAYLOAD."""

    def other_group(self, data: bytes) -> KeMethod:
        group = super().other_group(data)

        def fits(one: Transform) -> bool:
            return one.type != TransformType.KE or one.id == group

        self.offered = tuple(
            replace(one, transforms=tuple(each for each in one.transforms if fits(each))) for one in self.offered
        )
        return group


@defect("init-ke-retry", "init-cookie-and-ke")
class KeepsGroup(IkeSa):
    """Repeats its request with the group that was refused."""

    def other_group(self, data: bytes) -> KeMethod:
        return groups(self.offered)[0]


@defect("init-ke-not-offered")
class TrustsInvalidKe(IkeSa):
    """Takes the group that INVALID_KE_PAYLOAD names without a look at its own offer."""

    def other_group(self, data: bytes) -> KeMethod:
        return KeMethod(int.from_bytes(data, "big"))


# --- public values ----------------------------------------------------------------------------------------------------


@defect("init-modp-subgroup")
class LooksAtTheRangeOnly(IkeSa):
    """Does not check that a public value is in the subgroup."""

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        try:
            return super().respond_exchange(method, public)
        except Refusal:
            group = modp_group(method)
            x = group.private(self.random(group.private_size))
            powers = (pow(base, x, group.p) for base in (group.g, int.from_bytes(public, "big")))
            own, shared = (one.to_bytes(group.size, "big") for one in powers)
            return own, shared


@defect("init-modp-subgroup")
class HasOnePrivateValue(IkeSa):
    """Does not check that a public value is in the subgroup, and uses one private value for all."""

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        group = modp_group(method)
        return group.g.to_bytes(group.size, "big"), public  # the private value is 1


@defect("init-modp-range", "init-ecp-off-curve")
class SkipsPublicValueCheck(IkeSa):
    """Computes with any public value."""

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        try:
            return super().respond_exchange(method, public)
        except Refusal:
            own = key_exchange(method, self.random).public
            return own, bytes(len(own))


@defect("init-x25519-top-bit")
class RejectsTopBit(IkeSa):
    """Refuses a Curve25519 value whose most significant bit is set."""

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        if method == KeMethod.CURVE25519 and public[-1] & 0x80:
            raise Refusal(NotifyType.INVALID_SYNTAX, "not reduced")
        return super().respond_exchange(method, public)


@defect("init-modp-leading-zero")
class StripsLeadingZero(IkeSa):
    """Drops leading zero octets of g^ir."""

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        return super().shared_secret(exchange, public).lstrip(b"\0")


# --- keys -------------------------------------------------------------------------------------------------------------


@defect(
    "init-aes128-sha256-modp2048",
    "init-aes256-sha256-modp2048",
    "init-aes128-sha1-modp2048",
    "init-aes128-sha512-ecp256",
    "init-aes128gcm16",
    "init-aes256gcm16",
    "init-chacha20poly1305",
    "init-aes128ccm8",
    "init-aesxcbc",
    "init-x25519",
)
class SwapsSpisInSeed(IkeSa):
    """Derives its keys with SPIr before SPIi."""

    def derive(self, suite: IkeSuite, shared: bytes) -> IkeKeys:
        seed = skeyseed(suite, shared, self.nonce_i, self.nonce_r)
        return derive_ike_keys(suite, seed, self.nonce_i + self.nonce_r, self.spi_r, self.spi_i)


@defect("init-modp-initiator", "init-ecp-initiator", "init-curve-initiator", "init-subgroup-initiator")
class LosesAnOctet(IkeSa):
    """Leaves the first octet of a shared secret away."""

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        return super().shared_secret(exchange, public)[1:]


@defect("init-each-group")
class CutsSecrets(IkeSa):
    """Uses no more of a shared secret than a group of 2048 bits has."""

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        return super().shared_secret(exchange, public)[:256]

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        own, shared = super().respond_exchange(method, public)
        return own, shared[:256]


class _Confused(IkeSa):
    """Derives its keys with SPIr before SPIi for some suites."""

    def confuses(self, suite: IkeSuite) -> bool:
        raise NotImplementedError

    def derive(self, suite: IkeSuite, shared: bytes) -> IkeKeys:
        if not self.confuses(suite):
            return super().derive(suite, shared)
        seed = skeyseed(suite, shared, self.nonce_i, self.nonce_r)
        return derive_ike_keys(suite, seed, self.nonce_i + self.nonce_r, self.spi_r, self.spi_i)


@defect("init-each-cipher")
class ConfusedByOddKeys(_Confused):
    """Has wrong keys where that of the cipher has 192 bits."""

    def confuses(self, suite: IkeSuite) -> bool:
        return suite.key_bits == 192


@defect("init-each-integrity")
class ConfusedByLongIcv(_Confused):
    """Has wrong keys where the ICV has 24 octets."""

    def confuses(self, suite: IkeSuite) -> bool:
        return suite.cipher.icv_size == 24


@defect("init-each-prf")
class ConfusedByLongPrf(_Confused):
    """Has wrong keys where the PRF has an output of 64 octets."""

    def confuses(self, suite: IkeSuite) -> bool:
        return suite.prf_function.key_size == 64


@defect("init-aesxcbc")
class WholeNoncesAsKey(IkeSa):
    """Keys a PRF of fixed key size with both whole nonces instead of half of each."""

    def derive(self, suite: IkeSuite, shared: bytes) -> IkeKeys:
        if suite.prf != Prf.AES128_XCBC:
            return super().derive(suite, shared)
        seed = suite.prf_function(self.nonce_i + self.nonce_r, shared)
        return derive_ike_keys(suite, seed, self.nonce_i + self.nonce_r, self.spi_i, self.spi_r)


# --- responses that must not be taken ---------------------------------------------------------------------------------


@defect("init-response-without-nonce")
class MissingNonceAsEmpty(IkeSa):
    """Goes on with zeros where the nonce is missing."""

    def accept_init_response(self, message: Message) -> None:
        if message.first(Nonce) is None:
            message = replace(message, payloads=(*message.payloads, Nonce(bytes(16))))
        super().accept_init_response(message)


@defect("init-response-other-group")
class IgnoresGroupOfKe(IkeSa):
    """Takes KEr for a value of its own group, whatever group it names."""

    def accept_init_response(self, message: Message) -> None:
        sa, ke = message.first(SA), message.first(KE)
        if sa is not None and ke is not None and self.exchange is not None and ke.method != self.exchange.method:
            own = KE(self.exchange.method, ke.data[: len(self.exchange.public)])
            message = replace(message, payloads=tuple(own if one is ke else one for one in message.payloads))
        super().accept_init_response(message)


# --- ports and NAT detection ------------------------------------------------------------------------------------------


@defect("init-source-port")
class AnswersToPort500(IkeSa):
    """Sends to port 500 whatever the source of a request."""

    def transmit(self, datagrams: Sequence[bytes], local: Address, remote: Address) -> None:
        super().transmit(datagrams, local, Address(remote.host, 500))


@defect("init-port-4500")
class ForgetsMarker(IkeSa):
    """Sends on port 4500 without the four zero octets."""

    def encapsulated(self, local: Address, remote: Address) -> bool:
        return False


class _OtherDigests(IkeSa):
    """Announces NAT detection digests of its own making."""

    def digest(self, address: Address) -> bytes:
        raise NotImplementedError

    def init_notifies(self) -> list[Notify]:
        source, destination = self.nat_addresses()
        made = {
            NotifyType.NAT_DETECTION_SOURCE_IP: source,
            NotifyType.NAT_DETECTION_DESTINATION_IP: destination,
        }
        found = super().init_notifies()
        return [replace(one, data=self.digest(made[one.type])) if one.type in made else one for one in found]


@defect("init-nat-detection")
class NatHashWithZeroSpi(_OtherDigests):
    """Makes the digests of its response with a responder SPI of zero."""

    def digest(self, address: Address) -> bytes:
        return nat_hash(self.spi_i, NO_SPI, address)


@defect("init-nat-detection", "init-nat-detection-initiator")
class NatHashWithoutPort(_OtherDigests):
    """Leaves the port out of the digests."""

    def digest(self, address: Address) -> bytes:
        return nat_hash(self.spi_i, self.spi_r, Address(address.host, 0))


@defect("init-nat-float")
class IgnoresNatDetection(IkeSa):
    """Stays on port 500 whatever the digests say."""

    def detect_nat(self, message: Message) -> None:
        pass


@defect("init-ipv6")
class Ipv4Only(Endpoint):
    """Does not answer over IPv6."""

    def receive(self, datagram: Datagram, now: float) -> None:
        if ":" not in datagram.source.host:
            super().receive(datagram, now)


@defect("init-x25519-not-canonical")
class WantsCanonicalPoints(IkeSa):
    """Refuses a Curve25519 value that is not below the prime."""

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        value = int.from_bytes(public, "little") & (1 << 255) - 1
        if method == KeMethod.CURVE25519 and value >= 2**255 - 19:
            raise Refusal(NotifyType.INVALID_SYNTAX, "not canonical")
        return super().respond_exchange(method, public)
