"""Real scanners on loopback: Debian's clamd with one signature of our own, and its rspamd with one rule of our own."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.wire import free_port

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
START_S = 20

CLAMD = """\
Foreground true
LocalSocket {here}/clamd.sock
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {here}/signatures
StreamMaxLength 4M
SelfCheck 0
MaxThreads 2
"""
RSPAMD = """\
options {{
    tempdir = "{here}"; cache_file = "{here}/symbols.cache"; hs_cache_dir = "{here}"; url_tld = "{here}/tld"; filters = "";
    dns {{ timeout = 0.1s; retransmits = 1; nameserver = ["127.0.0.1:9"]; }}
    control_socket = "{here}/control mode=0600";
}}
logging {{ type = "file"; filename = "{here}/rspamd.log"; level = "warning"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
actions {{ reject = 15; "add header" = 6; greylist = 4; }}
lua = "{here}/rule.lua"
"""
# It does what the local part of the sender says, if it was told everything of the envelope.
RULE = """\
rspamd_config:register_symbol({
  name = 'ENVELOPE', type = 'normal', group = 'test', score = 1.0,
  callback = function(task)
    local from, rcpt = task:get_from('smtp'), task:get_recipients('smtp')
    local asked = from and from[1].user or ''
    local ip, queue_id = tostring(task:get_ip()), task:get_queue_id()
    local known = rcpt and string.match(rcpt[1].addr, '^amina.*gov.example$') and (ip == '192.0.2.9' or ip == '127.0.0.1')
    if known and task:get_helo() == 'mail.x.example' and queue_id and #queue_id > 1 and task:get_hostname() == 'mail.x.example' then
      if asked == 'spam' then task:set_pre_result('add header', 'spam') end
      if asked == 'later' then task:set_pre_result('soft reject', 'wait') end
      if asked == 'worst' then task:set_pre_result('reject', 'no') end
      if asked == 'subject' then task:set_pre_result('rewrite subject', 'no') end
    end
    return false
  end
})
"""


@contextlib.contextmanager
def clamd(here: Path) -> Iterator[tuple[str, str]]:
    """Run clamd; give the path of its socket, and its host and port."""
    (here / "signatures").mkdir()
    (here / "signatures/test.ndb").write_text(f"Diwan.Eicar:0:*:{EICAR.hex()}\n")
    port = free_port()
    (here / "clamd.conf").write_text(CLAMD.format(here=here, port=port))
    with _running(["/usr/sbin/clamd", "--config-file", str(here / "clamd.conf"), "--foreground"], here / "clamd.log"):
        _until(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        yield f"{here}/clamd.sock", f"127.0.0.1:{port}"


@contextlib.contextmanager
def rspamd(here: Path) -> Iterator[str]:
    """Run rspamd; give its address."""
    port = free_port()
    (here / "tld").write_text("example\n")  # its own list of top-level domains takes it seconds to compile
    (here / "rule.lua").write_text(RULE)
    (here / "rspamd.conf").write_text(RSPAMD.format(here=here, port=port))
    user = ["-i", "-u", "root", "-g", "root"] if os.getuid() == 0 else []
    with _running(["/usr/bin/rspamd", "-f", *user, "-c", str(here / "rspamd.conf")], here / "rspamd.out"):
        _until(lambda: httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False).raise_for_status())
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until(works) -> None:
    ends_s = time.monotonic() + START_S
    while True:
        try:
            works()
            return
        except (OSError, httpx.HTTPError):
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.05)
