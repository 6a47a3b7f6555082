"""Workers: what goes in comes out, and what a document may not have it does not get."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from signing import worker
from signing.confined import MAX_FRAME_BYTES, MEMORY_BYTES
from signing.errors import WorkerBusy, WorkerFailed

WORK = "tests.signing.work:"


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    yield
    worker.close()


async def test_a_result_comes_back_as_it_was() -> None:
    octets = os.urandom(1_000_000)
    assert await worker.ask(list[object], WORK + "echo", octets, "مكتب", -7) == [octets, "مكتب", -7]
    assert await worker.call(WORK + "limits") == b"\x93\xce\x40\x00\x00\x00\x00\x00"
    assert MEMORY_BYTES == 0x40000000


async def test_the_work_is_done_elsewhere_without_the_parents_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    worker.close()
    assert await worker.ask(int, WORK + "pid") != os.getpid()
    assert "SECRET" not in await worker.ask(list[str], WORK + "environment")


@pytest.mark.parametrize(
    ("function", "limits", "reason"),
    [
        ("spin", {"cpu_s": 0}, "ended with -24"),  # SIGXCPU
        ("sleep", {"wall_s": 0.3}, "wall clock"),
        ("eat", {}, "memory"),
        ("fail", {}, "raised KeyError: 'nothing here'"),
        ("vanish", {}, "ended with 7"),
        ("absent", {}, "raised AttributeError: module 'tests.signing.work' has no attribute 'absent'"),
    ],
)
async def test_a_limit_ends_the_work_and_not_the_next(function: str, limits: dict[str, int], reason: str) -> None:
    with pytest.raises(WorkerFailed) as failed:
        await worker.call(WORK + function, **limits)
    assert failed.value.facts["reason"] == reason
    assert await worker.ask(int, WORK + "pid") > 0


async def test_a_worker_writes_no_file(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed) as failed:
        await worker.call(WORK + "write", str(tmp_path / "x"))
    assert "File too large" in str(failed.value.facts["reason"])


async def test_a_worker_is_replaced_when_it_has_done_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TASKS_EACH", 1)
    monkeypatch.setattr(worker, "WORKERS", 1)
    worker.close()
    assert len({await worker.ask(int, WORK + "pid") for _ in range(2)}) == 2


async def test_work_waits_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_WAITING", 1)
    asking = asyncio.gather(*[worker.call(WORK + "pid") for _ in range(3)], return_exceptions=True)
    assert [type(one) for one in await asking] == [bytes, WorkerBusy, WorkerBusy]
    with pytest.raises(WorkerFailed):
        await worker.call(WORK + "echo", bytes(MAX_FRAME_BYTES), "", 0)


async def test_documents_that_take_long_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "WORKERS", 1)
    worker.close()
    long = asyncio.create_task(worker.call(WORK + "sleep"))
    await asyncio.sleep(0)
    assert await worker.ask(int, "os:getppid") == os.getpid()
    assert not long.done()
    worker.close()
    with pytest.raises(WorkerFailed):
        await long


def test_an_answer_of_another_kind_is_refused() -> None:
    with pytest.raises(WorkerFailed):
        worker.run(str, WORK + "pid")
