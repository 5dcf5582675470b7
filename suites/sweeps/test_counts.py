"""Sweeps over how many there are of something, the device as responder."""

from suites.sweeps import counts as of
from suites.sweeps.cases import Due
from suites.sweeps.making import Row, purposes
from suites.sweeps.places import InAuth, InChild, InInformational, InInit

OFFERS = (InInit, InAuth, InChild)

purposes(__name__, (
    Row(of.FEW_PROPOSALS, (InInit,), "proposals, none among them, of which only the last one is good,"),
    Row(of.PROPOSALS, (InAuth, InChild), "proposals, none among them, of which only the last one is good,"),
    Row(of.FEW_NUMBERS, (InInit,), "as numbers of a proposal"),
    Row(of.PROPOSAL_NUMBERS, (InAuth, InChild), "numbers of a proposal"),
    Row(of.spi_sizes(Due.OPEN), (InInit,), "octets of an SPI"),
    Row(of.spi_sizes(Due.REFUSED), (InAuth, InChild), "octets of an SPI"),
    Row(of.TRANSFORMS, OFFERS, "transforms, none among them, beside ciphers that nobody has,"),
    Row(of.SELECTORS, (InAuth, InChild), "traffic selectors, none among them, of which only the last one fits,"),
    Row(of.NOTIFIES, (InInit, InAuth, InInformational, InChild), "unknown notifies"),
))  # fmt: skip
