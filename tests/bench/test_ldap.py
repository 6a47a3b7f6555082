"""The LDAP load client: it asks what Thunderbird asks, and counts alike however the octets are cut."""

import asyncio
import itertools

from anyldap import ldapfilter
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import slapd
from bench.ldap_client import LdapConnection, search, thunderbird
from directory.ldap import filters, messages
from directory.ldap.ber import Reader
from directory.ldap.entries import Entry

ENTRY = Entry("mail=a@b.example,dc=x", {"cn": (b"Ali",), "description": (b"x" * 300,)})
ANSWER = b"".join(
    messages.message(1, ENTRY_OCTETS)
    for ENTRY_OCTETS in [messages.result(messages.SEARCH_ENTRY, 0), messages.result(messages.SEARCH_ENTRY, 0, "x" * 300)]
) + messages.message(1, messages.result(messages.SEARCH_DONE, 4))


def test_the_filter_is_thunderbirds() -> None:
    assert thunderbird("ali", "ben") == ldapfilter.parseFilter("(|(cn=ali*ben*)(mail=ali*ben*)(sn=ali*ben*))").toWire()
    operation = messages.read(search(7, "dc=x", thunderbird("ali"))).operation
    assert isinstance(operation, messages.Search)
    assert (operation.base, operation.size_limit, operation.filter) == ("dc=x", 100, filters.read(Reader(thunderbird("ali"))))


@settings(max_examples=30)
@given(st.lists(st.integers(0, len(ANSWER)), max_size=6))
def test_entries_are_counted_once_however_cut(cuts: list[int]) -> None:
    async def receive() -> tuple[int, int]:
        connection = LdapConnection()
        connection._answer = asyncio.get_running_loop().create_future()
        places = sorted({0, len(ANSWER), *cuts})
        for start, end in itertools.pairwise(places):
            connection.data_received(ANSWER[start:end])
        return await connection._answer

    assert asyncio.run(receive()) == (2, 4)


def test_parents_stand_before_children_in_ldif() -> None:
    child, parent = Entry("cn=a,dc=x", {"cn": (b"a",)}), Entry("dc=x", {"dc": (b"x",)})
    assert [text.split()[1] for text in slapd.ldif([child, parent])] == ["ZGM9eA==", "Y249YSxkYz14"]
