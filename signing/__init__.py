"""Keys, certificates, signatures and their verdicts."""
