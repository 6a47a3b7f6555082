"""Signed PDF documents: PAdES (ETSI EN 319 142-1) made and judged in confined workers, with a stamp that people see."""
