"""The scenarios of ``ikespec interop``, in the order in which they are shown."""

from dataclasses import replace

from conformance.ike.core.connection import Mode, RedirectWhen
from conformance.wire import AuthMethod
from peers.capabilities import Capability
from suites.choices import esp_esn, pfs, two_groups
from suites.connections import certificates, psk
from suites.interop import connections
from suites.interop.scenario import (
    BOTH,
    INITIATOR,
    RESPONDER,
    Order,
    Role,
    Scenario,
    Step,
    behind_nat,
    delete_child,
    delete_ike,
    initiate,
    losing,
    rekey_child,
    rekey_ike,
)

_SECOND = "192.0.2.77"
"""Where the second gateway of a client is."""


def _again(order: Order, by: Role = INITIATOR) -> Step:
    """Another IKE SA has taken the place of the first one, with another Child SA."""
    return Step(order, (by,), new_ike=True, new_child=True, child="net")


_AUTHENTICATION = (
    Scenario("auth-psk", "Both authenticate with a shared key", "authentication"),
    Scenario("auth-rsa", "RSA certificates, signature as both like it", "authentication", certificates("rsa")),
    Scenario(
        "auth-rsa-classic",
        "RSA certificates with the method of RFC 7296 (SHA-1)",
        "authentication",
        connections.signed("rsa", method=AuthMethod.RSA_SIGNATURE),
    ),
    Scenario(
        "auth-rsa-pkcs1",
        "RSA certificates, Digital Signature with PKCS #1 v1.5 and SHA2-512",
        "authentication",
        connections.signed("rsa", method=AuthMethod.DIGITAL_SIGNATURE, hash_="sha512"),
        requires=frozenset({Capability.RFC7427}),
    ),
    Scenario(
        "auth-rsa-pss",
        "RSA certificates, Digital Signature with RSASSA-PSS and SHA2-256",
        "authentication",
        connections.signed("rsa", method=AuthMethod.DIGITAL_SIGNATURE, hash_="sha256", pss=True),
        requires=frozenset({Capability.RFC7427}),
    ),
    Scenario("auth-ecdsa", "ECDSA certificates, signature as both like it", "authentication", certificates("ecdsa")),
    Scenario(
        "auth-ecdsa-classic",
        "ECDSA certificates with the method of RFC 4754",
        "authentication",
        connections.signed("ecdsa", method=AuthMethod.ECDSA_256, hash_="sha256"),
    ),
    Scenario("auth-ed25519", "Ed25519 certificates (RFC 8420)", "authentication", certificates("ed25519")),
    Scenario(
        "auth-intermediate",
        "ECDSA certificates of an intermediate authority that only the sender has",
        "authentication",
        connections.through_intermediate,
    ),
    Scenario(
        "auth-mixed", "The initiator signs, the responder has a shared key", "authentication", connections.two_methods
    ),
    Scenario(
        "auth-cookie",
        "The responder asks for a cookie first",
        "authentication",
        responder=connections.asking_for_cookies,
    ),
)

