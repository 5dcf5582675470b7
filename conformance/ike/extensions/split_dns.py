"""Names that only the name servers inside know (RFC 8598)."""

from conformance.ike.core.spine import Spine
from conformance.wire import CP, CfgAttr, CfgAttribute, TrafficSelector

SERVERS = (CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.INTERNAL_IP6_DNS)
"""Without one of these in the same payload there are no domains."""


class SplitDns(Spine):
    """Asking for internal domains, and telling them. We have no trust anchors."""

    def configuration_wanted(self) -> list[CfgAttr]:
        """A request for domains has one for name servers beside it (section 3.1)."""
        wanted = super().configuration_wanted()
        inner = self.connection.remote_inner
        return [*wanted, CfgAttr(CfgAttribute.INTERNAL_DNS_DOMAIN)] if inner.dns and inner.domains else wanted

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        """Domains come only with name servers, and to those who ask (sections 3.1 and 3.2)."""
        told = super().configuration_told(asked)
        wanted = any(one.type == CfgAttribute.INTERNAL_DNS_DOMAIN for one in asked.attributes)
        if not wanted or not any(one.type in SERVERS for one in told) or self.takes_everything():
            return told
        return [*told, *self.domains()]

    def takes_everything(self) -> bool:
        """Whether all traffic of the client goes through the tunnel: no name needs servers of its own (section 5)."""
        everything = (TrafficSelector.net("0.0.0.0/0"), TrafficSelector.net("::/0"))
        ours = [one for child in self.connection.children for one in self.own_selectors(child)]
        return any(one in everything for one in ours)

    def domains(self) -> list[CfgAttr]:
        """The domains as they are told, in A-labels without a terminator (section 4.1)."""
        names = self.connection.local_inner.domains
        return [CfgAttr(CfgAttribute.INTERNAL_DNS_DOMAIN, one.encode("idna")) for one in names]
