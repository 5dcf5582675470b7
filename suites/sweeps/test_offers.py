"""Sweeps over what an offer has numbers of, the device as responder."""

from conformance.wire import ProtocolID, TransformType
from suites.choices import esp_separate, pfs, separate
from suites.connections import usual
from suites.sweeps import proposals as of
from suites.sweeps.making import Row, purposes
from suites.sweeps.places import InAuth, InChild, InInit

IKE, ESP = ProtocolID.IKE, ProtocolID.ESP
ENCR, PRF, INTEG, KE, ESN = list(TransformType)[:5]
ALONE = "alone and beside what the device takes"
INTEGRITY = usual(proposals=separate)

purposes(__name__, (
    Row(of.PROTOCOLS, (InInit, InAuth, InChild), "protocols of a proposal"),
    Row(of.TRANSFORM_TYPES, (InInit, InAuth, InChild), f"transform types, {ALONE},"),
    Row(of.algorithms(IKE, ENCR), (InInit,), f"ciphers, weak, withdrawn and unknown ones, {ALONE},"),
    Row(of.algorithms(IKE, PRF), (InInit,), f"PRFs, weak, withdrawn and unknown ones, {ALONE},"),
    Row(of.algorithms(IKE, INTEG), (InInit,), f"integrity algorithms, weak and unknown ones, {ALONE},", INTEGRITY),
    Row(of.algorithms(IKE, KE), (InInit,), f"key exchange methods, weak and unknown ones, {ALONE},"),
    Row(of.algorithms(ESP, ENCR), (InAuth, InChild), f"ciphers, weak, withdrawn and unknown ones, {ALONE},"),
    Row(of.algorithms(ESP, INTEG), (InAuth, InChild), f"integrity algorithms, weak and unknown ones, {ALONE},",
        usual(esp=esp_separate)),
    Row(of.algorithms(ESP, KE), (InChild,), f"key exchange methods, weak and unknown ones, {ALONE},", usual(esp=pfs)),
    Row(of.algorithms(ESP, ESN), (InAuth, InChild), f"sizes of sequence numbers, {ALONE},"),
    Row(of.attribute_types(IKE), (InInit,), f"types of transform attributes, {ALONE},"),
    Row(of.attribute_types(ESP), (InAuth, InChild), f"types of transform attributes, {ALONE},"),
    Row(of.key_lengths(IKE), (InInit,), f"lengths of keys that no cipher has, {ALONE},"),
    Row(of.key_lengths(ESP), (InAuth, InChild), f"lengths of keys that no cipher has, {ALONE},"),
    Row(of.SELECTOR_TYPES, (InAuth, InChild), f"types of traffic selectors, {ALONE},"),
))  # fmt: skip
