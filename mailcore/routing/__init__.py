"""Which way mail goes: the topology's policy, what other domains ask of TLS, the trace that nodes sign."""
