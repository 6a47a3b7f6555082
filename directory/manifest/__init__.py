"""The signed manifest: the public part of the register, the topology and the trust list, for nodes that must do without the centre.

The centre publishes, the others follow. `document` is what is signed and how it is judged, `lines` the entries as text, `publish`
and `follow` the two sides as units of work, `topology` which node serves which domain, `stick` the same in one file.
"""
