"""Letters in the name of another are journalled with both names, in the transaction that takes them."""

from directory import journal
from directory.rights import CONSOLE, NATION
from mailcore.queue.accept import accept
from mailcore.queue.acting import Acting, fields
from tests.mailcore.queue.node import AMINA, KARIM, submission


def account(tx, address):
    return tx.value("SELECT account_id FROM address WHERE address = :address", address=address)


async def test_the_journal_names_who_acted_and_for_whom(services):
    amina, karim = [await services.db.read(account, one) for one in (AMINA, KARIM)]
    acting = Acting(amina, "Amina Benali", AMINA, karim, 7, "as")
    queued = await accept(services, submission("x@remote.example", sender=KARIM, account_id=amina, acting=acting))
    [entry] = await services.db.write(lambda tx: journal.entries(tx, CONSOLE, NATION, act="delegation.sent"))
    body = entry.body
    assert body["actor"] == {"name": "Amina Benali", "person": amina, "service": None, "on_behalf_of": karim}
    assert body["subject"] == {"kind": "account", "id": karim}
    assert body["after"] == {"letter": queued, "sending": "as", "delegation_id": 7}


def test_an_arabic_name_is_encoded():
    acting = Acting(1, "أمينة بن علي", AMINA, 2, 7, "on_behalf")
    assert fields(acting).startswith(b"Sender: =?utf-8?")
    assert fields(acting, has_sender=True) == b""
