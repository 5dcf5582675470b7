"""What stands in a device's messages beside what must: order, further notifies and vendor IDs, sizes."""

from dataclasses import replace

from conformance.ike.ikesa import IkeSa
from conformance.wire import Message, Notify, NotifyType, VendorID
from peers.reference.variants.registry import variant

STATUS = NotifyType(40970)
"""A status type for private use (RFC 7296, section 3.10.1)."""


@variant("RFC 7296, 3.10.1 and 3.12: unknown status notifies and vendor IDs are ignored, in any message")
class MoreNotifies(IkeSa):
    """Adds an unknown status notify and a vendor ID to each of its messages."""

    def encode(self, message: Message) -> list[bytes]:
        payloads = (*message.payloads, Notify(STATUS, b"variant"), VendorID(b"ikespec variant"))
        return super().encode(replace(message, payloads=payloads))
