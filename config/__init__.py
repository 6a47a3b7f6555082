"""How a node is put together: settings, database, clock, log, roles, commands. Imports nothing of ours."""
