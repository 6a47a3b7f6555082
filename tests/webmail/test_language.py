"""Three languages: every text is translated, every plural has its forms, and the best language is chosen."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from config.clock import DAY_US
from webmail import language

WEBMAIL = Path(language.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
NOVEMBER_US = 1_795_300_000_000_000  # 21 November 2026


@pytest.fixture(autouse=True)
def _restored() -> None:
    language.use("ar")


def said() -> dict[object, str]:
    """Every text of the pages, with the place of its first use."""
    options = {"templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
    found: dict[object, str] = {}
    for name, line, message, _, _ in extract_from_dir(str(WEBMAIL), METHODS, options, KEYWORDS):  # type: ignore[arg-type]
        found.setdefault(message, f"{name}:{line}")
    return found


@pytest.mark.parametrize("code", ["ar", "fr"])
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    with (language.LOCALES / code / "LC_MESSAGES" / "diwan.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    known = {message.id: message for message in catalogue if message.id}
    wanted = said()
    assert len(wanted) > 100
    assert {message: place for message, place in wanted.items() if message not in known} == {}
    assert [message for message in known if message not in wanted] == []
    assert [message.id for message in known.values() if message.fuzzy] == []
    for message in known.values():
        forms = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        assert all(forms), message.id
        assert not message.pluralizable or len(forms) == catalogue.num_plurals
    assert list(catalogue.obsolete) == []


@pytest.mark.parametrize("code", ["ar", "fr"])
def test_translations_keep_the_placeholders(code: str) -> None:
    with (language.LOCALES / code / "LC_MESSAGES" / "diwan.po").open("rb") as file:
        for message in read_po(file, locale=code):
            assert list(message.check(None)) == [], message.id


@pytest.mark.parametrize(
    ("number", "form"),
    [
        (0, "لا رسائل"),
        (1, "رسالة واحدة"),
        (2, "رسالتان"),
        (3, "3 رسائل"),
        (10, "10 رسائل"),
        (11, "11 رسالة"),
        (99, "99 رسالة"),
        (100, "100 رسالة"),
        (101, "101 رسالة"),
        (102, "102 رسالة"),
        (103, "103 رسائل"),
        (111, "111 رسالة"),
    ],
)
def test_arabic_counts_in_six_forms(number: int, form: str) -> None:
    text = language.ngettext("%(num)d message", "%(num)d messages", number)
    assert (text % {"num": number} if "%" in text else text) == form


@pytest.mark.parametrize(
    ("cookie", "accepted", "want"),
    [
        ("", "", "ar"),
        ("fr", "ar", "fr"),
        ("xx", "fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("", "de, en;q=0.5, ar;q=0.7", "ar"),
        ("", "en-GB", "en"),
        ("", "fr;q=0, en;q=0.1", "en"),
        ("", "fr;q=x, ;;;", "ar"),
    ],
)
def test_the_best_language_is_chosen(cookie: str, accepted: str, want: str) -> None:
    assert language.choose(cookie, accepted, "ar") == want


@pytest.mark.parametrize(
    ("code", "name", "size", "day"),
    [("ar", "أمينة", "1,2 م.ب", "نوفمبر"), ("fr", "Amina", "1,2 Mo", "novembre"), ("en", "Amina", "1.2 MB", "November")],
)
def test_names_sizes_and_dates_suit_the_reader(code: str, name: str, size: str, day: str) -> None:
    language.use(code)
    assert language.pick("أمينة", "Amina") == name
    assert language.size(1_200_000) == size
    assert day in language.moment(NOVEMBER_US)
    assert day in language.short(NOVEMBER_US, NOVEMBER_US + 9 * DAY_US)


def test_a_missing_name_falls_back_to_the_other_script() -> None:
    assert language.pick("", "Amina") == "Amina"
    language.use("fr")
    assert language.pick("أمينة", "") == "أمينة"
