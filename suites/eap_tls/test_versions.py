"""Which versions of TLS are spoken, and what comes of old, new and unknown ones (RFC 5216, 2.1.1; RFC 9190, 2.1)."""

from dataclasses import replace

from conformance.script.peer import Peer
from conformance.tls import TlsVersion
from conformance.tls.messages import (
    SUPPORTED_VERSIONS,
    ClientHello,
    Extension,
    Number16,
    ServerHello,
    VersionsExtension,
)
from peers.capabilities import Capability
from suites.connections import eap
from suites.eap_tls.conduct import must_refuse
from suites.eap_tls.deviation import Deviation, configured, message, speaking
from suites.eap_tls.making import Row, purposes
from suites.ike_auth.refusal import NOT_CREATED
from suites.purpose import purpose

TIER = "full"

V12, V13 = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
OLD = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1"}
UNKNOWN = (0x7F1C, 0x3A3A)
"""A draft and a number that is reserved so that everybody ignores it (RFC 8701)."""
LIKE_13 = "RFC9190-2.1-3"


# --- what we offer ----------------------------------------------------------------------------------------------------


def offering(version: int) -> Deviation:
    """A ClientHello of another version, as it was before TLS 1.3."""

    def change(hello: ClientHello) -> ClientHello:
        kept = tuple(one for one in hello.extensions if getattr(one, "type", None) != SUPPORTED_VERSIONS)
        return replace(hello, version=version, extensions=kept)

    return message(f"a ClientHello of version {version:04x}", ClientHello, V12, change)


def also_offering(*numbers: int, only: bool = False) -> Deviation:
    """Numbers of unknown versions in front of those that we speak, or in their place."""
    more = tuple(Number16(one) for one in numbers)

    def change(hello: ClientHello) -> ClientHello:
        found = tuple(
            replace(one, versions=more if only else more + one.versions) if isinstance(one, VersionsExtension) else one
            for one in hello.extensions
        )
        return replace(hello, extensions=found)

    text = ", ".join(f"{one:04x}" for one in numbers)
    both = configured("both versions", versions=(V12, V13))
    made = message(f"versions {text}{' alone' if only else ''}", ClientHello, V13, change)
    return replace(made, shape=lambda found, note: both.shape(made.shape(found, note), lambda text: None), version=None)


purposes(__name__, "responder", [
    Row("eap-tls-12", "TLS 1.2 alone is enough: both make the key with the label for it.",
        ("RFC5216-2.3-1", "RFC5216-2.1.3-6"), speaking(V12), "accepted", ordinary=True),
    Row("eap-tls-13", "TLS 1.3 alone is enough: the octet 0 announces the Success, and the key is exported.",
        ("RFC9190-2.5-1", "RFC9190-2.3-1", "RFC9190-2.1.1-5"), speaking(V13), "accepted", ordinary=True),
    Row("eap-tls-version-unknown", "Versions that nobody knows are ignored beside those that we speak.",
        (LIKE_13,), also_offering(*UNKNOWN), "accepted"),
    Row("eap-tls-version-none", "Where we name no version that anybody knows, the device refuses, or speaks TLS 1.2.",
        (LIKE_13,), also_offering(0x7F7F, only=True), "either"),
    Row("eap-tls-version-later", "A ClientHello of TLS 1.4 in the old manner is refused, or answered by TLS 1.2.",
        ("RFC5216-2.1.1-2",), offering(0x0305), "either"),
])  # fmt: skip
purposes(__name__, "initiator", [
    Row("eap-tls-peer-12", "A server of TLS 1.2 is enough: both make the key with the label for it.",
        ("RFC5216-2.3-1", "RFC5216-2.1.3-5"), speaking(V12), "accepted"),
    Row("eap-tls-peer-13", "A server of TLS 1.3 is enough: the key is exported.",
        ("RFC9190-2.3-1",), speaking(V13), "accepted"),
])  # fmt: skip


# --- old versions -----------------------------------------------------------------------------------------------------


@purpose(
    "eap-tls-version-old", "RFC5216-2.1.1-2", "RFC9190-1-1", NOT_CREATED, role="responder", needs=(Capability.EAP,),
    connection=eap("tls"),
)  # fmt: skip
def test_version_old(peer: Peer) -> None:
    """A client that speaks nothing later than TLS 1.1, or than SSL 3.0, gets no ServerHello."""
    for version, name in OLD.items():
        played = must_refuse(peer, offering(version))
        requirement = "RFC5216-2.1.1-2" if version == min(OLD) else "RFC9190-1-1"
        peer.check(not played.greeted, f"no ServerHello for {name}", "a ServerHello", requirement)


def answering(version: int) -> Deviation:
    """A ServerHello of another version."""
    return message(
        f"a ServerHello of version {version:04x}", ServerHello, V12, lambda hello: replace(hello, version=version)
    )


def choosing(version: int) -> Deviation:
    """A ServerHello that chooses another version as TLS 1.3 does."""

    def change(hello: ServerHello) -> ServerHello:
        found = (one for one in hello.extensions if getattr(one, "type", None) != SUPPORTED_VERSIONS)
        chosen = Extension(SUPPORTED_VERSIONS, data=version.to_bytes(2, "big"))
        return replace(hello, extensions=(chosen, *found))

    return message(f"a choice of version {version:04x}", ServerHello, V13, change)


purposes(__name__, "initiator", [
    *(Row(f"eap-tls-peer-version-{version & 0xFF}", f"A server that answers with {name} is refused.",
          ("RFC5216-2.1.1-2" if version == min(OLD) else "RFC9190-1-1",), answering(version))
      for version, name in OLD.items()),
    Row("eap-tls-peer-version-unknown", "A server that chooses a version that nobody knows is refused.",
        (LIKE_13,), choosing(0x7F1C)),
    Row("eap-tls-peer-version-chosen-old", "A server that chooses TLS 1.2 in the manner of TLS 1.3 is refused.",
        (LIKE_13,), choosing(V12)),
])  # fmt: skip
