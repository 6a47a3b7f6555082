"""The server with real clients: OpenLDAP's ldapsearch and ldap3, over TLS."""

import asyncio
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.database import Database
from directory import credentials
from directory.ldap.session import Limits
from directory.signin import app_passwords

from . import wire
from .conftest import AMINA, BASE, BO, KARIM, MINISTRY, PASSWORD, REGISTRY, Book

with warnings.catch_warnings():  # of 2021, and so are its uses of pyasn1
    warnings.simplefilter("ignore")
    import ldap3
    from ldap3.core.exceptions import LDAPException

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
LOGIN = "amina.benali@interieur.gov.example"
TIMEOUT_S = 20


@pytest.fixture
def database_url() -> str:
    """One engine: what the units of work do is tried on both elsewhere."""
    return "sqlite"


async def client(book: Book, program: str, *arguments: str) -> tuple[int, str]:
    """Return the exit status, which is the result code, and what one of OpenLDAP's clients prints."""
    environment = {**os.environ, "LDAPTLS_CACERT": str(book.certificate), "LDAPRC": "/dev/null"}
    process = await asyncio.create_subprocess_exec(
        program, "-H", book.uri, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment
    )
    async with asyncio.timeout(TIMEOUT_S):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def ldapsearch(book: Book, *arguments: str, who: str = LOGIN, password: str = PASSWORD) -> tuple[int, str]:
    """Search; anonymously when `who` is empty."""
    signing_in = ("-D", who, "-w", password) if who else ()
    return await client(book, "ldapsearch", "-LLL", "-x", "-o", "ldif-wrap=no", *signing_in, *arguments)


async def with_ldap3(book: Book, work: Callable[[ldap3.Connection], Any], **options: Any) -> Any:
    """Run `work` on a bound ldap3 connection, in a thread."""
    tls = ldap3.Tls(ca_certs_file=str(book.certificate), validate=2)
    server = ldap3.Server("localhost", book.port, use_ssl=True, tls=tls, get_info=ldap3.ALL, connect_timeout=TIMEOUT_S)
    given = {"user": AMINA, "password": PASSWORD, "receive_timeout": TIMEOUT_S, **options}

    def run() -> Any:
        connection = ldap3.Connection(server, **given)
        try:
            connection.open()
            connection.bind()
            return work(connection)
        finally:
            connection.unbind()

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("who", [LOGIN, AMINA, f"uid={LOGIN},{BASE}", f"mail={LOGIN},ou=elsewhere,{BASE}"])
async def test_people_sign_in_by_address_or_by_name(book: Book, who: str) -> None:
    status, said = await ldapsearch(book, "-b", BASE, wire.THUNDERBIRD.format("ami"), "mail", who=who)
    assert (status, said.split("\n")[:2]) == (0, [f"dn: {AMINA}", f"mail: {LOGIN}"])


@pytest.mark.parametrize(
    ("who", "password"),
    [(LOGIN, "wrong"), (f"cn=Amina Benali,{BO}", PASSWORD), ("nobody@interieur.gov.example", PASSWORD), (REGISTRY, PASSWORD)],
)
async def test_others_do_not(book: Book, who: str, password: str) -> None:
    status, said = await ldapsearch(book, "-b", BASE, "(cn=ami*)", who=who, password=password)
    assert (status, "Invalid credentials" in said) == (49, True)


async def test_an_app_password_for_ldap_signs_in_and_one_for_mail_does_not(book: Book, database: Database) -> None:
    person_id, hasher = book.country.ministry.amina.person_id, book.signin.hasher
    made = await app_passwords.create(database, person_id, "address book", ("ldap",), hasher=hasher)
    other = await app_passwords.create(database, person_id, "telephone", ("imap",), hasher=hasher)
    assert (await ldapsearch(book, "-b", BASE, "(cn=amina benali)", "cn", password=made.secret))[0] == 0
    assert (await ldapsearch(book, "-b", BASE, "(cn=amina benali)", "cn", password=other.secret))[0] == 49


