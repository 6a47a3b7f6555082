"""The `diwan` command: what it says, and with which exit status."""

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailcore.demo import mail, nodes
from tests.command import archives, diwan
from tests.ports import free_base


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> nodes.Node:
    """A node with one administration, as `diwan init --json` described it."""
    directory = tmp_path_factory.mktemp("node") / "n"
    node = nodes.make(directory, "--domain", "archives.example", "--port-base", str(free_base()))
    [first] = node.people
    assert first.address == "greffe@archives.example"
    assert first.posts == ("bureau.ordre@archives.example",)
    return node


@pytest.fixture
def node(made: nodes.Node) -> Path:
    """The directory of that node."""
    return made.directory


@pytest.mark.parametrize("run", [diwan, nodes.run])
def test_help_names_every_command(run: Callable[..., Any]) -> None:
    said = run("--help")
    assert said.returncode == 0
    for command in ("init", "up", "demo", "check", "doctor"):
        assert command in said.stdout
    assert run("nonsense").returncode == 2


def test_init_does_not_touch_a_node_that_is_there(node: Path) -> None:
    again = diwan("init", str(node), "--domain", "archives.example")
    assert (again.returncode, again.stdout) == (1, "")
    assert "holds a node already" in again.stderr


def test_init_refuses_what_an_interrupted_one_left(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    assert "interrupted" in diwan("init", str(tmp_path)).stderr


def test_an_init_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    directory = tmp_path / "n"
    for option, value, says in (
        ("--domain", "not a domain", "--domain not a domain: this is not a domain name"),
        ("--hostname", "mx..example", "--hostname mx..example: this is not a domain name"),
        ("--database", "mysql://x", "database.url: expected `sqlite`"),
        ("--database", "postgresql://x@127.0.0.1:1/x", "the database does not answer"),
    ):
        said = diwan("init", str(directory), option, value)
        assert said.returncode == 1
        assert says in said.stderr
        assert said.stderr.count("\n") == 1
        assert not directory.exists()


def test_an_arabic_domain_is_kept_as_a_labels(tmp_path: Path) -> None:
    made = diwan("init", str(tmp_path / "n"), "--domain", "أرشيف.example", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["people"][0]["address"] == "greffe@xn--igb2aj6c2b.example"
    assert 'hostname = "mx.xn--igb2aj6c2b.example"' in (tmp_path / "n/diwan.toml").read_text("utf-8")


def test_a_port_of_another_program_is_a_finding(node: Path, made: nodes.Node) -> None:
    port = int(made.listen["imap"].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        looked = diwan("doctor", "--dir", str(node))
    assert looked.returncode == 1
    assert f"no  imap: 127.0.0.1:{port} answers, but this node is not running: another program has this port\n" in looked.stdout


def test_a_key_that_is_missing_is_named(node: Path) -> None:
    key = node / "keys/tls/node.key"
    key.rename(node / "keys/away")
    try:
        said, looked = diwan("up", "--dir", str(node)), diwan("doctor", "--dir", str(node))
    finally:
        (node / "keys/away").rename(key)
    assert said.stderr == f"diwan: {node / 'diwan.toml'}: tls.key: {key}: no such file or directory\n"
    assert "no  certificate: " in looked.stdout


def test_roots_that_are_missing_and_places_that_are_taken_are_named(node: Path) -> None:
    path = node / "diwan.toml"
    good = path.read_text("utf-8")
    wrong = {
        good + '\n[routing]\nca = "keys/none.pem"\n': f"routing.ca: {node / 'keys/none.pem'}: no such file or directory",
        good + '\n[pki]\ntimes_ca = "keys/none.pem"\n': f"pki.times_ca: {node / 'keys/none.pem'}: no such file or directory",
        good
        + '\n[[route]]\ndomain = ""\nhost = "a"\nca = "keys/b.pem"\n': f"route[0].ca: {node / 'keys/b.pem'}: no such file or directory",
        good.replace("[listen]", '[listen]\nlmtp = "diwan.toml"'): "listen.lmtp: diwan.toml: file exists",
        good.replace("[listen]", f'[listen]\nlmtp = "{"x" * 120}"'): f"listen.lmtp: {'x' * 120}: file name too long",
    }
    try:
        for text, says in wrong.items():
            path.write_text(text, "utf-8")
            assert diwan("up", "--dir", str(node)).stderr == f"diwan: {path}: {says}\n"
    finally:
        path.write_text(good, "utf-8")


def test_the_socket_for_programs_of_this_machine_is_looked_at(tmp_path: Path) -> None:
    made = archives(tmp_path / "n")
    path = made.directory / "diwan.toml"
    path.write_text(path.read_text("utf-8").replace("[listen]", '[listen]\nlmtp = "run/lmtp"'), "utf-8")
    assert "ok  lmtp: run/lmtp is free: the node is not running\n" in diwan("doctor", "--dir", str(made.directory)).stdout
    with nodes.serving(made.directory, roles=["mx"]):
        looked = diwan("doctor", "--dir", str(made.directory)).stdout
    assert "ok  lmtp: run/lmtp answers\n" in looked
    assert "no  imaps: " in looked  # a role that does not run here


def test_a_postmaster_whom_nobody_reads_is_a_finding(tmp_path: Path) -> None:
    assert diwan("init", str(tmp_path / "n"), "--hostname", "mx.gov.example").returncode == 0
    path = tmp_path / "n/diwan.toml"
    assert "no  postmaster: postmaster@mx.gov.example has no mailbox" in diwan("doctor", "--dir", str(tmp_path / "n")).stdout
    path.write_text(path.read_text("utf-8").replace("postmaster@mx.gov.example", "team@elsewhere.example"), "utf-8")
    assert "ok  postmaster: team@elsewhere.example is elsewhere" in diwan("doctor", "--dir", str(tmp_path / "n")).stdout


def test_an_unknown_log_level_is_wrong_usage(node: Path) -> None:
    assert diwan("up", "--dir", str(node), "--log", "loud").returncode == 2


def test_keys_are_the_owners_alone(node: Path) -> None:
    assert not (node / "demo.json").exists()  # what it would hold was said once
    for path in (node / "keys", node / "keys/tls/node.key", node / "keys/storage.key"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_up_says_ready_serves_and_stops_on_sigterm(node: Path) -> None:
    with nodes.serving(node) as process:
        checked = diwan("check", "--dir", str(node), "--json")
        assert json.loads(checked.stdout) == {"ok": True, "findings": []}
        looked = diwan("doctor", "--dir", str(node), "--json")
        assert looked.returncode == 0, looked.stdout
        assert any(finding["said"].endswith("answers") for finding in json.loads(looked.stdout))
        assert any(finding["said"] == "postmaster@archives.example has a mailbox" for finding in json.loads(looked.stdout))
        taken = diwan("up", "--dir", str(node))
        assert taken.returncode == 1
        assert "listen.smtp: 127.0.0.1:" in taken.stderr
        assert "address already in use" in taken.stderr
        assert taken.stderr.count("\n") == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_an_unknown_role_is_named(node: Path) -> None:
    said = diwan("up", "--dir", str(node), "--role", "postman")
    assert said.returncode == 1
    assert "'postman'" in said.stderr


def test_a_wrong_setting_is_one_line(node: Path) -> None:
    path = node / "diwan.toml"
    good = path.read_text("utf-8")
    path.write_text(good + "\n[smtp]\nmax_recipients = 'many'\n", "utf-8")
    try:
        said = diwan("up", "--dir", str(node))
    finally:
        path.write_text(good, "utf-8")
    assert said.returncode == 1
    assert said.stderr == f"diwan: {path}: smtp.max_recipients: expected a number, got a text in quotes\n"


def test_doctor_closes_open_keys_only_when_told(node: Path) -> None:
    key = node / "keys/tls/node.key"
    key.chmod(0o644)
    assert diwan("doctor", "--dir", str(node)).returncode == 1
    assert diwan("doctor", "--dir", str(node), "--fix").returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600


def test_check_tells_of_a_damaged_store(node: Path, made: nodes.Node) -> None:
    import apsw

    with nodes.serving(node, roles=["imap"]), mail.imap(made, made.people[0].address, made.people[0].password):
        pass
    change = "UPDATE mailbox SET message_count = message_count {} 1 WHERE role = 'sent'"
    with apsw.Connection(str(node / "data/main.db")) as connection:
        connection.execute(change.format("+"))
    said = diwan("check", "--dir", str(node))
    with apsw.Connection(str(node / "data/main.db")) as connection:
        connection.execute(change.format("-"))
    assert said.returncode == 1
    assert said.stdout.startswith("mailbox counts messages: ")


def test_the_queue_can_be_seen_and_steered(node: Path, made: nodes.Node) -> None:
    clerk = made.people[0]
    letter = f"From: {clerk.address}\r\nTo: far@away.example\r\nSubject: essai\r\n\r\nBonjour\r\n".encode()
    with nodes.serving(node, roles=["submission"]):
        said = mail.submit(made, clerk, clerk.address, ["far@away.example"], letter)
    number = said.split()[-1]
    [waiting] = json.loads(diwan("queue", "list", "--dir", str(node), "--json").stdout)
    assert (waiting["id"], waiting["recipient"], waiting["attempts"]) == (number, "far@away.example", 0)
    assert f"<{clerk.address}> to <far@away.example>" in diwan("queue", "show", number, "--dir", str(node)).stdout
    assert diwan("queue", "retry", "--dir", str(node)).stdout == "1 recipient will be tried now\n"
    assert diwan("queue", "hold", number, "--dir", str(node)).returncode == 2  # without a reason
    assert diwan("queue", "hold", number, "--dir", str(node), "--reason", "why").stdout == "1 recipient held\n"
    assert diwan("queue", "holds", "--dir", str(node)).stdout.splitlines()[1].endswith("console  why")
    assert "is held: only what waits" in diwan("queue", "retry", number, "--dir", str(node)).stderr
    assert "held by console: why" in diwan("queue", "list", "--held", "--dir", str(node)).stdout
    assert diwan("queue", "release", number, "--dir", str(node)).stdout == "1 recipient released\n"
    totals = diwan("queue", "list", "--totals", "--dir", str(node)).stdout.splitlines()
    assert totals[1].split()[:4] == ["away.example", "1", "0", "0"]
    assert diwan("queue", "stats", "--dir", str(node)).stdout.startswith("1 waiting, 0 being sent, 0 held, the oldest for ")
    assert diwan("queue", "check", "--dir", str(node)).returncode == 0
    assert diwan("queue", "drop", number, "--dir", str(node), "--yes").returncode == 2  # without a reason
    assert diwan("queue", "drop", number, "--dir", str(node), "--yes", "--reason", "why").stdout == "1 recipient dropped\n"
    gone = diwan("queue", "show", number, "--dir", str(node))
    assert (gone.returncode, gone.stderr) == (1, f"diwan: no message {number} is in the queue: delivered, reported or never here\n")
    assert diwan("queue", "show", "!", "--dir", str(node)).returncode == 2
    assert diwan("queue", "list", "--dir", str(node)).stdout == "nothing is waiting\n"


def test_check_and_up_work_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    directory = tmp_path / "pg"
    made = diwan("init", str(directory), "--domain", "archives.example", "--port-base", str(free_base()), "--database", postgres_url)
    assert made.returncode == 0, made.stderr
    with nodes.serving(directory):
        pass
    assert diwan("check", "--dir", str(directory)).returncode == 0