_PROPOSALS = (
    Scenario(
        "prop-cbc-modp2048",
        "AES-CBC, HMAC-SHA2-256, MODP 2048",
        "proposals",
        psk(proposals=("aes256-sha256-modp2048",), esp=("aes256-sha256",)),
    ),
    Scenario(
        "prop-cbc-sha512-modp3072",
        "AES-CBC, HMAC-SHA2-512, MODP 3072",
        "proposals",
        psk(proposals=("aes128-sha512-modp3072",), esp=("aes128-sha512",)),
    ),
    Scenario(
        "prop-gcm256-ecp384",
        "AES-GCM with 256 bits, PRF of SHA2-384, ECP 384",
        "proposals",
        psk(proposals=("aes256gcm16-prfsha384-ecp384",), esp=("aes256gcm16",)),
    ),
    Scenario(
        "prop-ctr-ecp256",
        "AES-CTR, HMAC-SHA2-256, ECP 256; AES-CTR in ESP",
        "proposals",
        psk(proposals=("aes128ctr-sha256-ecp256",), esp=("aes128ctr-sha256",)),
    ),
    Scenario(
        "prop-chacha",
        "ChaCha20-Poly1305 in IKE and ESP (RFC 7634)",
        "proposals",
        psk(proposals=("chacha20poly1305-prfsha256-x25519",), esp=("chacha20poly1305",)),
    ),
    Scenario(
        "prop-ml-kem",
        "ML-KEM-768 as the key exchange",
        "proposals",
        psk(proposals=("aes256gcm16-prfsha384-mlkem768",), esp=("aes256gcm16",)),
    ),
    Scenario(
        "prop-sha1-ecp521",
        "AES-CBC, HMAC-SHA1, ECP 521",
        "proposals",
        psk(proposals=("aes128-sha1-ecp521",), esp=("aes128-sha1",)),
    ),
    Scenario(
        "prop-esn",
        "Extended sequence numbers",
        "proposals",
        psk(esp=esp_esn),
        requires=frozenset({Capability.ESN}),
    ),
    Scenario(
        "prop-second",
        "The responder takes the second of three proposals",
        "proposals",
        psk(proposals=connections.three),
        responder=connections.second_only,
    ),
    Scenario(
        "prop-other-group",
        "The responder wants another key exchange method than the initiator's first (INVALID_KE_PAYLOAD)",
        "proposals",
        psk(proposals=two_groups),
        responder=connections.last_group_only,
    ),
)

_CHILDREN = (
    Scenario("child-transport", "A Child SA in transport mode", "child SAs", psk(mode=Mode.TRANSPORT)),
    Scenario(
        "child-narrowing",
        "The responder narrows the selectors",
        "child SAs",
        connections.wide,
        responder=connections.narrow,
        requires=frozenset({Capability.NARROWING}),
    ),
    Scenario(
        "child-many",
        f"{connections.MANY} Child SAs under one IKE SA",
        "child SAs",
        connections.many,
        (initiate(), *(initiate(f"net{number}", children=number) for number in range(2, connections.MANY + 1))),
    ),
    Scenario(
        "child-less",
        "An IKE SA without a Child SA, which comes later (RFC 6023)",
        "child SAs",
        psk(childless=True),
        (initiate(children=0), initiate("net")),
    ),
    Scenario(
        "config-mode",
        "The initiator gets an inner address from the responder's pool (RFC 7296, 2.19)",
        "child SAs",
        connections.pool,
        (initiate(), rekey_child(INITIATOR), rekey_ike(RESPONDER)),
    ),
    Scenario(
        "config-mode6",
        "The initiator gets an inner IPv6 address from the responder's pool (RFC 7296, 3.15.3)",
        "child SAs",
        connections.pool6,
        (initiate(), rekey_child(INITIATOR), rekey_ike(RESPONDER)),
    ),
    Scenario(
        "config-mode-both",
        "The initiator gets inner addresses of both families",
        "child SAs",
        connections.pools,
        (initiate(), rekey_child(INITIATOR), rekey_ike(RESPONDER)),
    ),
    Scenario(
        "child-again",
        "A Child SA is deleted and opened again",
        "child SAs",
        steps=(initiate(), delete_child(INITIATOR), initiate("net")),
        requires=frozenset({Capability.MULTIPLE_CHILDREN}),
    ),
)

