"""Every number of a registry, once in each place where a device reads it.

A `Sweep` is a row of a table: numbers, what is sent with each, and how that comes into a message (`registries`). A
`Place` is a message of a conversation (`places`). `engine` brings both together, `making` makes purposes of them.
"""
