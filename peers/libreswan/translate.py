"""The vendor-neutral connection in the words of ipsec.conf and ipsec.secrets."""

import re
from ipaddress import ip_network
from math import ceil

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conformance.ike.core.connection import (
    ChildConfig,
    Connection,
    Eap,
    Identity,
    Mode,
    NullAuth,
    Party,
    Psk,
    PublicKey,
    RedirectWhen,
    over,
)
from conformance.wire import AuthMethod, HashAlgorithm, IdType
from peers.capabilities import Capability
from peers.contract import Pixit, Unsupported
from peers.libreswan import algorithms, settings
from peers.libreswan.algorithms import unsupported

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SELECTOR = re.compile(r"(?P<net>[^\[\]]+)(\[(?P<protocol>\w+)(/(?P<port>\d+))?\])?")
_HASHES = {HashAlgorithm.SHA2_256: "sha2_256", HashAlgorithm.SHA2_384: "sha2_384", HashAlgorithm.SHA2_512: "sha2_512"}
_NAMES = {"4": "ipencap", "41": "ipv6"}
"""Protocols by number: pluto wants a name, or a port beside the number."""
_FOREVER = 8 * 3600
"""Seconds: no purpose lasts so long. pluto knows no lifetime without an end."""
_MARGIN = 2.0
"""Seconds between rekeying and the end of an SA. pluto halves them for the responder, which so rekeys a bit later."""


def conn_name(connection: Connection, child: ChildConfig) -> str:
    """The name of the section for one Child SA."""
    return f"{connection.name}-{child.name}"


def check(connection: Connection) -> None:
    """Raise Unsupported for connections beside each other that pluto does not tell apart.

    With ``rightca=`` it finds no connection for the identity of a peer: it does not know its authority at that time.
    From a connection with a key or a certificate it does not get to one with EAP or for nobody.
    """
    kinds = {isinstance(one.remote.auth, Eap | NullAuth) and type(one.remote.auth) for one in connection.every}
    if len(kinds) > 1:
        raise unsupported("no connection with EAP, or for nobody, beside another one")
    trusts = {one.trust for one in connection.every if isinstance(one.remote.auth, PublicKey)}
    if len(trusts) > 1:
        raise unsupported("one connection's authorities for certificates: they count for all of them")


def conn_names(connection: Connection) -> dict[str, str]:
    """The sections of a connection, and of those beside it, with the Child SAs that they stand for, in their order."""
    return {conn_name(one, child): child.name for one in connection.every for child in one.children}


def sections(
    connection: Connection,
    pixit: Pixit,
    certificate: str | None,
    programs: str = settings.PROGRAMS,
) -> str:
    """The ``conn`` sections of a connection, one for each Child SA: pluto shares the IKE SA among them.

    ``certificate`` is the name of ours in the NSS database. Raises Unsupported.
    """
    common = {**_ends(connection, pixit, certificate), **_ike(connection), **_pools(connection, programs)}
    return "".join(
        _section(conn_name(connection, one), {**common, **_child(one, connection)}) for one in _children(connection)
    )


def _children(connection: Connection) -> tuple[ChildConfig, ...]:
    if not connection.children:
        raise unsupported("a connection without any Child SA")
    return connection.children


def _section(name: str, values: dict[str, str]) -> str:
    return f"\nconn {name}\n" + "".join(f"    {key}={value}\n" for key, value in values.items())


def _ends(connection: Connection, pixit: Pixit, certificate: str | None) -> dict[str, str]:
    values = {
        "left": connection.local_address or pixit.device_address,
        "right": "%any" if connection.any_identity else connection.remote_address or pixit.tester_address,
        "leftid": f'"{identity(connection.local.identity)}"',
        "rightid": f'"{identity(connection.remote.identity)}"',
        "leftupdown": "%disabled",
    }
    if connection.remote_domain:
        raise Unsupported(Capability.IDENTITY_DOMAIN, "libreswan")
    if connection.remote_network:
        raise Unsupported(Capability.IDENTITY_NETWORK, "libreswan")
    if connection.any_identity and isinstance(connection.remote.auth, PublicKey):
        values["rightid"] = "%fromcert"
    elif connection.any_identity:
        del values["rightid"]
    elif connection.remote_subject:
        # pluto reads a name from its end, as RFC 4514 writes it.
        subject = ",".join(f"{word}={text}" for word, text in reversed(connection.remote_subject))
        values |= {"right": "%any", "rightid": f'"{subject}"'}
    values |= _authentication(connection)
    if certificate is not None:
        values |= {"leftcert": certificate, "leftsendcert": "always", "sendca": "all"}
    if connection.remote_ports[0] != 500:
        values["rightikeport"] = str(connection.remote_ports[0])
    return values


