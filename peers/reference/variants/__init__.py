"""Other correct devices: relatives of the reference device that do what the RFCs leave open another way."""

from peers.reference.variants.registry import Variant, all_variants, variant

__all__ = ["Variant", "all_variants", "variant"]
