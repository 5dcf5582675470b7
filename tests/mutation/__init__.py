"""Mutation of the reference device: which mistakes of others would the purposes see?

``python -m tests.mutation --sample 300`` changes the code of the device in one place at a time (`mutants`), in this
process, and only while the device runs (`install`): the scripted peer, which shares that code, stays as it is. Then it
runs the purposes in which the device comes by the changed line (`reach`) until one does not pass: the mutant is killed
(`score`). A mutant with which every conversation stays the same octet by octet changes nothing that a peer can see; it
does not count. Many are judged in less time than one after the other (`many`).
"""
