"""The main job, end to end, with real clients: what `diwan demo` shows and tests rely on."""
