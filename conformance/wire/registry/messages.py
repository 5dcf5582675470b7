"""Registries of the message frame: exchange types, payload types, security protocols (RFC 7296 sections 3.1 to 3.3)."""

from __future__ import annotations

from conformance.wire.registry.base import OpenEnum


class ExchangeType(OpenEnum):
    """IKEv2 Exchange Types."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37
    IKE_SESSION_RESUME = 38
    GSA_AUTH = 39
    GSA_REGISTRATION = 40
    GSA_REKEY = 41
    GSA_INBAND_REKEY = 42
    IKE_INTERMEDIATE = 43
    IKE_FOLLOWUP_KE = 44


class PayloadType(OpenEnum):
    """IKEv2 Payload Types, under their notation in upper case where IANA gives a short one."""

    NO_NEXT_PAYLOAD = 0
    SA = 33
    KE = 34
    IDI = 35
    IDR = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR_ID = 43
    TSI = 44
    TSR = 45
    SK = 46
    CP = 47
    EAP = 48
    GSPM = 49
    IDG = 50
    GSA = 51
    KD = 52
    SKF = 53
    PS = 54

    @property
    def notation(self) -> str:
        """How the charts of the RFCs write the payload (``IDi``, ``N``, ``V`` ...); the name where there is none."""
        return _NOTATION.get(self._value_, self._name_)


_NOTATION = {35: "IDi", 36: "IDr", 40: "Nonce", 41: "N", 42: "D", 43: "V", 44: "TSi", 45: "TSr", 50: "IDg"}


class ProtocolID(OpenEnum):
    """IKEv2 Security Protocol Identifiers."""

    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3
    FC_ESP_HEADER = 4
    FC_CT_AUTHENTICATION = 5
    GIKE_UPDATE = 6
