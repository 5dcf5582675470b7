"""Learning the state machine of a responder, and comparing two of them."""
