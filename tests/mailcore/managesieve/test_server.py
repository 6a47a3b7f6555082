"""ManageSieve as clients meet it. RFC 5804."""

import asyncio
import base64

import pytest

from directory import credentials, delegations, domains
from mailcore.managesieve import session
from mailcore.sieve import limits, scripts, ways
from tests.mailcore.managesieve.conftest import PASSWORD
from tests.mailcore.queue import node
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM
from tests.mailcore.routing import outside

PLAIN = base64.b64encode(f"\0{AMINA}\0{PASSWORD}".encode())
KEEP = b"keep;\r\n"


@pytest.fixture
async def signed(served, client):
    """A client that has signed in."""
    assert (await client.ask(b"STARTTLS"))[-1].startswith(b"OK")
    assert (await client.start_tls(served.ca))[-1].startswith(b"OK")
    assert (await client.ask(b'AUTHENTICATE "PLAIN" "%b"' % PLAIN))[-1] == b'OK "signed in"'
    return client


def put(name, octets):
    return b'PUTSCRIPT "%b" {%d+}\r\n%b' % (name, len(octets), octets)


async def test_nobody_signs_in_outside_tls(served, client):
    lines = await client.ask(b"CAPABILITY")
    assert b'"SASL" ""' in lines
    assert b'"STARTTLS"' in lines
    assert (await client.ask(b'AUTHENTICATE "PLAIN" "%b"' % PLAIN))[-1].startswith(b"NO (ENCRYPT-NEEDED)")
    assert (await client.ask(b"LISTSCRIPTS"))[-1].startswith(b"NO")


async def test_capabilities_are_told_anew_inside_tls(served, client):
    await client.ask(b"STARTTLS")
    lines = await client.start_tls(served.ca)
    sasl = next(line for line in lines if line.startswith(b'"SASL"'))
    assert b"PLAIN" in sasl
    assert b"SCRAM-SHA-256" in sasl
    assert b'"STARTTLS"' not in lines
    assert b'"VERSION" "1.0"' in lines
    sieve = next(line for line in lines if line.startswith(b'"SIEVE"'))
    assert {b"fileinto", b"vacation", b"imap4flags"} <= set(sieve.split(b'"')[3].split())
    assert (await client.ask(b"STARTTLS"))[-1].startswith(b"NO")


async def test_what_comes_behind_starttls_in_the_clear_ends_the_connection(client):
    client.writer.write(b"STARTTLS\r\nLISTSCRIPTS\r\n")
    await asyncio.wait_for(client.reader.read(), 10)
    assert client.reader.at_eof()


async def test_plain_in_two_steps_and_given_up(served, client):
    await client.ask(b"STARTTLS")
    await client.start_tls(served.ca)
    client.writer.write(b'AUTHENTICATE "PLAIN"\r\n')
    assert await client.reader.readline() == b'""\r\n'
    assert (await client.ask(b'"*"'))[-1].startswith(b"NO")
    client.writer.write(b'AUTHENTICATE "PLAIN"\r\n')
    await client.reader.readline()
    assert (await client.ask(b'"%b"' % PLAIN))[-1].startswith(b"OK")
    assert b'"OWNER" "%b"' % AMINA.encode() in await client.ask(b"CAPABILITY")


async def test_wrong_passwords_end_the_connection(served, client):
    await client.ask(b"STARTTLS")
    await client.start_tls(served.ca)
    wrong = base64.b64encode(f"\0{AMINA}\0nothing".encode())
    last = b""
    for _ in range(session.MAX_STRIKES):
        last = (await client.ask(b'AUTHENTICATE "PLAIN" "%b"' % wrong))[-1]
    assert last.startswith(b"NO")
    assert (await client.answer())[-1].startswith(b"BYE")


@pytest.mark.parametrize("rights", [["read"], ["read", "write"], ["read", "write", "send_as"]])
async def test_what_becomes_of_mail_is_not_for_those_to_say_whom_a_mailbox_was_lent(served, client, rights):
    karim = await served.services.db.read(node._account_id, KARIM)
    await served.services.db.write(delegations.grant, karim, served.account_id, rights)
    await client.ask(b"STARTTLS")
    await client.start_tls(served.ca)
    lent = base64.b64encode(f"\0{AMINA}/{KARIM}\0{PASSWORD}".encode())
    assert (await client.ask(b'AUTHENTICATE "PLAIN" "%b"' % lent))[-1].startswith(b"NO")
    assert (await client.ask(b"LISTSCRIPTS"))[-1].startswith(b"NO")


