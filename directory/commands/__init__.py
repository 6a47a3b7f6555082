"""Subcommands of `diwan` about the directory; config.groups names them."""
