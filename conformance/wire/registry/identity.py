"""Registries of who a peer is and how it proves that (RFC 7296 sections 3.5 to 3.8, RFC 7427, RFC 3748)."""

from __future__ import annotations

from conformance.wire.registry.base import OpenEnum


class IdType(OpenEnum):
    """IKEv2 Identification Payload ID Types, without the prefix ID."""

    IPV4_ADDR = 1
    FQDN = 2
    RFC822_ADDR = 3
    IPV6_ADDR = 5
    DER_ASN1_DN = 9
    DER_ASN1_GN = 10
    KEY_ID = 11
    FC_NAME = 12
    NULL = 13


class CertEncoding(OpenEnum):
    """IKEv2 Certificate Encodings."""

    PKCS7_X509 = 1
    PGP = 2
    DNS_SIGNED_KEY = 3
    X509_SIGNATURE = 4
    KERBEROS_TOKEN = 6
    CRL = 7
    ARL = 8
    SPKI = 9
    X509_ATTRIBUTE = 10
    RAW_RSA_KEY = 11
    HASH_URL_X509 = 12
    HASH_URL_BUNDLE = 13
    OCSP_CONTENT = 14
    RAW_PUBLIC_KEY = 15


class AuthMethod(OpenEnum):
    """IKEv2 Authentication Method."""

    RSA_SIGNATURE = 1
    SHARED_KEY_MIC = 2
    DSS_SIGNATURE = 3
    ECDSA_256 = 9
    ECDSA_384 = 10
    ECDSA_521 = 11
    GENERIC_SECURE_PASSWORD = 12
    NULL = 13
    DIGITAL_SIGNATURE = 14


class HashAlgorithm(OpenEnum):
    """IKEv2 Hash Algorithms, in the data of SIGNATURE_HASH_ALGORITHMS (RFC 7427)."""

    SHA1 = 1
    SHA2_256 = 2
    SHA2_384 = 3
    SHA2_512 = 4
    IDENTITY = 5
    STREEBOG_256 = 6
    STREEBOG_512 = 7


class EapCode(OpenEnum):
    """EAP Packet Codes."""

    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4
    INITIATE = 5
    FINISH = 6


class EapType(OpenEnum):
    """EAP Method Types that are met in practice."""

    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    MD5_CHALLENGE = 4
    OTP = 5
    GTC = 6
    RSA_PUBLIC_KEY = 9
    TLS = 13
    LEAP = 17
    SIM = 18
    SRP_SHA1 = 19
    TTLS = 21
    AKA = 23
    PEAP = 25
    MSCHAPV2 = 26
    EXTENSIONS = 33
    TNC = 38
    FAST = 43
    PAX = 46
    PSK = 47
    SAKE = 48
    IKEV2 = 49
    AKA_PRIME = 50
    GPSK = 51
    PWD = 52
    EKE = 53
    PT_EAP = 54
    TEAP = 55
    NOOB = 56
    EXPANDED = 254
    EXPERIMENTAL = 255
