"""Other providers, as the sign-in page offers them beside a password."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.sources import IdentityProvider
from webmail.language import current, pick


@dataclass(frozen=True, slots=True)
class Way:
    """A way to sign in: where it begins, and what the provider is called."""

    path: str
    label: str


def ways(told: Sequence[IdentityProvider]) -> list[Way]:
    """Return the providers of the settings, in their order, in the reader's language."""
    return [Way(f"/signin/with/{one.name}", _label(one)) for one in told]


def _label(one: IdentityProvider) -> str:
    return one.label_en if current().code == "en" and one.label_en else pick(one.label_ar, one.label_fr)
