"""What a charon takes, as it says itself: its plugins, not its version, decide."""

import re
from collections.abc import Collection
from typing import Any

from conformance.eap.making import KNOWN
from conformance.wire import Encr, Esn, ProtocolID, Transform, TransformType
from peers.algorithms import ALL, Algorithms
from peers.capabilities import Capability
from peers.places.place import DataPlane

_KINDS = {
    TransformType.ENCR: ("encryption", "aead"),
    TransformType.INTEG: ("integrity",),
    TransformType.PRF: ("prf",),
    TransformType.KE: ("dh", "ke"),
}
"""The sections of its answer; key exchange methods have a new name since version 6."""
_IN_THE_KERNEL = {
    *(Encr.AES_CBC, Encr.AES_CTR, Encr.AES_GCM_16, Encr.AES_GCM_12, Encr.AES_GCM_8, Encr.AES_CCM_16, Encr.AES_CCM_12),
    *(Encr.AES_CCM_8, Encr.NULL_AUTH_AES_GMAC, Encr.CHACHA20_POLY1305, Encr.CAMELLIA_CBC, Encr.TRIPLE_DES, Encr.NULL),
}
"""The ciphers that it can hand to Linux; there are no answers about these."""
_SIGNERS = {
    Capability.RSA: {"openssl", "gmp", "gcrypt", "botan", "wolfssl"},
    Capability.RSA_PSS: {"openssl", "gmp", "gcrypt", "botan", "wolfssl"},
    Capability.ECDSA: {"openssl", "botan", "wolfssl"},
    Capability.ECDSA_384: {"openssl", "botan", "wolfssl"},
    Capability.ECDSA_521: {"openssl", "botan", "wolfssl"},
    Capability.BRAINPOOL: {"openssl"},
    Capability.ED25519: {"openssl", "curve25519", "botan", "wolfssl"},
    Capability.ED448: {"openssl", "wolfssl"},
}
"""The plugins that sign and verify in each way; it gives no list of signature schemes."""


FETCHING = {*(Capability.CRL, Capability.CRL_OF_ANCHOR, Capability.CRL_IN_IKE, Capability.OCSP, Capability.OCSP_IN_IKE)}
"""What it can do where it reaches a web server of ours only."""


def taken(answer: dict[str, Any], plane: DataPlane, *, esn: bool) -> Algorithms:
    """Of all algorithms those in the answer to ``get-algorithms``; for ESP the data plane decides."""
    loaded = {
        kind: {_plain(name) for section in sections for name in answer.get(section, ())}
        for kind, sections in _KINDS.items()
    }

    def has(one: Transform, protocol: ProtocolID) -> bool:
        if one.type == TransformType.ESN:
            return one.id != Esn.YES or esn
        if one.type == TransformType.ENCR and protocol == ProtocolID.ESP and plane is not DataPlane.LIBIPSEC:
            return one.id in _IN_THE_KERNEL
        return _plain(getattr(one.id, "name", "")) in loaded[TransformType(one.type)]

    return ALL.having(has)


def eap_methods(plugins: Collection[str]) -> tuple[str, ...]:
    """Of our EAP methods those for which it has the plugins; some ask another one for passwords or keys."""
    helped = {"gtc": "xauth-generic", "aka": "eap-aka-3gpp", "sim": "eap-simaka-sql"}
    return tuple(one for one in KNOWN if {f"eap-{one}", helped.get(one, f"eap-{one}")} <= set(plugins))


def claims(answer: dict[str, Any], plugins: Collection[str]) -> set[Capability]:
    """What its build can do, by the answer to ``get-algorithms`` and the plugins that it has loaded."""
    found = {capability for capability, any_of in _SIGNERS.items() if any_of.intersection(plugins)}
    if "ke" in answer:
        # This is what the section is called since there can be several key exchanges.
        found |= {Capability.INTERMEDIATE, Capability.MULTIPLE_KE}
    if any(name.startswith("ML_KEM_") for name in answer.get("ke", ())):
        found.add(Capability.ML_KEM)
    if {"revocation", "curl"} <= set(plugins):
        found |= {Capability.CRL, Capability.CRL_OF_ANCHOR, Capability.OCSP, Capability.CRL_IN_IKE}
        if "ke" in answer:  # version 6, which has RFC 4806
            found.add(Capability.OCSP_IN_IKE)
    return found


def _plain(name: str) -> str:
    """A name as charon and the registry of IANA both could have it."""
    name = re.sub(r"^PRF_|_", "", name)
    for theirs, ours in (("3DESCBC", "TRIPLEDES"), ("AES128XCBC", "AESXCBC"), ("AES128CMAC", "AESCMAC")):
        name = name.replace(theirs, ours)
    brainpool = re.fullmatch(r"BRAINPOOLP(\d+)R1", name)
    return f"ECP{brainpool[1]}BP" if brainpool else name
