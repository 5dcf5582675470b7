"""A connection as JSON, for the commands and templates of external devices."""

import json
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.ike.core.connection import Connection, Eap, NullAuth, Party, Psk, PublicKey
from peers.contract import Pixit


def connection_tree(connection: Connection) -> dict[str, Any]:
    """The connection as plain values: secrets in hexadecimal, certificates and keys in PEM, None for "not set"."""
    return {
        "name": connection.name,
        "local": _party(connection.local),
        "remote": _party(connection.remote),
        "local_further": [_party(one) for one in connection.local.further],
        "remote_further": [_party(one) for one in connection.remote.further],
        "proposals": list(connection.proposals),
        "children": [
            {
                "name": child.name,
                "proposals": list(child.proposals),
                "local_ts": list(child.local_ts),
                "remote_ts": list(child.remote_ts),
                "mode": child.mode.value,
                "lifetime": child.lifetime,
                "lifetime_packets": child.lifetime_packets,
                "lifetime_octets": child.lifetime_octets,
                "lifetime_jitter": child.lifetime_jitter,
                "idle_timeout": child.idle_timeout,
            }
            for child in connection.children
        ],
        "trust": [certificate.public_bytes(Encoding.PEM).decode() for certificate in connection.trust],
        "local_address": connection.local_address,
        "remote_address": connection.remote_address,
        "local_ports": list(connection.local_ports),
        "remote_ports": list(connection.remote_ports),
        "fragment_size": connection.fragment_size,
        "fragment_probes": list(connection.fragment_probes),
        "mobike": connection.mobike,
        "force_encapsulation": connection.force_encapsulation,
        "childless": connection.childless,
        "initial_contact": connection.initial_contact,
        "cookies": connection.cookies.value,
        "half_open_limit": connection.half_open_limit,
        "dpd_delay": connection.dpd_delay,
        "keepalive": connection.keepalive,
        "lifetime": connection.lifetime,
        "retransmit_timeout": connection.retransmit_timeout,
        "retransmit_base": connection.retransmit_base,
        "retransmit_tries": connection.retransmit_tries,
        "local_pool": connection.local_pool,
        "remote_pool": connection.remote_pool,
        "local_pool6": connection.local_pool6,
        "remote_pool6": connection.remote_pool6,
        "local_links": connection.local_links,
        "remote_links": connection.remote_links,
        "local_inner": asdict(connection.local_inner),
        "remote_inner": asdict(connection.remote_inner),
        "local_routes": list(connection.local_routes),
        "remote_routes": list(connection.remote_routes),
        "routes_in_auth": connection.routes_in_auth,
        "narrowing": connection.narrowing,
        "revocation": connection.revocation.value,
        "ocsp_in_ike": connection.ocsp_in_ike,
        "any_identity": connection.any_identity,
        "remote_domain": connection.remote_domain,
        "remote_network": connection.remote_network,
        "remote_subject": [list(one) for one in connection.remote_subject],
        "authorization": None if connection.authorization is None else asdict(connection.authorization),
        "aaa_name": connection.aaa_name,
        "named_pools": [list(one) for one in connection.named_pools],
        "named_filters": [list(one) for one in connection.named_filters],
        "auth_lifetime": connection.auth_lifetime,
        "reauth_lifetime": connection.reauth_lifetime,
        "make_before_break": connection.make_before_break,
        "unique": connection.unique.value,
        "dpd_on_demand": connection.dpd_on_demand,
        "backup_addresses": list(connection.backup_addresses),
        "return_after": connection.return_after,
        "follows_redirects": connection.follows_redirects,
        "cert_lookup": connection.cert_lookup,
        "tunnels": [asdict(one) for one in connection.tunnels],
        "beside": [connection_tree(one) for one in connection.beside],
        "ike_sa_limit": connection.ike_sa_limit,
        "child_sa_limit": connection.child_sa_limit,
        "reopens": connection.reopens,
        "answers_only": connection.answers_only,
        "redirect": None
        if connection.redirect is None
        else {"gateway": connection.redirect.gateway, "when": connection.redirect.when.value},
    }


def _party(party: Party) -> dict[str, Any]:
    identity = {"type": party.identity.id_type.name, "text": str(party.identity), "hex": party.identity.data.hex()}
    if isinstance(party.auth, Psk):
        return {"identity": identity, "auth": "psk", "secret": party.auth.secret.hex()}
    if isinstance(party.auth, Eap):
        return {
            "identity": identity,
            "auth": "eap",
            "methods": list(party.auth.methods),
            "secret": party.auth.secret.hex(),
            "eap_identity": party.auth.identity,
            "asked": party.auth.asked,
            "certificate": party.auth.certificate and _public_key(party.auth.certificate),
        }
    if isinstance(party.auth, NullAuth):
        return {"identity": identity, "auth": "null"}
    return {"identity": identity, "auth": "public-key", **_public_key(party.auth)}


def _public_key(auth: PublicKey) -> dict[str, Any]:
    key = auth.key
    return {
        "chain": [certificate.public_bytes(Encoding.PEM).decode() for certificate in auth.chain],
        "key": key and key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "method": auth.method and auth.method.name,
        "hash": auth.hash and auth.hash.name,
        "pss": auth.pss,
    }


def connection_json(connection: Connection, pixit: Pixit) -> str:
    """What an external device's command finds in the file ``{connection}``.

    The connection holds the credentials already.
    """
    reached = {one.name: _plain(getattr(pixit, one.name)) for one in fields(pixit) if one.name != "credentials"}
    # Octets are told in hexadecimal digits.
    return json.dumps({"connection": connection_tree(connection), "pixit": reached}, indent=2, default=bytes.hex)


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
