"""The invariants by name: what each says, and which requirements it tests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that is true of every message of a device: a sentence, and the requirements that say so."""

    text: str
    requirements: tuple[str, ...]


INVARIANTS: Mapping[str, Invariant] = MappingProxyType(
    {
        "version": Invariant(
            "A message has version 2.0.",
            (
                "RFC7296-3.1-10",
                "RFC7296-3.1-12",
            ),
        ),
        "flags": Invariant(
            "Reserved flags and the Version flag of a message are cleared.",
            (
                "RFC7296-2.5-7",
                "RFC7296-3.1-20",
            ),
        ),
        "role": Invariant(
            "The Initiator flag is that of the sender's role in the IKE SA.",
            (
                "RFC7296-3.1-22",
                "RFC7296-3.1-23",
            ),
        ),
        "response": Invariant(
            "A response is for a request, and has its message ID, exchange type and SPIs.",
            (
                "RFC7296-2.2-6",
                "RFC7296-2.21.4-3",
                "RFC7296-3.1-19",
            ),
        ),
        "message-id": Invariant(
            "The message IDs of the device's own requests grow by one, from 0 on, in any order within our window.",
            (
                "RFC7296-2.2-2",
                "RFC7296-2.2-3",
            ),
        ),
        "repetition": Invariant("A request that is repeated has the same octets.", ("RFC7296-2.1-9",)),
        "unprotected": Invariant(
            "Nothing protected answers what was not protected.",
            (
                "RFC7296-2.4-7",
                "RFC7296-3.10.1-5",
            ),
        ),
        "iv": Invariant(
            "No IV is used twice under one key.",
            (
                "RFC7296-3.14-4",
                "RFC5282-3.1-2",
            ),
        ),
        "padding": Invariant(
            "An Encrypted payload has no more padding than fills the last block, but with an AEAD.", ("RFC7296-3.14-8",)
        ),
        "reserved": Invariant(
            "Reserved fields of payloads and of what is in them are zero.",
            (
                "RFC7296-2.5-7",
                "RFC7296-3.2-8",
                "RFC7296-3.3.1-2",
                "RFC7296-3.15-1",
                "RFC7296-3.15.1-1",
            ),
        ),
        "critical": Invariant(
            "Known payloads are not critical.",
            (
                "RFC7296-2.5-14",
                "RFC7296-3.2-6",
            ),
        ),
        "once": Invariant(
            "No payload is there twice that belongs there once.",
            (
                "RFC7296-1.2-2",
                "RFC7296-1.2-3",
                "RFC7296-1.2-6",
                "RFC7296-1.2-10",
                "RFC7296-1.3.1-1",
                "RFC7296-1.3.1-2",
            ),
        ),
        "order": Invariant("The payloads of the RFC's figures come in their order.", ("RFC7296-2.5-16",)),
        "nat-place": Invariant("NAT detection stands behind the nonce and before CERTREQ.", ("RFC7296-2.23-11",)),
        "nonce-size": Invariant("A nonce has 16 to 256 octets.", ("RFC7296-3.9-1",)),
        "nonce-fresh": Invariant("A nonce was not used before.", ("RFC7296-3.9-2",)),
        "notify-size": Invariant(
            "The data of a notify have the size that its type has.",
            (
                "RFC7296-1.3-7",
                "RFC7296-1.3.3-5",
                "RFC7296-2.3-1",
                "RFC7296-2.3-14",
                "RFC7296-2.5-12",
                "RFC7296-2.6-7",
                "RFC7296-2.22-4",
                "RFC7296-2.23-12",
                "RFC7296-2.23-14",
                "RFC4739-3.1-1",
                "RFC4739-3.2-1",
                "RFC7383-2.3-6",
                "RFC7427-4-5",
            ),
        ),
        "notify-spi": Invariant(
            "A notify has an SPI, of a Child SA, where it is about one, and none elsewhere.",
            (
                "RFC7296-3.10-1",
                "RFC7296-3.10-2",
            ),
        ),
        "ipcomp": Invariant("N(IPCOMP_SUPPORTED) is sent beside an SA payload only.", ("RFC7296-2.22-3",)),
        "delete": Invariant(
            "A Delete payload has the SPIs of one protocol, and none for the IKE SA.",
            (
                "RFC7296-3.11-2",
                "RFC7296-3.11-4",
                "RFC7296-3.11-5",
            ),
        ),
        "selectors": Invariant(
            "Ports of selectors are in order, all of them for any protocol, or OPAQUE.",
            (
                "RFC7296-3.13.1-3",
                "RFC7296-3.13.1-5",
                "RFC7296-3.13.1-7",
            ),
        ),
        "eap": Invariant(
            "EAP packets have identifier and type of what they answer, and nothing behind Success and Failure.",
            (
                "RFC7296-3.16-1",
                "RFC7296-3.16-3",
                "RFC7296-3.16-4",
            ),
        ),
        "numbers": Invariant(
            "The proposals of an offer are numbered 1, 2, 3 and so on.",
            (
                "RFC7296-3.3-5",
                "RFC7296-3.3-6",
            ),
        ),
        "protocol": Invariant("A proposal is for the protocol that its exchange negotiates.", ("RFC7296-3.3.1-7",)),
        "proposal-spi": Invariant(
            "A proposal has an SPI of the size of its protocol, and none in IKE_SA_INIT.",
            (
                "RFC7296-3.3.1-8",
                "RFC7296-3.3.1-9",
                "RFC7296-3.3.1-11",
            ),
        ),
        "types": Invariant(
            "A proposal has the transform types that its protocol needs.",
            (
                "RFC7296-3.3.2-5",
                "RFC7296-3.3.3-1",
                "RFC7296-3.3.3-2",
                "RFC7296-3.3.3-3",
            ),
        ),
        "attributes": Invariant(
            "A transform has a Key Length where its cipher needs one, once, in the short form, and nowhere else.",
            (
                "RFC7296-3.3-12",
                "RFC7296-3.3-13",
                "RFC7296-3.3.5-2",
                "RFC7296-3.3.5-5",
                "RFC7296-3.3.5-6",
            ),
        ),
        "ke": Invariant(
            "A public value has the size of its group, which is one of those that are offered.",
            (
                "RFC7296-3.4-1",
                "RFC7296-3.4-2",
                "RFC7296-3.4-4",
            ),
        ),
        "ke-first": Invariant(
            "The public value in IKE_SA_INIT is one of the first group that is offered.", ("RFC7296-3.4-3",)
        ),
        "choice": Invariant(
            "What is chosen from an offer is one of its proposals, with one transform of each type.", ("RFC7296-2.7-5",)
        ),
        "sequence": Invariant("No two ESP packets of an SA have one sequence number.", ("RFC4303-2.2-1",)),
        "udp-checksum": Invariant(
            "The UDP checksum around ESP and NAT keepalives over IPv4 is zero.", ("RFC3948-2.1-2", "RFC3948-2.3-2")
        ),
        "esp-iv": Invariant(
            "No IV of ESP is used twice under one key.",
            (
                "RFC4106-2-1",
                "RFC3602-3-2",
            ),
        ),
        "esp-padding": Invariant("The padding of ESP is 1, 2, 3 and so on.", ("RFC4303-2.4-3",)),
        "esp-length": Invariant("ESP packets are whole blocks.", ("RFC4303-2.4-2",)),
        "esp-icv": Invariant("The ICV of every ESP packet is right.", ("RFC4303-2.8-1",)),
    }
)


def check(names: Collection[str]) -> frozenset[str]:
    """Names of invariants. Raises ValueError for one that there is not."""
    unknown = sorted(set(names) - set(INVARIANTS))
    if unknown:
        raise ValueError(f"there is no invariant {unknown[0]!r}; there are {', '.join(sorted(INVARIANTS))}")
    return frozenset(names)
