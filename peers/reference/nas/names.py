"""Names for the AAA server, made of identities as FlexVPN's name manglers make them."""

from collections.abc import Iterator

from conformance.crypto.dn import WORDS, attributes
from conformance.wire import IDi, IdType

FIELDS = {
    "CN": "dn:common-name",
    "C": "dn:country",
    "L": "dn:locality",
    "ST": "dn:state",
    "O": "dn:organization",
    "OU": "dn:organization-unit",
    "DC": "dn:domain",
}
"""Words of the fields of a DN by those of RFC 4514."""


def parts_of(identity: IDi) -> dict[str, bytes]:
    """All parts of an identity of IKE by the words of `Authorization`; those that it has not are missing."""
    if identity.id_type == IdType.FQDN:
        host, _, domain = identity.data.partition(b".")
        found = {"fqdn:host": host if domain else b"", "fqdn:domain": domain}
    elif identity.id_type == IdType.RFC822_ADDR:
        user, _, domain = identity.data.rpartition(b"@")
        found = {"email:user": user, "email:domain": domain if user else b""}
    elif identity.id_type == IdType.DER_ASN1_DN:
        found = dict(reversed(list(fields_of(identity.data))))  # the first of a kind counts
    else:
        found = {}
    return {word: part for word, part in found.items() if part}


def fields_of(name: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of a DN in DER that have a word, in their order; nothing of what is none."""
    for kind, value in attributes(name):
        word = WORDS.get(kind)
        if word is not None:
            yield FIELDS[word], value


def parts_of_eap(name: bytes) -> dict[str, bytes]:
    """The same of a name in EAP, ``user@realm``."""
    user, _, realm = name.rpartition(b"@")
    return {word: part for word, part in (("eap:user", user), ("eap:realm", realm if user else b"")) if part}


def mangled(rule: str, whole: bytes, parts: dict[str, bytes]) -> bytes | None:
    """The name that a rule makes, None: it makes none of this identity."""
    if rule.startswith("="):
        return rule[1:].encode()
    if rule == "all":
        return whole or None
    return next((parts[one] for one in rule.split() if one in parts), None)
