"""Activations: a process of its own hears who is there, and lets a holder's key work once, for one digest.

The fronts show letters and ask; they hold no secret that would let a key sign. What they get is a grant, which this process
remembers and they cannot make, and with it tokens of `signing.activation`, one at a time.
"""
