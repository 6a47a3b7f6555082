"""``python -m config``: the `diwan` command."""

from config.cli import main

main()