_REKEYS = (
    Scenario(
        "rekey-child-initiator",
        "The initiator rekeys the Child SA",
        "rekeying",
        steps=(initiate(), rekey_child(INITIATOR)),
    ),
    Scenario(
        "rekey-child-responder",
        "The responder rekeys the Child SA",
        "rekeying",
        steps=(initiate(), rekey_child(RESPONDER)),
    ),
    Scenario(
        "rekey-child-pfs",
        "Both rekey the Child SA in turn, with a key exchange",
        "rekeying",
        psk(esp=pfs),
        (initiate(), rekey_child(INITIATOR), rekey_child(RESPONDER)),
        requires=frozenset({Capability.PFS}),
    ),
    Scenario(
        "rekey-child-crossing",
        "Both rekey the Child SA in the same instant",
        "rekeying",
        steps=(initiate(), rekey_child(*BOTH)),
    ),
    Scenario(
        "rekey-ike-initiator", "The initiator rekeys the IKE SA", "rekeying", steps=(initiate(), rekey_ike(INITIATOR))
    ),
    Scenario(
        "rekey-ike-responder", "The responder rekeys the IKE SA", "rekeying", steps=(initiate(), rekey_ike(RESPONDER))
    ),
    Scenario(
        "rekey-ike-crossing",
        "Both rekey the IKE SA in the same instant",
        "rekeying",
        steps=(initiate(), rekey_ike(*BOTH)),
    ),
    Scenario(
        "rekey-all",
        "IKE SA and Child SA are rekeyed by both in turn",
        "rekeying",
        steps=(
            initiate(),
            rekey_ike(INITIATOR),
            rekey_child(RESPONDER),
            rekey_ike(RESPONDER),
            rekey_child(INITIATOR),
        ),
    ),
    Scenario(
        "rekey-reauth",
        "The initiator reauthenticates",
        "rekeying",
        steps=(initiate(), _again(Order.REAUTHENTICATE)),
    ),
    Scenario(
        "reauth-make-before-break",
        "The initiator has a new IKE SA before it deletes the old one",
        "rekeying",
        psk(make_before_break=True),
        (initiate(), _again(Order.REAUTHENTICATE)),
        responder=connections.server,
    ),
    Scenario(
        "reauth-break-before-make",
        "The initiator deletes the old IKE SA and opens a new one",
        "rekeying",
        psk(make_before_break=False),
        (initiate(), _again(Order.REAUTHENTICATE)),
        responder=connections.server,
    ),
    Scenario(
        "reauth-responder",
        "The responder reauthenticates",
        "rekeying",
        steps=(initiate(), _again(Order.REAUTHENTICATE, RESPONDER)),
        requires=frozenset({Capability.INITIATOR}),
    ),
    Scenario(
        "reauth-told",
        "The responder demands by AUTH_LIFETIME that the initiator authenticates again (RFC 4478)",
        "rekeying",
        connections.pool,
        (initiate(), _again(Order.AGAIN)),
        responder=connections.demanding,
        patience=12.0,
    ),
)

_REDIRECTS = (
    Scenario(
        "redirect-init",
        "The responder sends the initiator to a third gateway in IKE_SA_INIT (RFC 5685, 3)",
        "redirects",
        psk(follows_redirects=True),
        (replace(initiate(), at_third=True),),
        responder=connections.sends_away,
        redirects=RedirectWhen.INIT,
    ),
    Scenario(
        "redirect-auth",
        "The responder sends the initiator to a third gateway in IKE_AUTH (RFC 5685, 6)",
        "redirects",
        psk(follows_redirects=True),
        (replace(initiate(), at_third=True),),
        responder=connections.sends_away,
        redirects=RedirectWhen.AUTH,
    ),
    Scenario(
        "redirect-later",
        "The responder sends the initiator to a third gateway in mid-session (RFC 5685, 5)",
        "redirects",
        psk(follows_redirects=True),
        (initiate(), Step(Order.REDIRECT, (RESPONDER,), at_third=True)),
        responder=connections.sends_away,
        patience=10.0,
    ),
)