def identity(value: Identity) -> str:
    """An identity with its type spelled out, so that nothing is guessed. Raises Unsupported."""
    text = str(value)
    if value.id_type == IdType.NULL:
        return "%null"
    if value.id_type in (IdType.IPV4_ADDR, IdType.IPV6_ADDR):
        return text
    if value.id_type == IdType.FQDN and _PLAIN.fullmatch(text):
        return f"@{text}"
    if value.id_type == IdType.RFC822_ADDR and all(_PLAIN.fullmatch(part) for part in text.split("@", 1)):
        return text
    if value.id_type == IdType.KEY_ID and value.data:
        return f"@#{value.data.hex()}"
    if value.id_type == IdType.DER_ASN1_DN:
        return f"@~{value.data.hex()}"
    raise unsupported(f"an identity of type {value.id_type} that reads {text!r}")


def _authentication(connection: Connection) -> dict[str, str]:
    if isinstance(connection.remote.auth, Eap):
        return _by_eap(connection)
    ours, theirs = _method(connection.local), _method(connection.remote)
    if ours == theirs:
        return {"authby": ours}
    plain = {
        word: "rsasig" if word.startswith("rsa") else "ecdsa" if word.startswith("ecdsa") else word
        for word in (ours, theirs)
    }
    return {"leftauth": plain[ours], "rightauth": plain[theirs]}


def _by_eap(connection: Connection) -> dict[str, str]:
    """The other side by EAP. pluto is no peer of EAP, does EAP-TLS only, and asks for no name before it."""
    ours, theirs = connection.local.auth, connection.remote.auth
    assert isinstance(theirs, Eap)
    if theirs.methods[0] != "tls":
        raise Unsupported(Capability.EAP, "libreswan", f"cannot authenticate with EAP-{theirs.methods[0]}")
    alone = isinstance(ours, Eap)
    local = "eaponly" if alone else "rsasig" if _method(connection.local).startswith("rsa") else "ecdsa"
    return {"leftauth": local, "rightauth": "eaponly", "leftautheap": "tls", "rightautheap": "tls"}


def _method(party: Party) -> str:
    """The value of ``authby=`` for one side."""
    auth = party.auth
    if isinstance(auth, Psk):
        return "secret"
    if isinstance(auth, NullAuth):
        return "null"
    if isinstance(auth, Eap):
        raise Unsupported(Capability.EAP, "libreswan", f"cannot authenticate with EAP-{auth.methods[0]}")
    key = auth.chain[0].public_key() if auth.chain else None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Unsupported(Capability.ED25519, "libreswan", f"cannot authenticate with a {type(key).__name__}")
    if isinstance(key, rsa.RSAPublicKey) and auth.method == AuthMethod.DIGITAL_SIGNATURE and auth.hash and not auth.pss:
        raise unsupported("PKCS #1 v1.5 signatures with a hash of RFC 7427: it has RSASSA-PSS only")
    if isinstance(key, rsa.RSAPublicKey) and auth.method == AuthMethod.RSA_SIGNATURE:
        return "rsa-sha1"
    kind = "rsa" if isinstance(key, rsa.RSAPublicKey) else "ecdsa"
    if auth.hash is not None:
        if auth.hash not in _HASHES:
            raise unsupported(f"signatures with {auth.hash}")
        return f"{kind}-{_HASHES[auth.hash]}"
    if auth.method is None:
        return "rsasig" if kind == "rsa" else "ecdsa"
    return f"{kind}-sha2"


def _pools(connection: Connection, programs: str) -> dict[str, str]:
    """Who assigns an inner address to whom. Only the script that pluto comes with gives us the address we get."""
    if len(connection.local_pools) > 1 or len(connection.remote_pools) > 1:
        raise Unsupported(Capability.VIRTUAL_IPS, "libreswan", "a connection has selectors of one family")
    if connection.remote_pools:
        return {
            "leftmodecfgclient": "yes",
            "rightmodecfgserver": "yes",
            "modecfgpull": "yes",
            "leftupdown": f"{programs}/_updown",
        }
    for pool in map(ip_network, connection.local_pools):
        inner = connection.local_inner
        told = {"modecfgdns": inner.dns, "modecfgdomains": inner.domains}
        return {
            "leftmodecfgserver": "yes",
            "rightmodecfgclient": "yes",
            # A pool of IPv4 is a range, one of IPv6 a prefix.
            "rightaddresspool": str(pool) if pool.version == 6 else f"{pool[1]}-{pool[-2]}",
            **{key: f'"{",".join(values)}"' for key, values in told.items() if values},
        }
    return {}


