"""The vendor-neutral connection in the words of vici (the keys are those of swanctl.conf).

All values that vici takes are strings, octets, or lists of them.
"""

import re
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.ike.core.connection import (
    ChildConfig,
    Connection,
    Credential,
    Eap,
    Identity,
    NullAuth,
    Party,
    Psk,
    PublicKey,
    Revocation,
    Uniqueness,
    over,
)
from conformance.ike.core.proposals import protocol_of
from conformance.ike.core.selectors import selector
from conformance.wire import AuthMethod, CfgAttribute, HashAlgorithm, IdType, ProtocolID
from peers.capabilities import Capability
from peers.contract import Unsupported
from peers.strongswan.settings import seconds

Section = dict[str, Any]

_ID_PREFIXES = {
    IdType.IPV4_ADDR: "ipv4",
    IdType.IPV6_ADDR: "ipv6",
    IdType.FQDN: "fqdn",
    IdType.RFC822_ADDR: "email",
    IdType.DER_ASN1_DN: "asn1dn",
    IdType.DER_ASN1_GN: "asn1gn",
    IdType.KEY_ID: "keyid",
}
_PLAIN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._@-]*")
_HASHES = {
    HashAlgorithm.SHA1: "sha1",
    HashAlgorithm.SHA2_256: "sha256",
    HashAlgorithm.SHA2_384: "sha384",
    HashAlgorithm.SHA2_512: "sha512",
}


def identity(value: Identity) -> str:
    """An identity with its type spelled out, so that charon guesses nothing; anything unusual goes in hexadecimal."""
    prefix = _ID_PREFIXES.get(value.id_type)
    if prefix is None:
        raise Unsupported(Capability.PSK, "strongswan", f"identity type {value.id_type} cannot be configured")
    if value.id_type in (IdType.FQDN, IdType.RFC822_ADDR) and _PLAIN.fullmatch(value.data):
        return f"{prefix}:{value.data.decode()}"
    return f"{prefix}:#{value.data.hex()}"


def authentication(auth: Credential, *, ours: bool) -> str:
    """The ``auth`` value of a side; a named hash or PSS becomes a constraint for the signature we make."""
    if isinstance(auth, Psk):
        return "psk"
    if isinstance(auth, NullAuth):
        raise Unsupported(Capability.NULL_AUTH, "strongswan")
    if isinstance(auth, Eap):
        if auth.aaa and not ours:
            return "eap-radius"
        # Of several methods the peer may take any that it has, the server offers the first.
        return "eap" if ours and len(auth.methods) > 1 else f"eap-{auth.methods[0]}"
    if not ours or auth.key is None or not (auth.pss or auth.hash) or auth.method not in _NEW_SIGNATURES:
        return "pubkey"
    kind = _key_kind(auth.key)
    if kind.startswith("ed"):
        return f"ike:{kind}"
    hash_name = _HASHES.get(auth.hash or HashAlgorithm.SHA2_256)
    if hash_name is None:
        return "pubkey"
    return f"ike:{kind}/pss-{hash_name}" if auth.pss else f"ike:{kind}-{hash_name}"


_DOMAIN = str(int(CfgAttribute.INTERNAL_DNS_DOMAIN))
"""It has no word for this attribute, and takes numbers."""
_NEW_SIGNATURES = (None, AuthMethod.DIGITAL_SIGNATURE)


def _key_kind(key: PrivateKeyTypes) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ecdsa"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ed448.Ed448PrivateKey):
        return "ed448"
    raise Unsupported(Capability.RFC7427, "strongswan", f"cannot sign with a {type(key).__name__}")


def _party(party: Party, *, ours: bool) -> Section:
    section: Section = {"auth": authentication(party.auth, ours=ours), "id": identity(party.identity)}
    shown = party.auth.certificate if isinstance(party.auth, Eap) else party.auth
    if isinstance(party.auth, Eap) and ours:
        section["eap_id"] = eap_name(party)
    elif isinstance(party.auth, Eap) and party.auth.asked:
        section["eap_id"] = "%any"
    if isinstance(shown, PublicKey) and shown.chain:
        end_entity = shown.chain[0].public_bytes(Encoding.DER)
        # Ours is what we send. Theirs is sent by them and judged by the authorities, so it is pinned nowhere.
        if ours:
            others = [one.chain[0].public_bytes(Encoding.DER) for one in shown.others]
            section["certs"] = [end_entity, *others]
    if isinstance(shown, PublicKey) and shown.raw is not None:
        section["pubkeys"] = [shown.raw]
    return section


