"""Counting memory."""

from mailcore.smtp.memory import Memory


def test_memory_is_given_only_while_there_is_some() -> None:
    memory = Memory(10)
    assert [memory.take(6), memory.take(5), memory.take(4)] == [True, False, True]
    memory.give(6)
    assert memory.left_bytes == 6