_ENDS = (
    Scenario(
        "backup-gateway",
        "The gateway dies, and its client goes to the second one",
        "deletion and liveness",
        psk(backup_addresses=(_SECOND,), dpd_delay=1.0),
        (initiate(), Step(Order.MOVE, new_ike=True, new_child=True, child="net", leftovers=True)),
        responder=connections.only_gateway,
        patience=25.0,
    ),
    Scenario(
        "delete-ike-initiator",
        "The initiator deletes the IKE SA",
        "deletion and liveness",
        steps=(initiate(), delete_ike(INITIATOR)),
    ),
    Scenario(
        "delete-ike-responder",
        "The responder deletes the IKE SA",
        "deletion and liveness",
        steps=(initiate(), delete_ike(RESPONDER)),
    ),
    Scenario(
        "delete-child-initiator",
        "The initiator deletes one of two Child SAs",
        "deletion and liveness",
        connections.many,
        (initiate(), initiate("net2", children=2), delete_child(INITIATOR, left=1)),
    ),
    Scenario(
        "delete-child-responder",
        "The responder deletes one of two Child SAs",
        "deletion and liveness",
        connections.many,
        (initiate(), initiate("net2", children=2), delete_child(RESPONDER, left=1)),
    ),
    Scenario(
        "dpd-initiator",
        "The initiator checks liveness",
        "deletion and liveness",
        psk(dpd_delay=1.0),
        (initiate(), Step(Order.LIVENESS)),
        responder=connections.initiator_checks,
    ),
    Scenario(
        "dpd-responder",
        "The responder checks liveness",
        "deletion and liveness",
        steps=(initiate(), Step(Order.LIVENESS, (RESPONDER,))),
        responder=connections.responder_checks,
    ),
    Scenario(
        "dpd-dead",
        "The wire is cut, and the initiator gives up",
        "deletion and liveness",
        psk(dpd_delay=1.0, retransmit_timeout=0.5, retransmit_base=1.0, retransmit_tries=2),
        (initiate(), Step(Order.GIVE_UP, ike_sas=0, children=0)),
        responder=connections.initiator_checks,
    ),
    Scenario(
        "initial-contact",
        "The initiator comes back without its SAs (INITIAL_CONTACT)",
        "deletion and liveness",
        # The responder MAY delete what it still has (RFC 7296, 2.4); it need not.
        steps=(initiate(), Step(Order.FORGET), replace(initiate(), leftovers=True)),
    ),
)

_PATHS = (
    Scenario(
        "frag-rsa",
        "RSA certificates in IKE fragments of 576 octets",
        "path",
        certificates("rsa", fragment_size=576),
        requires=frozenset({Capability.FRAGMENTATION}),
    ),
    Scenario(
        "frag-off",
        "RSA certificates without IKE fragmentation",
        "path",
        certificates("rsa", fragment_size=0),
    ),
    Scenario(
        "path-loss",
        "The line loses each datagram once",
        "path",
        path=losing,
        requires=frozenset({Capability.TIMERS}),
        patience=12.0,
    ),
    Scenario(
        "nat-initiator",
        "The initiator is behind a NAT",
        "path",
        path=behind_nat,
        requires=frozenset({Capability.NAT_T}),
    ),
    Scenario(
        "nat-rekey",
        "The initiator is behind a NAT, and both rekey",
        "path",
        steps=(initiate(), rekey_child(RESPONDER), rekey_ike(INITIATOR), rekey_ike(RESPONDER)),
        path=behind_nat,
        requires=frozenset({Capability.NAT_T}),
    ),
    Scenario(
        "nat-forced",
        "UDP encapsulation without a NAT",
        "path",
        psk(force_encapsulation=True),
        requires=frozenset({Capability.NAT_T}),
    ),
    Scenario("mobike", "Both support MOBIKE (RFC 4555)", "path", psk(mobike=True)),
)

_IPV6 = (
    Scenario("ipv6", "IPv6 outside and inside", "IPv6", connections.inner6(True), ipv6=True),
    Scenario(
        "ipv6-frag",
        "IPv6, RSA certificates in IKE fragments",
        "IPv6",
        certificates("rsa", fragment_size=1280, ipv6=True),
        ipv6=True,
        requires=frozenset({Capability.FRAGMENTATION}),
    ),
    Scenario(
        "ipv6-inside",
        "IPv6 networks through IPv4",
        "IPv6",
        connections.inner6(False),
        requires=frozenset({Capability.IPV6}),
    ),
    Scenario("ipv6-outside", "IPv4 networks through IPv6", "IPv6", psk(ipv6=True), ipv6=True),
    Scenario("ipv6-transport", "Transport mode in IPv6", "IPv6", psk(ipv6=True, mode=Mode.TRANSPORT), ipv6=True),
)

SCENARIOS = (*_AUTHENTICATION, *_PROPOSALS, *_CHILDREN, *_REKEYS, *_REDIRECTS, *_ENDS, *_PATHS, *_IPV6)
"""All of them."""
