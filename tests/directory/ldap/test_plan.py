"""Which look-ups answer which filter: address books' filters become searches, programs' filters stay what they are."""

import pytest

from directory.ldap import filters, plan
from directory.ldap.ber import Reader
from directory.ldap.errors import Unindexed
from directory.ldap.filters import And, Equal, Filter, Named, Present
from directory.ldap.plan import MAX_LOOKUPS, Lookups

from . import wire


def parsed(text: str) -> Filter:
    return filters.read(Reader(wire.written(text)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (wire.THUNDERBIRD.format("ali"), ("ali",)),
        (wire.THUNDERBIRD_TWO.format("ali", "ben"), ("ali", "ben")),
        (wire.THUNDERBIRD.format("علي"), ("علي",)),
        (wire.THUNDERBIRD.format("amina.benali@in"), ("amina.benali@in",)),
        (wire.THUNDERBIRD_PANE.format("ali"), ("ali",)),
        (f"(&{wire.THUNDERBIRD_PANE.format('ali')}{wire.THUNDERBIRD_PANE.format('ben')})", ("ali", "ben")),
        ("(cn~=Mohamed)", ("mohamed",)),
    ],
)
def test_address_books_are_answered_by_search(text: str, words: tuple[str, ...]) -> None:
    simple = plan.simplify(parsed(text))
    assert simple == Named(words)
    assert plan.lookups(simple) == Lookups(texts=frozenset((words,)))


def test_outlooks_filter_keeps_its_condition() -> None:
    simple = plan.simplify(parsed(wire.OUTLOOK.format("ami")))
    assert simple == And((Present("mail"), Named(("ami",))))
    assert plan.lookups(simple) == Lookups(texts=frozenset((("ami",),)))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("(mail=a@b.example)", Lookups(addresses=frozenset(("a@b.example",)))),
        ("(uid=a@b.example)", Lookups(addresses=frozenset(("a@b.example",)))),
        ("(|(mail=a@b.example)(uid=a@b.example))", Lookups(addresses=frozenset(("a@b.example",)))),
        ("(cn=Amina Benali)", Lookups(texts=frozenset((("amina", "benali"),)))),
        ("(&(objectClass=inetOrgPerson)(sn=benali))", Lookups(texts=frozenset((("benali",),)))),
        ("(&(mail=a@b.example)(cn=a*))", Lookups(addresses=frozenset(("a@b.example",)))),
        ("(roleOccupant=mail=a@b.example,o=x)", Lookups(occupants=frozenset(("mail=a@b.example,o=x",)))),
        ("(&(cn=ali*)(!(title=*)))", Lookups(texts=frozenset((("ali",),)))),
        ("(noSuchAttribute=x)", Lookups()),
        ("(&(cn=ali*)(noSuchAttribute=x))", Lookups()),
    ],
)
def test_programs_are_answered_by_the_narrowest_look_up(text: str, want: Lookups) -> None:
    assert plan.lookups(plan.simplify(parsed(text))) == want


def test_one_attribute_alone_is_not_an_address_book() -> None:
    assert plan.simplify(parsed("(|(mail=a@b.example)(uid=a@b.example))")) == parsed("(|(mail=a@b.example)(uid=a@b.example))")
    assert plan.simplify(parsed("(cn=ali*)")) == parsed("(cn=ali*)")


@pytest.mark.parametrize(
    "text",
    [
        "(objectClass=*)",
        "(mail=*)",
        "(!(cn=ali))",
        "(|(cn=ali*)(objectClass=person))",
        "(telephoneNumber=021*)",
        "(mail=*@interieur.gov.example)",
        "(cn>=a)",
        "(&)",
        "(|" + "".join(f"(cn=n{n}*)" for n in range(MAX_LOOKUPS + 1)) + ")",
    ],
)
def test_what_would_read_the_register_is_refused(text: str) -> None:
    with pytest.raises(Unindexed):
        plan.lookups(plan.simplify(parsed(text)))


def test_values_that_are_no_text_are_looked_up_all_the_same() -> None:
    assert plan.lookups(Equal("cn", b"\xff\xfeali")).texts
