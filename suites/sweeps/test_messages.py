"""Sweeps over the header, payload types, notifies, identities and configuration, the device as responder."""

from conformance.wire import ExchangeType as Exchange
from suites.sweeps import registries as of
from suites.sweeps.making import Row, purposes
from suites.sweeps.places import InAuth, InAuthAlone, InChild, InInformational, InInit

EVERYWHERE = (InInit, InAuth, InInformational, InChild)
PROTECTED = (InAuth, InInformational, InChild)
UNKNOWN = "those that nobody knows among them"

purposes(__name__, (
    Row(of.PAYLOAD_TYPES, EVERYWHERE, "payload types, critical and not, empty and with contents,"),
    Row(of.exchange_types(Exchange.IKE_SA_INIT), (InInit,), f"exchange types, {UNKNOWN},"),
    Row(of.exchange_types(Exchange.IKE_AUTH, Exchange.GSA_AUTH), (InAuthAlone,), f"exchange types, {UNKNOWN},"),
    Row(of.exchange_types(Exchange.CREATE_CHILD_SA, Exchange.IKE_FOLLOWUP_KE), (InChild,),
        f"exchange types, {UNKNOWN},"),
    Row(of.EXCHANGE_TYPES_OPEN, (InInformational,), f"exchange types, {UNKNOWN},"),
    Row(of.VERSIONS, (InInit,), "major and minor versions"),
    Row(of.FLAGS, (InInit,), "flags of the header, undefined ones among them,"),
    Row(of.NOTIFY_TYPES, EVERYWHERE, "notify types, with and without data and an SPI,"),
    Row(of.NOTIFY_PROTOCOLS, EVERYWHERE, "protocols of a notify"),
    Row(of.DELETE_PROTOCOLS, (InInformational,), "protocols of a Delete payload"),
    Row(of.IPCOMP, (InAuth, InChild), "transforms of IPComp"),
    Row(of.ID_TYPES, (InAuthAlone,), "types of identities"),
    Row(of.AUTH_METHODS, (InAuthAlone,), "authentication methods"),
    Row(of.CERTIFICATE_REQUESTS, (InAuth,), "certificate encodings that we ask for"),
    Row(of.CERTIFICATES, (InAuth,), "certificate encodings that we send"),
    Row(of.CONFIG_ATTRIBUTES, (InInformational,), "configuration attributes"),
    Row(of.CONFIG_ATTRIBUTES_OPEN, (InAuth,), "configuration attributes"),
    Row(of.CONFIG_TYPES, (InAuth, InInformational), "CFG types"),
    Row(of.GROUPS, (InInit,), "groups of the KE payload"),
))  # fmt: skip