def _ike(connection: Connection) -> dict[str, str]:
    times = lifetimes(connection)
    milliseconds = round(connection.retransmit_timeout * 1000)
    values = {
        "ike": algorithms.ike(connection.proposals),
        "fragmentation": _yes(connection.fragment_size > 0),
        "mobike": _yes(connection.mobike),
        "encapsulation": "yes" if connection.force_encapsulation else "auto",
        "initial-contact": _yes(connection.initial_contact),
        # Where it may narrow, 5 makes a connection of its own for every handshake, and these drive each other out.
        "narrowing": _yes(connection.narrowing or bool(connection.local_pools)),
        "keyingtries": "0" if connection.reopens else "1",
        "retransmit-interval": f"{milliseconds}",
        # The interval doubles from the second repetition on, so this is when the answer to the last one is due.
        "retransmit-timeout": f"{milliseconds * 2**connection.retransmit_tries}ms",
        # Without a lifetime it shall neither rekey nor open again what the peer has deleted.
        "rekey": _yes((times is not None or connection.reopens) and not connection.answers_only),
        "auto": "ignore",
        "accept-redirect": _yes(connection.follows_redirects),
    }
    if connection.redirect is not None and connection.redirect.when is RedirectWhen.AUTH:
        values |= {"send-redirect": "yes", "redirect-to": ",".join(connection.redirect.gateways)}
    if connection.dpd_delay is not None:
        delay = max(1, ceil(connection.dpd_delay))
        values |= {
            "dpddelay": f"{delay}s",
            "dpdtimeout": f"{delay * 4}s",
            "dpdaction": "restart" if connection.reopens else "clear",
        }
    if times is not None:
        values |= times
    return values


def lifetimes(connection: Connection) -> dict[str, str] | None:
    """The times of a connection that rekeys by itself, None for one that does not. There is one margin for all SAs."""
    children = [child.lifetime for child in connection.children if child.lifetime is not None]
    by_volume = any(child.lifetime_octets or child.lifetime_packets for child in connection.children)
    lifetime = connection.lifetime if connection.reauth_lifetime is None else connection.reauth_lifetime
    if lifetime is None and not children and not by_volume:
        return None
    early = _MARGIN if connection.reauth_lifetime is None else 0.0  # it makes anew only what is over
    return {
        "ikelifetime": f"{_FOREVER if lifetime is None else ceil(lifetime + early)}s",
        "reauth": _yes(connection.reauth_lifetime is not None),
        "rekeymargin": f"{_MARGIN:g}s",
        "rekeyfuzz": f"{100 * max((one.lifetime_jitter for one in connection.children), default=0.0) / _MARGIN:.0f}%",
    }


def _child(child: ChildConfig, connection: Connection) -> dict[str, str]:
    values = {
        "type": child.mode.value,
        **algorithms.child(child.proposals),
        "salifetime": f"{_lasts(child, connection)}s",
    }
    # These are its hard ends; it rekeys when a quarter of them, or as responder half, has passed.
    volumes = {"ipsec-max-bytes": child.lifetime_octets, "ipsec-max-packets": child.lifetime_packets}
    values |= {key: str(int(over(volume))) for key, volume in volumes.items() if volume is not None}
    left, right = _selector(child.local_ts), _selector(child.remote_ts)
    protocol = left[1] or right[1]
    if left[1] and right[1] and left[1] != right[1]:
        raise unsupported(f"one protocol for both selectors, not {left[1]} and {right[1]}")
    for side, (net, _, port), address in (
        ("left", left, connection.local_address),
        ("right", right, connection.remote_address),
    ):
        if side == "right" and connection.local_pools:
            continue
        if child.mode is Mode.TUNNEL or net.split("/")[0] != address:
            values[f"{side}subnet"] = net
        if protocol:
            values[f"{side}protoport"] = f"{protocol}/{port}" if port else protocol
    return values


def _lasts(child: ChildConfig, connection: Connection) -> int:
    """Seconds until a Child SA is over, or some before: then it is rekeyed."""
    if child.lifetime is None:
        return _FOREVER
    return ceil(over(child.lifetime) if connection.answers_only else child.lifetime + _MARGIN)


def _selector(selectors: tuple[str, ...]) -> tuple[str, str, str]:
    """The prefix, the protocol and the port of the only selector of a side."""
    match = _SELECTOR.fullmatch(selectors[0]) if len(selectors) == 1 else None
    if match is None or "-" in match["net"]:
        raise unsupported("one prefix, and at most one port, on a side: " + ", ".join(selectors))
    protocol = match["protocol"] or ""
    return match["net"], _NAMES.get(protocol, protocol), match["port"] or ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def secrets(connection: Connection) -> str:
    """The content of ipsec.secrets. Raises Unsupported."""
    return "".join(map(_secret, connection.every))


def _secret(connection: Connection) -> str:
    found = {one.auth.secret for one in (connection.local, connection.remote) if isinstance(one.auth, Psk)}
    if len(found) > 1:
        raise unsupported("one shared key serves both directions, two were configured")
    if b"" in found:
        raise unsupported("a shared key without any octet")
    theirs = "%any" if connection.any_identity else f'"{identity(connection.remote.identity)}"'
    owners = f'"{identity(connection.local.identity)}" {theirs}'
    return "".join(f"{owners} : PSK 0x{secret.hex()}\n" for secret in found)


def public_key(connection: Connection) -> PublicKey | None:
    """What we sign with, in AUTH or in the method of EAP."""
    ours = connection.local.auth
    shown = ours.certificate if isinstance(ours, Eap) else ours
    return shown if isinstance(shown, PublicKey) else None
