"""Registries of group key management, G-IKEv2 (RFC 9838)."""

from __future__ import annotations

from conformance.wire.registry.base import OpenEnum


class GroupSaAttribute(OpenEnum):
    """Group SA Attributes."""

    GSA_KEY_LIFETIME = 1
    GSA_INITIAL_MESSAGE_ID = 2
    GSA_NEXT_SPI = 3


class GroupPolicyAttribute(OpenEnum):
    """Group-Wide Policy Attributes."""

    GWP_ATD = 1
    GWP_DTD = 2
    GWP_SENDER_ID_BITS = 3


class GroupKeyBagAttribute(OpenEnum):
    """Group Key Bag Attributes."""

    SA_KEY = 1


class MemberKeyBagAttribute(OpenEnum):
    """Member Key Bag Attributes."""

    WRAP_KEY = 1
    AUTH_KEY = 2
    GM_SENDER_ID = 3
