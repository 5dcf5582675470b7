"""The reference IKEv2/IPsec implementation and the scripted peer built on it."""
