"""What is made from the definitions of the wire: `content` for campaigns; the modules have Hypothesis strategies."""

from conformance.fuzz.making import content

__all__ = ["content"]
