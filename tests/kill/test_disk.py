"""A disk that is full (452), and one that fails (452 or 451): never 250, never 5xx, nothing is lost, and the node goes on by itself."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.kill.forks import PATIENCE_S, Child, Order
from tests.kill.sender import Post, connected
from tests.kill.verdict import Places, compared, verdict
from tests.mailcore.queue.sink import Sink
from tests.peers.programs import needs

ATTEMPTS = 60  # of small letters on a full disk: what the log of the database has room for may still be taken
MOUNT = ("unshare", "-U", "-r", "-m", "mount", "-t", "tmpfs", "none", "/mnt")
FAULTS = ("fsync,fdatasync:error=EIO", "pwrite64:error=EIO", "pwrite64:error=ENOSPC", "fdatasync:error=ENOSPC")


def succeeds(*command: str) -> bool:
    """Say whether a program may do this here: containers may forbid it."""
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    return False


async def refused_or_kept(post: Post, port: int, numbers: list[int], *, large: bool) -> list[str]:
    """Send letters with these numbers over one connection; return the replies."""
    async with connected(port) as client:
        return [await post.letter(client, number=number, large=large) for number in numbers]


async def arrived(child: Child, post: Post, sink: Sink) -> None:
    """Everything that was acknowledged is where it should be; then the node stops."""
    assert await child.ask("drain") == "drained"
    wrong, boxes = msgspec.json.decode(await child.ask("inside"), type=tuple[list[str], dict[str, list[bytes]]])
    assert wrong + compared(Places(boxes, sink), post.sent, post.acknowledged, 0) == []
    assert await child.ask("stop") == ""


@needs("unshare")
@pytest.mark.skipif(not succeeds(*MOUNT), reason="no file system of one's own is permitted here")
async def test_a_full_disk_refuses_for_now_and_loses_nothing(forks, tmp_path):
    post = Post()
    async with Sink(replies=[(b"RCPT", b"451 4.2.0 later")]).listening() as sink:
        async with forks.child(Order("tests.kill.server", [str(tmp_path), "sqlite", str(sink.port), "disk=64m"])) as child:
            port = await child.port()
            assert {said[:3] for said in await refused_or_kept(post, port, [0, 2], large=True)} == {"250"}
            assert await child.ask("fill 0") == "full"  # while the first letter waits for its second attempt
            said = await refused_or_kept(post, port, [3, 5, 6, 8], large=True)
            assert {each[:9] for each in said} == {"452 4.3.1"}
            assert await child.ask("free") == "free"
            assert await child.ask("fill 400") == "full"  # for the octets as they come, not for the blob too
            said = await refused_or_kept(post, port, [9, 11, 12, 14], large=True)
            assert {each[:9] for each in said} == {"452 4.3.1"}
            assert await child.ask("fill 0") == "full"
            said = await refused_or_kept(post, port, [15 + n for n in range(ATTEMPTS)], large=False)
            late = {each[:9] for each in said[ATTEMPTS // 2 :]}  # a small one may find room in the log, which is used again
            assert {"452 4.3.1"} <= late <= {"452 4.3.1", "250 2.0.0"}
            assert await child.ask("free") == "free"
            said = await refused_or_kept(post, port, [100, 101, 102], large=True)
            assert {each[:3] for each in said} == {"250"}
            await arrived(child, post, sink)
        assert child.status == 0


@needs("unshare")
@pytest.mark.skipif(not succeeds(*MOUNT), reason="no file system of one's own is permitted here")
async def test_workers_start_on_a_full_disk_and_deliver_once_there_is_room(forks, tmp_path):
    post = Post()
    async with Sink().listening() as sink:
        async with forks.child(Order("tests.kill.server", [str(tmp_path), "sqlite", str(sink.port), "hold", "disk=64m"])) as child:
            port = await child.port()
            assert {said[:3] for said in await refused_or_kept(post, port, [0, 1, 3], large=False)} == {"250"}
            assert await child.ask("lease") == "leased 12"
            assert await child.ask("fill 0") == "full"
            while (await refused_or_kept(post, port, [6 + len(post.sent)], large=False))[0].startswith("250"):
                pass  # what the log of the database had room for
            assert await child.ask("deliver") == "delivering"
            assert await child.ask("free") == "free"
            await arrived(child, post, sink)
        assert child.status == 0


@needs("unshare")
@pytest.mark.skipif(not succeeds(*MOUNT), reason="no file system of one's own is permitted here")
async def test_a_database_that_a_full_disk_keeps_from_opening_says_so(forks, tmp_path):
    status, said = await forks.run(Order("tests.kill.opening", [str(tmp_path)]))
    assert (status, said.split()) == (0, ["opened", "NoRoom", "opened"])


@contextlib.asynccontextmanager
async def failing(child: Child, fault: str) -> AsyncIterator[None]:
    """Let system calls of a running process fail."""
    command = ["strace", "-f", "-qq", "-e", "signal=none", "-e", f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}"]
    tracer = await asyncio.create_subprocess_exec(*command, "-o", "/dev/null", "-p", str(child.pid), stderr=subprocess.DEVNULL)
    await asyncio.to_thread(until_traced, child.pid)
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        await tracer.wait()


def until_traced(pid: int) -> None:
    """Wait until every thread of a process is traced."""
    end_s = time.monotonic() + PATIENCE_S
    while any(b"\nTracerPid:\t0\n" in each.read_bytes() for each in Path(f"/proc/{pid}/task").glob("*/status")):
        assert time.monotonic() < end_s, "nobody traces"
        time.sleep(0.01)


@pytest.mark.peer
@needs("strace")
@pytest.mark.skipif(not succeeds("strace", "-e", "trace=fsync", "true"), reason="tracing is not permitted here")
async def test_a_disk_that_fails_is_no_reason_to_promise_or_to_give_up(forks, scenery):
    post, numbers = Post(), iter(range(0, 900, 3))
    async with Sink().listening() as sink:
        async with forks.child(Order("tests.kill.server", [str(scenery), "sqlite", str(sink.port)])) as child:
            port = await child.port()
            for fault in FAULTS:
                first = next(numbers)
                assert {each[:3] for each in await refused_or_kept(post, port, [first, first + 2], large=True)} == {"250"}
                async with failing(child, fault):
                    for large in (False, True):
                        first = next(numbers)
                        said = await refused_or_kept(post, port, [first, first + 2], large=large)
                        assert {each[:3] for each in said} <= {"451", "452"}, fault
            first = next(numbers)
            assert {each[:3] for each in await refused_or_kept(post, port, [first, first + 2], large=True)} == {"250"}
            assert await child.ask("drain") == "drained"
            assert await child.ask("stop") == ""
        assert await verdict(scenery, "sqlite", sink, post.sent, post.acknowledged, len(FAULTS)) == []