async def test_the_life_of_a_script(served, signed):
    assert await signed.ask(b"LISTSCRIPTS") == [b"OK"]
    assert (await signed.ask(put("إجازة".encode(), KEEP)))[-1].startswith(b"OK")
    assert (await signed.ask(put(b"second", b"discard;\r\n")))[-1].startswith(b"OK")
    assert (await signed.ask('SETACTIVE "إجازة"'.encode()))[-1].startswith(b"OK")
    assert await signed.ask(b"LISTSCRIPTS") == [b'"second"', '"إجازة" ACTIVE'.encode(), b"OK"]
    assert await signed.ask('GETSCRIPT "إجازة"'.encode()) == [KEEP, b"", b"OK"]
    assert (await signed.ask('DELETESCRIPT "إجازة"'.encode()))[-1].startswith(b"NO (ACTIVE)")
    assert (await signed.ask('RENAMESCRIPT "إجازة" "second"'.encode()))[-1].startswith(b"NO (ALREADYEXISTS)")
    assert (await signed.ask('RENAMESCRIPT "إجازة" "first"'.encode()))[-1].startswith(b"OK")
    assert b'"first" ACTIVE' in await signed.ask(b"LISTSCRIPTS")
    assert (await signed.ask(b'SETACTIVE ""'))[-1].startswith(b"OK")
    assert (await signed.ask(b'DELETESCRIPT "first"'))[-1].startswith(b"OK")
    for command in (b'DELETESCRIPT "first"', b'GETSCRIPT "first"', b'SETACTIVE "first"', b'RENAMESCRIPT "first" "x"'):
        assert (await signed.ask(command))[-1].startswith(b"NO (NONEXISTENT)")
    assert (await signed.ask(b"LOGOUT"))[-1].startswith(b"OK")
    assert await signed.reader.read() == b""


async def test_a_script_with_an_error_is_not_stored_and_the_place_is_told(signed):
    bad = b'keep;\r\nfileinto "x";\r\n'
    assert (await signed.ask(put(b"x", bad)))[-1] == b'NO "line 2, column 1: fileinto needs require \\"fileinto\\""'
    assert (await signed.ask(b"CHECKSCRIPT {%d+}\r\n%b" % (len(bad), bad)))[-1].startswith(b"NO")
    assert (await signed.ask(b"CHECKSCRIPT {%d+}\r\n%b" % (len(KEEP), KEEP)))[-1].startswith(b"OK")
    assert await signed.ask(b"LISTSCRIPTS") == [b"OK"]


async def warned(client, octets):
    """The code and the words of an answer whose words may be a literal (RFC 5804 §4)."""
    client.writer.write(octets + b"\r\n")
    line = await asyncio.wait_for(client.reader.readline(), 10)
    if line.endswith(b"}\r\n"):
        line += await client.reader.readexactly(int(line.rpartition(b"{")[2][:-3])) + await client.reader.readline()
    return line


async def test_a_redirect_that_cannot_leave_is_stored_with_a_warning(served, signed):
    bad = f'redirect "{KARIM}";\r\nredirect "a@x.example";\r\nif true {{ redirect :copy "b@y.example"; }}\r\n'.encode()
    bad = b'require "copy";\r\n' + bad
    assert (await signed.ask(put(b"x", bad)))[-1] == b'OK "stored"'  # without a topology nothing is outside
    await served.services.db.write(outside.found)
    for command in (put(b"x", bad), b"CHECKSCRIPT {%d+}\r\n%b" % (len(bad), bad)):
        said = await warned(signed, command)
        assert said.startswith(b"OK (WARNINGS) ")
        assert b"line 3, column 10: letters stay here instead of going to a@x.example: x.example is outside" in said
        assert b"\r\nline 4, column 26: letters stay here instead of going to b@y.example" in said
        assert KARIM.encode() not in said
    assert await signed.ask(b"LISTSCRIPTS") == [b'"x"', b"OK"]
    fine = f'redirect "x@{outside.THEIRS}"; '.encode() + b'redirect "k@%b";' % DOMAIN.encode()
    assert (await signed.ask(put(b"y", fine)))[-1] == b'OK "stored"'
    await served.services.db.write(domains.let_outside, DOMAIN, "allow")
    assert (await signed.ask(put(b"x", bad)))[-1] == b'OK "stored"'


async def test_many_redirects_are_judged_within_bounds(served, signed, monkeypatch):
    monkeypatch.setattr(ways, "MAX_JUDGED", 30)
    await served.services.db.write(outside.found)
    many = b"".join(b'redirect "a@x%d.example";\r\n' % number for number in range(50))
    assert (await warned(signed, put(b"x", many))).count(b"\r\n") == ways.MAX_WARNINGS + 1  # one more ends each line of the literal


async def test_an_address_that_a_letter_makes_is_not_judged(served, signed):
    await served.services.db.write(outside.found)
    made = b'require "variables"; set "a" "x@x.example"; redirect "${a}";'
    assert (await signed.ask(put(b"x", made)))[-1] == b'OK "stored"'


async def test_quotas_of_size_and_number(signed, monkeypatch):
    assert (await signed.ask(b'HAVESPACE "x" 1000'))[-1] == b"OK"
    assert (await signed.ask(b'HAVESPACE "x" 99999999'))[-1].startswith(b"NO (QUOTA/MAXSIZE)")
    too_large = b"#" * (limits.MAX_SCRIPT_BYTES + 1)
    assert (await signed.ask(put(b"x", too_large)))[-1].startswith(b"NO (QUOTA/MAXSIZE)")
    monkeypatch.setattr(scripts, "MAX_SCRIPTS", 1)
    assert (await signed.ask(put(b"x", KEEP)))[-1].startswith(b"OK")
    assert (await signed.ask(put(b"x", KEEP + KEEP)))[-1].startswith(b"OK")
    assert (await signed.ask(put(b"y", KEEP)))[-1].startswith(b"NO (QUOTA/MAXSCRIPTS)")
    monkeypatch.setattr(scripts, "MAX_ACCOUNT_BYTES", 4)
    assert (await signed.ask(put(b"x", KEEP)))[-1].startswith(b"NO (QUOTA/MAXSIZE)")