async def test_strangers_read_the_root_and_the_schema_alone(book: Book) -> None:
    status, said = await ldapsearch(book, "-b", "", "-s", "base", "*", "+", who="")
    assert status == 0
    assert f"namingContexts: {BASE}" in said
    assert "supportedSASLMechanisms: SCRAM-SHA-256-PLUS" in said
    status, said = await ldapsearch(book, "-b", "cn=Subschema", "-s", "base", "objectClasses", "attributeTypes", who="")
    assert "NAME 'inetOrgPerson'" in said
    assert (await ldapsearch(book, "-b", BASE, "(cn=ami*)", who=""))[0] == 50
    assert (await ldapsearch(book, "-b", AMINA, "-s", "base", who=""))[0] == 50


async def test_ldap3_understands_schema_and_entries(book: Book) -> None:
    def work(connection: ldap3.Connection) -> Any:
        info = connection.server.info
        assert info.naming_contexts == [BASE]
        assert "inetOrgPerson" in connection.server.schema.object_classes
        connection.search(BASE, wire.OUTLOOK.format("ami"), attributes=ldap3.ALL_ATTRIBUTES)
        return connection.entries[0], connection.extend.standard.who_am_i(), connection.compare(AMINA, "sn", "benali")

    entry, who, same = await with_ldap3(book, work)
    assert (entry.entry_dn, entry.cn.value, entry["cn;lang-ar"].value) == (AMINA, "Amina Benali", "أمينة بن علي")
    assert (who, same) == (f"u:{LOGIN}", True)


@pytest.mark.parametrize("mechanism", ["PLAIN"])
async def test_sasl_signs_in(book: Book, mechanism: str) -> None:
    who = await with_ldap3(
        book,
        lambda connection: connection.extend.standard.who_am_i(),
        user=None,
        password=None,
        authentication=ldap3.SASL,
        sasl_mechanism=mechanism,
        sasl_credentials=(None, LOGIN, PASSWORD),
    )
    assert who == f"u:{LOGIN}"


@pytest.mark.skipif(not any(Path("/usr/lib").glob("*/sasl2/libscram.so")), reason="Debian's libsasl2-modules has SCRAM")
@pytest.mark.parametrize(("password", "want"), [(PASSWORD, (0, f"u:{LOGIN}\n")), ("wrong", (49, ""))])
async def test_openldap_signs_in_with_scram(book: Book, password: str, want: tuple[int, str]) -> None:
    """Octets that come with success are read by a client that refuses a server which cannot prove itself."""
    status, said = await client(book, "ldapwhoami", "-Q", "-Y", "SCRAM-SHA-256", "-U", LOGIN, "-w", password)
    assert (status, said if status == 0 else "") == want


async def test_a_mechanism_that_is_not_offered_is_refused(book: Book) -> None:
    with pytest.raises(LDAPException, match="authMethodNotSupported"):
        await with_ldap3(
            book, lambda connection: None, user=None, password=None, authentication=ldap3.SASL, sasl_mechanism="DIGEST-MD5",
            sasl_credentials=(None, LOGIN, PASSWORD, None), raise_exceptions=True,
        )  # fmt: skip


async def test_nothing_can_be_written(book: Book) -> None:
    def work(connection: ldap3.Connection) -> list[int]:
        codes = []
        for change in (
            lambda: connection.add(f"mail=x@x.example,{BO}", "inetOrgPerson", {"cn": "x", "sn": "x"}),
            lambda: connection.modify(AMINA, {"sn": [(ldap3.MODIFY_REPLACE, ["x"])]}),
            lambda: connection.modify_dn(AMINA, "mail=x@x.example"),
            lambda: connection.delete(AMINA),
        ):
            change()
            codes.append(connection.result["result"])
        return codes

    assert await with_ldap3(book, work) == [53] * 4


