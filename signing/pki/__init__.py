"""Certificates: their profiles, who issues them, and the path from one to a trusted root."""
