"""What an entry is listed under and what a query asks for belong together."""

from hypothesis import given
from hypothesis import strategies as st

from directory import tokens
from directory.names import words
from directory.tokens import AddressPart, Term, Word


def finds(asked: Term, entry: list[str]) -> bool:
    terms = {term for word in entry for term in tokens.terms(word)}
    return any(asked.low == term if asked.high is None else asked.low <= term < asked.high for term in terms)


@given(st.text(max_size=300))
def test_any_query_asks_little(text: str) -> None:
    asked = tokens.of_query(text)
    assert len(asked) <= tokens.MAX_ASKED
    for one in asked:
        beginning = one.keys if isinstance(one, AddressPart) else one.beginning
        assert beginning.high is None or beginning.low < beginning.high


@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_entry_has_few_short_words(texts: list[str]) -> None:
    made = tokens.of_entry(texts, texts)
    assert len(made) == len(set(made)) <= tokens.MAX_WORDS
    assert all(0 < len(word) <= tokens.MAX_WORD_CHARS + 1 and " " not in word for word in made)


@given(st.text(st.characters(categories=("Lu", "Ll", "Lo")), min_size=1, max_size=20), st.data())
def test_every_beginning_of_a_word_finds_its_entry(word: str, data: st.DataObject) -> None:
    entry = tokens.of_entry([word])
    for whole in set(words(word)) - tokens.STOP_WORDS:
        typed = whole[: data.draw(st.integers(1, len(whole)))]
        for asked in tokens.of_query(typed):
            assert isinstance(asked, Word)
            assert finds(asked.beginning, entry)


def test_spellings_sound_alike_only_in_names_of_people() -> None:
    (asked,) = tokens.of_query("Mouhamad")
    assert isinstance(asked, Word)
    assert asked.sound is not None
    assert finds(asked.sound, tokens.of_entry([], ["محمد بن علي"]))
    assert finds(asked.sound, tokens.of_entry([], ["Mohamed Benali"]))
    assert not finds(asked.sound, tokens.of_entry(["Mohamed Benali"]))


def test_an_address_is_asked_by_its_beginning_and_by_its_words() -> None:
    (asked,) = tokens.of_query("<Karim.Kh@int>")
    assert isinstance(asked, AddressPart)
    assert asked.keys == Term(b"karim.kh@int", b"karim.kh@int\xff")
    assert [word.whole.low for word in asked.words] == [b"karim", b"kh"]
    assert asked.domain == Term(b"@int", b"@int\xff")


def test_places_are_no_words() -> None:
    entry = tokens.of_place(12, 3)
    assert not any(finds(one.beginning, entry) for one in tokens.of_query("#u12 u12 12 o3") if isinstance(one, Word))
