"""Distinguished names in DER (X.501), and the rules by which some of their attributes are compared."""

from collections.abc import Iterator, Sequence

WORDS = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("0992268993f22c640119"): "DC",
}
"""Words of attributes by their object identifiers (RFC 4514, section 3)."""
ANY = "*"


def values(octets: bytes) -> Iterator[bytes]:
    """The values of the elements that stand one after the other; it ends where one runs over the end."""
    at = 0
    while at + 2 <= len(octets):
        length, at = octets[at + 1], at + 2
        if length & 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(octets[at : at + more], "big"), at + more
        if at + length > len(octets):
            return
        yield octets[at : at + length]
        at += length


def attributes(name: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and value of each attribute of a name, in their order; nothing of what is none."""
    for sequence in values(name):
        for part in values(sequence):
            for attribute in values(part):
                pair = list(values(attribute))
                if len(pair) == 2:
                    yield pair[0], pair[1]


def fits(name: bytes, wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether a name has just these attributes in this order; the value of one may be ``ANY``.

    Case does not count, nor how many blanks there are (RFC 5280, section 7.1).
    """
    found = [
        (WORDS.get(kind, kind.hex()), folded(value.decode("utf-8", "replace"))) for kind, value in attributes(name)
    ]
    due = [
        (word, text if value == ANY else folded(value)) for (_, text), (word, value) in zip(found, wanted, strict=False)
    ]
    return len(found) == len(wanted) and found == due


def folded(text: str) -> str:
    """A text as it is compared: in one case, and with single blanks."""
    return " ".join(text.casefold().split())
