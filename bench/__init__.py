"""Speed beside peers: load clients, throw-away Postfix and Dovecot, interleaved rounds, ratios. Never part of the tests."""