@pytest.mark.parametrize("limits", [Limits(max_entries=2, time_limit_s=10, anonymous=False)])
async def test_a_search_shows_as_many_entries_as_are_allowed(book: Book) -> None:
    status, said = await ldapsearch(book, "-b", MINISTRY, "-s", "one", "1.1")
    assert (status, said.count("dn: ")) == (4, 2)
    status, said = await ldapsearch(book, "-b", MINISTRY, "-s", "one", "-z", "1", "1.1")
    assert (status, said.count("dn: ")) == (4, 1)


async def test_pages_bring_everything_once_and_in_order(book: Book) -> None:
    status, said = await ldapsearch(book, "-b", MINISTRY, "-s", "sub", "-E", "pr=2/noprompt", "-E", "sss=-cn", "(objectClass=*)", "cn")
    assert status == 0
    names = [line for line in said.splitlines() if line.startswith("dn: ")]
    assert len(names) == len(set(names)) == 12

    def work(connection: ldap3.Connection) -> list[str]:
        found = connection.extend.standard.paged_search(BO, "(objectClass=person)", attributes=["cn"], paged_size=1, generator=True)
        return [one["dn"] for one in found]

    assert sorted(await with_ldap3(book, work)) == sorted([AMINA, KARIM])


async def test_results_are_sorted_when_asked(book: Book) -> None:
    for keys, want in (("sn", [AMINA, KARIM]), ("-sn", [KARIM, AMINA])):
        _, said = await ldapsearch(book, "-b", BO, "-E", f"sss={keys}", "(objectClass=person)", "sn")
        assert [line[4:] for line in said.splitlines() if line.startswith("dn: ")] == want
    assert (await ldapsearch(book, "-b", BO, "-E", "!sss=noSuchAttribute", "(objectClass=person)", "sn"))[0] == 12


async def test_a_critical_control_that_is_not_known_is_refused(book: Book) -> None:
    assert (await ldapsearch(book, "-b", BO, "-e", "!1.2.3.4", "(cn=ami*)"))[0] == 12
    assert (await ldapsearch(book, "-b", BO, "-e", "1.2.3.4", "(cn=ami*)"))[0] == 0


async def test_refusals_say_what_to_do(book: Book) -> None:
    status, said = await ldapsearch(book, "-b", BASE, "(objectClass=*)")
    assert (status, "search for a name" in said) == (11, True)
    status, said = await ldapsearch(book, "-b", f"ou=NONE,{MINISTRY}", "-s", "base")
    assert (status, f"Matched DN: {MINISTRY}" in said) == (32, True)
    assert (await ldapsearch(book, "-b", "nonsense"))[0] == 34


async def test_a_revoked_sign_in_reads_no_more(book: Book, database: Database) -> None:
    loop = asyncio.get_running_loop()

    def work(connection: ldap3.Connection) -> tuple[int, int]:
        connection.search(BASE, "(cn=amina benali)")
        before = connection.result["result"]
        revoked = asyncio.run_coroutine_threadsafe(database.write(credentials.revoke_all, book.country.ministry.amina.person_id), loop)
        revoked.result(TIMEOUT_S)
        connection.search(BASE, "(cn=amina benali)")
        return before, connection.result["result"]

    assert await with_ldap3(book, work) == (0, 50)


@pytest.mark.parametrize("limits", [Limits(max_entries=100, time_limit_s=10, anonymous=True)])
async def test_a_node_may_show_what_is_public_to_strangers(book: Book) -> None:
    status, said = await ldapsearch(book, "-b", BASE, wire.THUNDERBIRD.format("bureau"), "mail", "roleOccupant", who="")
    assert (status, f"dn: {REGISTRY}" in said, "roleOccupant" in said) == (0, True, False)
    assert (await ldapsearch(book, "-b", BASE, wire.THUNDERBIRD.format("amina"), who=""))[1] == ""