async def test_noop_with_a_tag_and_unauthenticate(served, signed):
    assert await signed.ask(b'NOOP "STARTTLS-SYNC-42"') == [b'OK (TAG "STARTTLS-SYNC-42") "done"']
    assert (await signed.ask(b"UNAUTHENTICATE"))[-1].startswith(b"OK")
    assert (await signed.ask(b"LISTSCRIPTS"))[-1].startswith(b"NO")
    assert (await signed.ask(b'AUTHENTICATE "PLAIN" "%b"' % PLAIN))[-1].startswith(b"OK")


async def test_names_that_no_script_can_have(signed):
    assert (await signed.ask(put(b"a\x07b", KEEP)))[-1].startswith(b"NO")
    assert (await signed.ask(put(b"n" * 600, KEEP)))[-1].startswith(b"NO")
    assert (await signed.ask(put(b"\xff", KEEP)))[-1].startswith(b"NO")


async def test_a_failure_at_a_delivery_is_told_with_the_list(served, signed):
    await signed.ask(put(b"x", KEEP))
    account = await served.services.store.open_account(served.account_id)
    await served.services.db.write(scripts.note_fault, account, "line 1, column 2: no")
    assert (await signed.ask(b"LISTSCRIPTS"))[-1] == b'OK "last failure at a delivery: line 1, column 2: no"'


@pytest.mark.parametrize("octets", [b"x" * 20_000, b"CHECKSCRIPT {99999999+}\r\n", b"NOOP\n"])
async def test_before_sign_in_nothing_long_is_held(client, octets):
    client.writer.write(octets)
    assert (await client.answer())[-1].startswith(b"BYE")


async def test_what_is_no_command_is_counted_before_sign_in(client):
    for line in (b"HELP", b"NOOP 1 2 3 4 5 6", b"(", b'"'):
        assert (await client.ask(line))[-1].startswith(b"NO")
    client.writer.write(b"HELP\r\n")
    assert (await client.answer())[-1].startswith(b"NO")
    assert (await client.answer())[-1].startswith(b"BYE")


async def test_a_revoked_sign_in_ends(served, signed):
    await served.services.db.write(credentials.set_password, served.account_id, await served.services.signin.hasher.hash("another-one-9"))
    assert (await signed.ask(b"LISTSCRIPTS"))[-1].startswith(b"NO")
    assert (await signed.answer())[-1].startswith(b"BYE")


async def test_pipelined_commands_are_answered_in_order(signed):
    signed.writer.write(put(b"a", KEEP) + b"\r\nLISTSCRIPTS\r\nNOOP\r\n")
    answers = [await signed.answer() for _ in range(3)]
    assert answers[1] == [b'"a"', b"OK"]


async def test_a_change_rings_for_whoever_waits_for_the_account(served, signed):
    with served.services.store.bus.subscribe(served.account_id) as changes:
        await signed.ask(put(b"a", KEEP))
        assert await changes.wait(5)


async def sieve_connect(served, tmp_path, *arguments, stdin=b""):
    """Run Debian's sieve-connect against the node."""
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    with password.open("rb") as opened:
        process = await asyncio.create_subprocess_exec(
            *("sieve-connect", "--server", "localhost", "--port", str(served.port), "--4", "--user", AMINA),
            *("--passwordfd", str(opened.fileno()), "--tlscafile", str(served.ca), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=[opened.fileno()],
        )
        out, _ = await asyncio.wait_for(process.communicate(stdin), 30)
    return process.returncode, out.decode()


@pytest.mark.peer
async def test_sieve_connect_uploads_activates_lists_and_downloads(served, tmp_path):
    script = tmp_path / "rules.sieve"
    script.write_bytes(b'require "fileinto";\r\nfileinto "Archive";\r\n')
    status, out = await sieve_connect(served, tmp_path, "--upload", "--localsieve", str(script), "--remotesieve", "rules")
    assert status == 0, out
    status, out = await sieve_connect(served, tmp_path, "--activate", "--remotesieve", "rules")
    assert status == 0, out
    status, out = await sieve_connect(served, tmp_path, "--list")
    assert status == 0, out
    assert '"rules" ACTIVE' in out
    target = tmp_path / "back.sieve"
    status, out = await sieve_connect(served, tmp_path, "--download", "--remotesieve", "rules", "--localsieve", str(target))
    assert status == 0, out
    assert target.read_bytes() == script.read_bytes()
    script.write_bytes(b"nonsense;\r\n")
    status, out = await sieve_connect(served, tmp_path, "--upload", "--localsieve", str(script), "--remotesieve", "bad")
    assert status != 0
    assert "there is no command nonsense" in out
