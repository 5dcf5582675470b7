"""EAP without I/O, both sides: packets go in, packets come out; random octets, credentials and limits are arguments.

`peer.EapPeer` and `server.EapServer` are the framework of RFC 3748; there is one module for each method, with its
bodies (`layout.Body`), its peer and its server. `registry` lists them.
"""
