"""diwan.toml: what is wrong is one line that names the file, the key and what was expected."""

from pathlib import Path

import pytest

from config.settings import SettingsError, endpoint, load, parse

GOOD = """
[node]
hostname = "mx.interieur.gov.example"
postmaster = "postmaster@interieur.gov.example"
[tls]
certificate = "keys/tls.pem"
key = "keys/tls.key"
"""


def write(directory: Path, text: str) -> Path:
    (directory / "diwan.toml").write_text(text, "utf-8")
    return directory


def test_paths_are_taken_from_the_nodes_directory(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD + '[[route]]\ndomain = ".b.example"\nhost = "127.0.0.1"\nca = "keys/b.pem"\n'))
    assert settings.tls.certificate == tmp_path / "keys/tls.pem"
    assert settings.routes[0].ca == tmp_path / "keys/b.pem"
    assert (settings.data, settings.keys, settings.run) == (tmp_path / "data", tmp_path / "keys", tmp_path / "run")
    assert settings.database.url == "sqlite"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "[smtp]\nmax_message_bytes = 'big'", "smtp.max_message_bytes: expected a number, got a text in quotes"),
        (GOOD + "[smtp]\nmax_mesage_bytes = 1", "smtp.max_mesage_bytes: there is no such setting"),
        (GOOD + "[colour]\nblue = 1", "colour: there is no such setting"),
        (GOOD.replace("hostname", "host_name"), "node.host_name: there is no such setting"),
        ("[node]\nhostname = 'a'\npostmaster = 'p@a.example'", "tls: this setting is required"),
        (GOOD + "[listen]\nimap = 'localhost'", "listen.imap: expected `host:port`"),
        (GOOD + "[listen]\nimap = '127.0.0.1:99999'", "listen.imap: expected `host:port`"),
        (GOOD + "[database]\nurl = 'mysql://x'", "database.url: expected `sqlite` or `postgresql://…`"),
        (GOOD + "[web]\ndefault_language = 'de'", "web.default_language: expected `ar` or `fr` or `en`, got 'de'"),
        (GOOD + "[[route]]\ndomain = 'x'\nhost = 1", "route[0].host: expected a text in quotes, got a number"),
        (GOOD.replace('"mx.interieur.gov.example"', '""'), "node.hostname: expected the name of this machine"),
        (GOOD.replace("postmaster@interieur.gov.example", "postmaster"), "node.postmaster: expected an address"),
        (GOOD + "[[route]]\ndomain = 'x'\nhost = 'h'\ntls = 'no'", "route[0].tls: expected `verify` or `opportunistic`, got 'no'"),
        (GOOD + "[[route]]\ndomain = 'x'\nhost = 'h'\nport = 99999", "route[0].port: expected a port, 1 to 65535"),
        (GOOD + "[route]\ndomain = 'x'", "route: expected a list of tables, each under `[[route]]`, got a table"),
        (GOOD + "[checks]\nclamav_when_down = 'no'", "checks.clamav_when_down: expected `defer` or `take`, got 'no'"),
        (GOOD + "[checks]\nenabled = 'yes'", "checks.enabled: expected true or false, got a text in quotes"),
        (GOOD + "[metrics]\nlisten = '9465'", "metrics.listen: expected a loopback address"),
        (GOOD + "[queue]\nworkers = 0", "queue.workers: expected 1 or more, got 0"),
        (GOOD + "[smtp]\nmax_recipients = -1", "smtp.max_recipients: expected 1 or more, got -1"),
        ("[node", "not TOML"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_and_expectation(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text))
    assert caught.value.text.startswith(str(tmp_path / "diwan.toml") + ": ")
    assert says in caught.value.text
    assert "\n" not in caught.value.text


def test_a_missing_file_says_how_to_make_a_node(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="diwan init"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "want"), [("127.0.0.1:25", ("127.0.0.1", 25)), ("[::1]:2525", ("::1", 2525)), ("mx.example:587", ("mx.example", 587))]
)
def test_endpoints(text: str, want: tuple[str, int]) -> None:
    assert endpoint(text) == want


WHO = '[node]\nhostname = "MX.Interieur.gov.example"\npostmaster = "p@x.example"\n[tls]\ncertificate = "a"\nkey = "b"\n'


@pytest.mark.parametrize(
    ("listen", "said", "place"),
    [
        ("", "", ""),
        ("0.0.0.0:80", "", "http://mx.interieur.gov.example"),
        ("0.0.0.0:2080", "", "http://mx.interieur.gov.example:2080"),
        ("0.0.0.0:2080", 'url = "http://pki.gov.example/a"', "http://pki.gov.example/a"),
    ],
)
def test_certificates_say_one_normal_address(listen: str, said: str, place: str, tmp_path: Path) -> None:
    read = parse(f'{WHO}[listen]\npki = "{listen}"\n[pki]\n{said}\n', tmp_path)
    assert read.pki.place(read.node.hostname, read.listen.pki) == place


def test_files_are_found_in_the_nodes_directory_whatever_names_them(tmp_path: Path) -> None:
    read = parse(
        f'{WHO}[pki]\ntimes_ca = "keys/times.pem"\n[routing]\nca = "/etc/roots.pem"\n'
        '[[sync]]\nname = "ldap"\nkind = "ad"\norganisation = "01"\nservice = "ldap"\n'
        'url = "ldaps://ldap.example"\nbase = "dc=example"\npassword = "keys/ldap"\n',
        tmp_path,
    )
    assert (read.pki.times_ca, read.routing.ca, read.manifest.anchor) == (tmp_path / "keys/times.pem", Path("/etc/roots.pem"), None)
    assert [(one.password, one.ca) for one in read.syncs] == [(tmp_path / "keys/ldap", None)]


ADDRESSES = [f'url = "{one}"' for one in ("http://PKI.example", "http://pki.example:80", "https://pki.example", "http://pki.example/")]


@pytest.mark.parametrize("said", [*ADDRESSES, 'policy = "state"', 'country = "dz"', "renew_days = -1"])
def test_what_certificates_must_not_say_is_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said.partition(" ")[0]):
        parse(f"{WHO}[pki]\n{said}\n", tmp_path)
