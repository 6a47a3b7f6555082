"""What every table of diwan.toml is."""

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of diwan.toml."""

    def require_positive(self) -> None:
        """Accept a table whose whole numbers are all 1 or more. Raises ValueError."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                raise ValueError(f"Expected 1 or more, got {value} - at `$.{name}`")