def _judged(party: Party, value: Connection, *, alone: bool) -> Section:
    """The other side, and what is asked of its certificates; it asks of all that name where to ask unless told not to.

    Relaxed is its default: a certificate that is known to be revoked is refused. Where the connection is not ``alone``
    it names its authorities: any that is loaded counts otherwise.
    """
    section = _party(party, ours=False)
    if value.any_identity:
        del section["id"]
    elif pattern := _pattern(value):
        section["id"] = pattern
    if isinstance(party.auth, PublicKey) and value.revocation is not Revocation.OFF:
        section["revocation"] = value.revocation.value
    if isinstance(party.auth, PublicKey) and value.trust and not alone:
        section["cacerts"] = [one.public_bytes(Encoding.DER) for one in value.trust]
    return section


def _pattern(value: Connection) -> str:
    """The identities of several peers, empty where the connection is for one, or for any."""
    if value.remote_domain:
        return f"fqdn:*.{value.remote_domain}"
    if value.remote_network:
        return value.remote_network
    return ", ".join(f"{word}={text}" for word, text in value.remote_subject)


def _parties(party: Party) -> tuple[Party, ...]:
    """Whom a side proves to be, one after the other (RFC 4739)."""
    return (party, *party.further)


def eap_name(party: Party) -> str:
    """The name of a party in EAP."""
    named = party.auth.identity if isinstance(party.auth, Eap) else None
    return str(party.identity) if named is None else named


def _proposals(texts: tuple[str, ...]) -> Section:
    """Those of ESP and of AH stand under keys of their own."""
    found: Section = {}
    for one in texts:
        found.setdefault("esp_proposals" if protocol_of(one) == ProtocolID.ESP else "ah_proposals", []).append(one)
    return found


def _selector(text: str) -> str:
    """The protocol by its number: where charon runs there may be no list of names."""
    network, bracket, rest = text.partition("[")
    if not bracket:
        return text
    _, slash, port = rest.partition("/")
    return f"{network}[{selector(text).protocol}/{port if slash else '0-65535]'}"


def child(config: ChildConfig) -> Section:
    """The section of one Child SA. Without a lifetime charon never rekeys it by itself."""
    section: Section = {
        **_proposals(config.proposals),
        "local_ts": [_selector(one) for one in config.local_ts],
        "remote_ts": [_selector(one) for one in config.remote_ts],
        "mode": config.mode.value,
        "start_action": "none",
        "close_action": "none",
        "dpd_action": "clear",
        "rekey_time": seconds(config.lifetime),
        "life_time": seconds(None if config.lifetime is None else over(config.lifetime)),
        "rand_time": seconds(config.lifetime_jitter or None),
        **_volume("bytes", config.lifetime_octets),
        **_volume("packets", config.lifetime_packets),
        "inactivity": seconds(config.idle_timeout),
    }
    return section


def _comes_back(value: Connection) -> Section:
    """What charon does by itself about a Child SA of a connection that shall always be there."""
    return {"close_action": "start", "dpd_action": "restart"} if value.reopens else {}


def _volume(unit: str, soft: int | None) -> Section:
    """When a Child SA is rekeyed that has carried so much, and when it is over."""
    if soft is None:
        return {f"rekey_{unit}": "0"}
    return {f"rekey_{unit}": str(soft), f"life_{unit}": str(int(over(soft))), f"rand_{unit}": "0"}


_UNIQUE = {Uniqueness.NOTIFIED: "no", Uniqueness.REPLACE: "replace", Uniqueness.KEEP: "keep"}


def _times(value: Connection) -> Section:
    """When the IKE SA is rekeyed or made anew, and how much later it is over.

    charon tells as responder by AUTH_LIFETIME when it would authenticate again itself.
    """
    again = value.auth_lifetime if value.reauth_lifetime is None else value.reauth_lifetime
    left = _MOMENT if value.lifetime is None else over(value.lifetime) - value.lifetime
    return {
        "rekey_time": seconds(value.lifetime),
        "over_time": seconds(left),
        "reauth_time": seconds(again),
        "rand_time": "0s",
    }


_MOMENT = 1.0
"""Seconds that are left when charon authenticates again."""


