"""Asking an unknown device what it takes (``ikespec probe``).

Most questions leave no state behind. A question is an IKE_SA_INIT request with the proposals that are asked about and,
last, one that nobody takes; the KE payload is of the group of that last one. A device that takes any of the others says
so with INVALID_KE_PAYLOAD, which names the group of its choice, keeps nothing and computes nothing (RFC 7296, section
1.2). Devices that answer in another way are asked with real exchanges, whose half-open IKE SAs are ended again.
"""
