"""What is true of every message of a device, in every conversation, whatever that is about.

`Watch` sees the entries of a trace as they come and says what is broken, each with its requirement. Every purpose has
one beside it (`suites.guard`), and a campaign takes it for an oracle. Nothing here needs to know what the conversation
is for, so each check leaves out all that might be the doing of a bent message of ours.
"""

from suites.invariants.broken import Broken, Noticed, worst
from suites.invariants.names import INVARIANTS, Invariant
from suites.invariants.watch import Watch

__all__ = ["INVARIANTS", "Broken", "Invariant", "Noticed", "Watch", "worst"]