def connection(value: Connection, default_remote: str, *, alone: bool = True) -> Section:
    """The section of a connection. ``default_remote`` is whom to initiate to where it names no address.

    ``alone``: it is the only one.
    """
    section: Section = {
        "version": "2",
        "local_addrs": [value.local_address or "%any"],
        "remote_addrs": [value.remote_address] if value.remote_address else [default_remote, "%any"],
        "proposals": list(value.proposals),
        **{f"local-{at}": _party(one, ours=True) for at, one in enumerate(_parties(value.local), 1)},
        **{f"remote-{at}": _judged(one, value, alone=alone) for at, one in enumerate(_parties(value.remote), 1)},
        "children": {each.name: {**child(each), **_comes_back(value)} for each in value.children},
        "mobike": _yes(value.mobike),
        "encap": _yes(value.force_encapsulation),
        "fragmentation": _yes(value.fragment_size > 0),
        # Whether we open one without a Child SA is said when the order to open it is given.
        "childless": "allow" if value.childless else "never",
        "unique": _UNIQUE[value.unique] if value.initial_contact else "never",
        "send_cert": "always",
        "send_certreq": "yes",
        "keyingtries": "0" if value.reopens else "1",
        "dpd_delay": seconds(value.dpd_delay),
        **_times(value),
    }
    # The side that gets an address has the selectors "dynamic": charon puts the address in their place.
    if value.remote_pools:
        section["vips"] = ["::" if ":" in one else "0.0.0.0" for one in value.remote_pools]
        for each in section["children"].values():
            each["local_ts"] = ["dynamic"]
    if value.local_pools:
        section["pools"] = ["radius"] if value.by_aaa else list(pools(value))
        for each in section["children"].values():
            each["remote_ts"] = ["dynamic"]
    if value.ocsp_in_ike:
        section["ocsp"] = "both"
    # Naming a port, even 500, is different from the default only where it is another one: then charon does not float.
    if value.remote_ports[0] != 500:
        section["remote_port"] = str(value.remote_ports[0])
    return section


def pools(value: Connection) -> dict[str, Section]:
    """The pools of a connection by their names; what is told beside an address goes with the first one."""
    if value.by_aaa:
        return {}
    inner = value.local_inner
    told: dict[str, list[Any]] = {
        "dns": list(inner.dns),
        "nbns": list(inner.nbns),
        "subnet": list(inner.subnets),
        _DOMAIN: list(inner.domains),
    }
    for kind, octets in inner.private:
        told.setdefault(str(kind), []).append(octets)
    sections: list[Section] = [{"addrs": one} for one in value.local_pools]
    for section in sections[:1]:
        section |= {kind: values for kind, values in told.items() if values}
    return {f"{value.name}-{at}" if at else value.name: section for at, section in enumerate(sections)}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def uri_base(value: Connection) -> str:
    """Where our certificates are found over HTTP, empty where they are not."""
    return value.local.auth.url if isinstance(value.local.auth, PublicKey) else ""


def credentials(value: Connection, *, alone: bool = True) -> Iterator[tuple[str, Section]]:
    """The vici commands, with their messages, that load what the connection needs to authenticate.

    Where it is not ``alone`` a shared key belongs to the other side only: what is ours, too, serves with all peers.
    """
    for certificate in value.trust:
        yield "load-cert", {"type": "X509", "flag": "CA", "data": certificate.public_bytes(Encoding.DER)}
    if base := uri_base(value):
        above = value.trust[0].public_bytes(Encoding.DER)
        yield "load-authority", {value.name: {"cacert": above, "cert_uri_base": base}}
    parties = [*_parties(value.local), *_parties(value.remote)]
    for auth in (one.auth for one in _parties(value.local)):
        shown = auth.certificate if isinstance(auth, Eap) else auth
        if not isinstance(shown, PublicKey):
            continue
        for one in (shown, *shown.others):
            for certificate in one.chain:
                yield "load-cert", {"type": "X509", "flag": "NONE", "data": certificate.public_bytes(Encoding.DER)}
            if one.key is not None:
                data = one.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
                yield "load-key", {"type": "any", "data": data}
    for party in parties:
        if isinstance(party.auth, Eap) and party.auth.secret and not party.auth.aaa:
            owners = [eap_name(party)]
            yield "load-shared", {"id": "ikespec-eap", "type": "EAP", "data": party.auth.secret, "owners": owners}
    secrets = {one.auth.secret for one in parties if isinstance(one.auth, Psk)}
    if len(secrets) > 1:
        raise Unsupported(
            Capability.PSK_EACH_WAY, "strongswan", "one shared key serves both directions, two were configured"
        )
    for secret in secrets:
        named = () if value.any_identity else (value.local, value.remote) if alone else (value.remote,)
        pattern = _pattern(value)
        owners = [pattern if pattern and one is value.remote else identity(one.identity) for one in named]
        yield "load-shared", {"id": value.name, "type": "IKE", "data": secret, "owners": owners}
