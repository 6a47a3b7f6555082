"""The languages of the pages: catalogues, plural forms, direction, dates and numbers.

Catalogues are the .po files themselves, read once at start-up: what translators edit is what runs. The language of a
request lives in a ContextVar, so that one Jinja environment serves all three.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from webmail.times import local

LOCALES = Path(__file__).parent / "locale"
DOMAIN = "diwan"


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the pages. `name` is what it calls itself."""

    code: str
    name: str
    direction: str
    locale: Locale
    catalogue: NullTranslations


def _load(code: str) -> NullTranslations:
    with (LOCALES / code / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        catalogue = read_po(file, locale=code, domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


# The locale carries the country: in Algeria and Tunisia the months are جانفي، فيفري, and digits are 0-9 (CLDR).
LANGUAGES = {
    "ar": Language("ar", "العربية", "rtl", Locale("ar", "DZ"), _load("ar")),
    "fr": Language("fr", "Français", "ltr", Locale("fr"), _load("fr")),
    "en": Language("en", "English", "ltr", Locale("en", "GB"), NullTranslations()),
}

_current: ContextVar[str] = ContextVar("language", default="ar")


def use(code: str) -> None:
    """Make `code` the language of what is done from here on in this task."""
    _current.set(code)


def current() -> Language:
    """Return the language in use."""
    return LANGUAGES[_current.get()]


def choose(wanted: str, accept_language: str, default: str) -> str:
    """Return `wanted` when we speak it, else the best of an Accept-Language header, else `default` (RFC 9110 §12.5.4)."""
    if wanted in LANGUAGES:
        return wanted
    ranked = sorted(map(_ranked, accept_language[:1000].split(",")), reverse=True)
    return next((code for quality, _, code in ranked if quality > 0 and code in LANGUAGES), default)


def _ranked(entry: str) -> tuple[float, int, str]:
    tag, _, parameter = entry.strip().partition(";")
    _, _, quality = parameter.partition("q=")
    try:
        return float(quality or 1), 0, tag.strip().partition("-")[0].lower()
    except ValueError:
        return 0.0, 0, ""


def gettext(message: str) -> str:
    """Return a text in the language in use. `_` in views and templates."""
    return current().catalogue.gettext(message) if message else ""


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form of a text that goes with a number: Arabic has six."""
    return current().catalogue.ngettext(singular, plural, number)


def pick(ar: str, fr: str) -> str:
    """Return the form of a name that suits the reader: Arabic in Arabic, else the Latin one; never an empty one."""
    return (ar or fr) if current().code == "ar" else (fr or ar)


def number(value: int) -> str:
    """Return a number as the reader's country writes it."""
    return format_decimal(value, locale=current().locale)


def size(size_bytes: int) -> str:
    """Return a size for people: kB below one megabyte, then MB with one decimal."""
    locale = current().locale
    if size_bytes < 1_000_000:
        return gettext("%(n)s kB") % {"n": format_decimal(max(1, round(size_bytes / 1000)), locale=locale)}
    return gettext("%(n)s MB") % {"n": format_decimal(round(size_bytes / 1_000_000, 1), locale=locale)}


def moment(at_us: int) -> str:
    """Return a date and time in full, in the time zone of the node: ``samedi 21 novembre 2026 à 14:05``."""
    when = local(at_us)
    locale = current().locale
    day, time = format_date(when, "EEEE d MMMM y", locale=locale), format_datetime(when, "HH:mm", locale=locale)
    return gettext("%(day)s at %(time)s") % {"day": day, "time": time}


def short(at_us: int, now_us: int) -> str:
    """Return when, as short as a list wants it: the time today, the day this year, else the whole date."""
    when, now = local(at_us), local(now_us)
    locale = current().locale
    if when.date() == now.date():
        return format_time(when, "HH:mm", locale=locale)
    return format_date(when, "d MMMM" if when.year == now.year else "dd/MM/y", locale=locale)


def day(at_us: int) -> str:
    """Return the day of an instant, in the time zone of the node: ``21 novembre 2026``."""
    return format_date(local(at_us), "d MMMM y", locale=current().locale)


def iso(at_us: int) -> str:
    """Return the machine-readable form for ``<time datetime>``."""
    return local(at_us).isoformat(timespec="seconds")
