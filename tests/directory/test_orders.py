"""What was ordered: once, of whom it was ordered, and not for ever."""

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory import orders
from directory.orders import Wanted


async def test_an_order_to_open_a_key_is_of_one_account_lasts_thirty_days_and_is_used_once(database: Database, clock: ManualClock) -> None:
    number = await database.write(orders.add, Wanted("open", 7, serial="encrypt-7"))
    found = await database.read(orders.to_open, 7, "encrypt-7")
    assert found is not None
    assert found.order_id == number
    assert await database.read(orders.to_open, 8, "encrypt-7") is None
    assert await database.read(orders.waiting) == []  # officers carry it out, nobody else
    clock.advance(30 * DAY_US + 1)
    assert await database.read(orders.to_open, 7, "encrypt-7") is None
    again = await database.write(orders.add, Wanted("open", 7, serial="encrypt-7"))
    assert await database.write(orders.done, again, "", "encrypt-7")
    assert not await database.write(orders.done, again, "", "encrypt-7")
    assert await database.read(orders.to_open, 7, "encrypt-7") is None
