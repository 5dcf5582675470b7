"""Distinguished names in DER (X.501), and the rules by which they are compared (RFC 5280, section 7.1)."""

import stringprep
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unicodedata import category, normalize

from conformance.crypto.bundle import element

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


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a name: its type, an object identifier without its header, the tag and octets of its value."""

    type: bytes
    value: bytes
    tag: int = 0x0C


UTF8_STRING, PRINTABLE_STRING, IA5_STRING, BMP_STRING = 0x0C, 0x13, 0x16, 0x1E
Parts = tuple[tuple[Attribute, ...], ...]
"""A name: relative distinguished names from the root on, each of one attribute or more."""
_SEQUENCE, _SET, _OBJECT_IDENTIFIER = 0x30, 0x31, 0x06


def read(name: bytes) -> Parts:
    """The parts of a name in DER. Raises ValueError for what is none."""
    found = _nested(_SEQUENCE, name)
    if len(found) != 1:
        raise ValueError(f"no distinguished name: {name.hex()}")
    (whole,) = found
    return tuple(tuple(map(_attribute, _nested(_SEQUENCE, part))) for part in _nested(_SET, whole))


def write(parts: Parts) -> bytes:
    """The name in DER. The attributes of one part are put into the order that a SET OF has there."""
    sets = []
    for part in parts:
        pairs = [element(_OBJECT_IDENTIFIER, one.type) + element(one.tag, one.value) for one in part]
        sets.append(element(_SET, b"".join(sorted(element(_SEQUENCE, one) for one in pairs))))
    return element(_SEQUENCE, b"".join(sets))


def same(one: bytes, other: bytes) -> bool:
    """Whether two names in DER match: the same parts in the same order, values compared as texts (section 7.1).

    Texts are compared where both are UTF8String or PrintableString, or both IA5String; other values by their octets.
    """
    if one == other:
        return True
    try:
        first, second = read(one), read(other)
    except ValueError:
        return False
    return len(first) == len(second) and all(map(_same_part, first, second))


def _same_part(one: tuple[Attribute, ...], other: tuple[Attribute, ...]) -> bool:
    return sorted(map(_comparable, one)) == sorted(map(_comparable, other))


def _comparable(attribute: Attribute) -> tuple[bytes, int, str, bytes]:
    """Two attributes match if these are equal."""
    texts = UTF8_STRING, PRINTABLE_STRING
    tag = UTF8_STRING if attribute.tag in texts else attribute.tag
    if tag not in (UTF8_STRING, IA5_STRING):
        return attribute.type, tag, "", attribute.value
    try:
        return attribute.type, tag, folded(attribute.value.decode()), b""
    except UnicodeDecodeError:
        return attribute.type, tag, "", attribute.value


def _nested(tag: int, octets: bytes) -> list[bytes]:
    """The contents of elements that all have this tag."""
    found = []
    at = 0
    while at < len(octets):
        content = next(values(octets[at:]), b"")
        whole = element(tag, content)
        if not octets.startswith(whole, at):
            raise ValueError(f"no distinguished name: {octets.hex()}")
        found.append(content)
        at += len(whole)
    return found


def _attribute(pair: bytes) -> Attribute:
    kind, value = (*values(pair), b"", b"")[:2]
    head = element(_OBJECT_IDENTIFIER, kind)
    tag = pair[len(head)] if len(pair) > len(head) else 0
    if head + element(tag, value) != pair:
        raise ValueError(f"no attribute of a name: {pair.hex()}")
    return Attribute(kind, value, tag)


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
    """A text as it is compared: mapped and normalized, in one case, with single blanks (RFC 4518, section 2)."""
    mapped = "".join(map(_mapped, text))
    return " ".join(normalize("NFKC", "".join(map(stringprep.map_table_b2, mapped))).split())


def _mapped(letter: str) -> str:
    """Step 2, Map: separators and white space are blanks, what is not seen is nothing."""
    if letter in "\t\n\v\f\r\x85" or category(letter).startswith("Z"):
        return " "
    unseen = letter == "\ufffc" or category(letter) in ("Cc", "Cf") or stringprep.in_table_b1(letter)
    return "" if unseen else letter
