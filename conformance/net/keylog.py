"""Keys in the formats of Wireshark: lines of its tables `ikev2_decryption_table` (IKE) and `esp_sa` (ESP).

The lines are what Wireshark keeps in files of these names in a profile, and what follows ``-o uat:<table>:`` on the
command line of tshark. They hold the names of algorithms exactly as Wireshark has them. Hexadecimal fields of the IKE
table stand without quotes: Wireshark takes quoted ones for text.
"""

from ipaddress import ip_address

from conformance.wire import Encr, Integ

IKE_TABLE = "ikev2_decryption_table"
"""Wireshark's name of the table and of its file with one IKE SA a line."""

ESP_TABLE = "esp_sa"
"""Wireshark's name of the table and of its file with one ESP SA, which is one direction, a line."""

_IKE_CIPHERS: dict[tuple[Encr, int | None], str] = {
    (Encr.NULL, None): "NULL [RFC2410]",
    (Encr.TRIPLE_DES, None): "3DES [RFC2451]",
    **{(Encr.AES_CBC, bits): f"AES-CBC-{bits} [RFC3602]" for bits in (128, 192, 256)},
    **{(Encr.AES_CTR, bits): f"AES-CTR-{bits} [RFC5930]" for bits in (128, 192, 256)},
    **{
        (encr, bits): f"AES-{mode}-{bits} with {octets} octet ICV [RFC5282]"
        for bits in (128, 192, 256)
        for encr, mode, octets in (
            (Encr.AES_CCM_8, "CCM", 8),
            (Encr.AES_CCM_12, "CCM", 12),
            (Encr.AES_CCM_16, "CCM", 16),
            (Encr.AES_GCM_8, "GCM", 8),
            (Encr.AES_GCM_12, "GCM", 12),
            (Encr.AES_GCM_16, "GCM", 16),
        )
    },
}

# Wireshark decrypts without checking the integrity where it does not know the algorithm, only its ICV's length; it then
# wants no integrity key.
_IKE_INTEGRITY = {
    Integ.NONE: "NONE [RFC4306]",
    Integ.HMAC_MD5_96: "HMAC_MD5_96 [RFC2403]",
    Integ.HMAC_SHA1_96: "HMAC_SHA1_96 [RFC2404]",
    Integ.HMAC_MD5_128: "HMAC_MD5_128 [RFC4595]",
    Integ.HMAC_SHA1_160: "HMAC_SHA1_160 [RFC4595]",
    Integ.HMAC_SHA2_256_128: "HMAC_SHA2_256_128 [RFC4868]",
    Integ.HMAC_SHA2_384_192: "HMAC_SHA2_384_192 [RFC4868]",
    Integ.HMAC_SHA2_512_256: "HMAC_SHA2_512_256 [RFC4868]",
    Integ.AES_XCBC_96: "ANY 96-bits of Authentication [No Checking]",
    Integ.AES_CMAC_96: "ANY 96-bits of Authentication [No Checking]",
}

_UNCHECKED = (Integ.AES_XCBC_96, Integ.AES_CMAC_96)

_ESP_CIPHERS = {
    Encr.NULL: "NULL",
    Encr.DES: "DES-CBC [RFC2405]",
    Encr.TRIPLE_DES: "TripleDES-CBC [RFC2451]",
    Encr.CAST: "CAST5-CBC [RFC2144]",
    Encr.BLOWFISH: "BLOWFISH-CBC [RFC2451]",
    Encr.AES_CBC: "AES-CBC [RFC3602]",
    Encr.AES_CTR: "AES-CTR [RFC3686]",
    Encr.AES_GCM_8: "AES-GCM with 8 octet ICV [RFC4106]",
    Encr.AES_GCM_12: "AES-GCM with 12 octet ICV [RFC4106]",
    Encr.AES_GCM_16: "AES-GCM with 16 octet ICV [RFC4106]",
}

_ESP_INTEGRITY = {
    Integ.NONE: "NULL",
    Integ.HMAC_MD5_96: "HMAC-MD5-96 [RFC2403]",
    Integ.HMAC_SHA1_96: "HMAC-SHA-1-96 [RFC2404]",
    Integ.HMAC_SHA2_256_128: "HMAC-SHA-256-128 [RFC4868]",
    Integ.HMAC_SHA2_384_192: "HMAC-SHA-384-192 [RFC4868]",
    Integ.HMAC_SHA2_512_256: "HMAC-SHA-512-256 [RFC4868]",
    Integ.AES_XCBC_96: "ANY 96 bit authentication [no checking]",
    Integ.AES_CMAC_96: "ANY 96 bit authentication [no checking]",
}


def ike_line(
    spi_i: bytes,
    spi_r: bytes,
    sk_ei: bytes,
    sk_er: bytes,
    sk_ai: bytes,
    sk_ar: bytes,
    encr: Encr,
    key_bits: int | None,
    integ: Integ,
) -> str | None:
    """A line of `IKE_TABLE`; None if Wireshark cannot decrypt the algorithm, as ChaCha20-Poly1305.

    The keys are those of RFC 7296 section 2.14, SK_e with the salt of a combined-mode cipher behind the key.
    ``key_bits`` is the Key Length attribute, None for a cipher without.
    """
    cipher, integrity = _IKE_CIPHERS.get((encr, key_bits)), _IKE_INTEGRITY.get(integ)
    if cipher is None or integrity is None:
        return None
    if integ in _UNCHECKED:
        sk_ai = sk_ar = b""
    spis, keys = f"{spi_i.hex()},{spi_r.hex()}", f"{sk_ei.hex()},{sk_er.hex()}"
    return f'{spis},{keys},"{cipher}",{sk_ai.hex()},{sk_ar.hex()},"{integrity}"'


def esp_line(
    source: str, destination: str, spi: bytes, encr: Encr, key: bytes, integ: Integ, integrity_key: bytes
) -> str | None:
    """A line of `ESP_TABLE` for the packets from ``source`` to ``destination``, addresses of the outer IP header.

    ``spi`` has 4 octets. ``key`` ends in the salt or nonce, if the cipher has one. None if Wireshark cannot decrypt the
    algorithm. Raises ValueError for text that is no IP address.
    """
    cipher, integrity = _ESP_CIPHERS.get(encr), _ESP_INTEGRITY.get(integ)
    if cipher is None or integrity is None:
        return None
    family = f"IPv{ip_address(destination).version}"
    fields = (family, source, destination, f"0x{spi.hex()}", cipher, _hex(key), integrity, _hex(integrity_key))
    return ",".join(f'"{field}"' for field in fields)


def tshark_options(ike_lines: list[str], esp_lines: list[str]) -> list[str]:
    """Arguments for tshark that decrypt with these lines and check the ICV of ESP packets."""
    options = [f"uat:{IKE_TABLE}:{line}" for line in ike_lines] + [f"uat:{ESP_TABLE}:{line}" for line in esp_lines]
    if esp_lines:
        options += ["esp.enable_encryption_decode:TRUE", "esp.enable_authentication_check:TRUE"]
    return [argument for option in options for argument in ("-o", option)]


def _hex(key: bytes) -> str:
    return f"0x{key.hex()}" if key else ""
