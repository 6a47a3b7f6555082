"""The table [openpgp] of diwan.toml: keys of correspondents."""

from config.section import Section


class OpenPgp(Section, frozen=True, forbid_unknown_fields=True):
    """Whether the web key directories of other domains are asked; false on a network that nothing leaves."""

    lookup: bool = True
