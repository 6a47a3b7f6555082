"""The house keeps its order: what lies at the top, what is pure, who imports which engine, which RFCs are cited."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "directory", "signing", "mailcore", "webmail")
TOP = {"pyproject.toml", "README.md", "Makefile", "config", "directory", "signing", "mailcore", "webmail", "tests", "docs", "bench"}

PURE = (
    "config/gate.py",
    "directory/address.py",
    "directory/autoconfig/apple.py",
    "directory/autoconfig/offer.py",
    "directory/autoconfig/outlook.py",
    "directory/autoconfig/thunderbird.py",
    "directory/autoconfig/zone.py",
    "directory/carddav/paths.py",
    "directory/carddav/properties.py",
    "directory/carddav/query.py",
    "directory/carddav/requests.py",
    "directory/carddav/vcard.py",
    "directory/imports/ldap.py",
    "directory/imports/ldif.py",
    "directory/imports/report.py",
    "directory/imports/rows.py",
    "directory/imports/table.py",
    "directory/markup.py",
    "directory/ldap/ber.py",
    "directory/ldap/controls.py",
    "directory/ldap/dn.py",
    "directory/ldap/entries.py",
    "directory/ldap/filters.py",
    "directory/ldap/matching.py",
    "directory/ldap/messages.py",
    "directory/ldap/plan.py",
    "directory/ldap/schema.py",
    "directory/ldap/selfsaid.py",
    "directory/names.py",
    "directory/sync/dialects.py",
    "directory/sync/filtering.py",
    "directory/signin/messages.py",
    "directory/signin/saslprep.py",
    "directory/signin/scram.py",
    "directory/totp.py",
    "directory/oidc/authorization.py",
    "directory/oidc/discovery.py",
    "directory/oidc/registrations.py",
    "directory/oidc/relying.py",
    "directory/oidc/scopes.py",
    "directory/oidc/uris.py",
    "mailcore/activation/wire.py",
    "mailcore/answers.py",
    *(f"mailcore/checks/{name}.py" for name in ("arc", "asking", "authres", "canonical", "deciding", "dkim", "dmarc", "names")),
    *(f"mailcore/checks/{name}.py" for name in ("published", "results", "signature", "signing", "tags", "types")),
    "mailcore/checks/spf/*.py",
    "mailcore/imap/commands.py",
    "mailcore/imap/deflate.py",
    "mailcore/imap/names.py",
    "mailcore/imap/parse/*.py",
    "mailcore/imap/quirks.py",
    "mailcore/imap/responses.py",
    "mailcore/imap/sequence.py",
    "mailcore/imap/view.py",
    "mailcore/imap/wire.py",
    "mailcore/message/*.py",
    "mailcore/openpgp/mime.py",
    "mailcore/openpgp/wkd.py",
    "mailcore/queue/flow.py",
    "mailcore/queue/ranks.py",
    "mailcore/queue/schedule.py",
    "mailcore/sieve/answers.py",
    "mailcore/sieve/arguments.py",
    "mailcore/sieve/bodies.py",
    "mailcore/sieve/commands.py",
    "mailcore/sieve/comparators.py",
    "mailcore/sieve/compile.py",
    "mailcore/sieve/conditions.py",
    "mailcore/sieve/dates.py",
    "mailcore/sieve/faults.py",
    "mailcore/sieve/flags.py",
    "mailcore/sieve/glob.py",
    "mailcore/sieve/letter.py",
    "mailcore/sieve/lexer.py",
    "mailcore/sieve/limits.py",
    "mailcore/sieve/matching.py",
    "mailcore/sieve/outcome.py",
    "mailcore/sieve/rules.py",
    "mailcore/sieve/run.py",
    "mailcore/sieve/scope.py",
    "mailcore/sieve/strings.py",
    "mailcore/sieve/syntax.py",
    "mailcore/sieve/trace.py",
    "mailcore/sieve/vacation.py",
    "mailcore/smtp/data.py",
    "mailcore/smtp/memory.py",
    "mailcore/smtp/grammar.py",
    "mailcore/smtp/limits.py",
    "mailcore/smtp/lines.py",
    "mailcore/smtp/params.py",
    "mailcore/smtp/mechanisms.py",
    "mailcore/smtp/policy.py",
    "mailcore/smtp/proxy.py",
    "mailcore/queue/wire.py",
    "mailcore/routing/dane.py",
    "mailcore/routing/keys.py",
    "mailcore/routing/trace.py",
    "mailcore/smtp/reply.py",
    "mailcore/store/fulltext/query.py",
    "mailcore/store/fulltext/segment.py",
    "mailcore/store/fulltext/stems.py",
    "mailcore/store/fulltext/text.py",
    "mailcore/store/fulltext/words.py",
    "mailcore/store/packing.py",
    "signing/capabilities.py",
    "signing/cms.py",
    "signing/der.py",
    "signing/enveloped.py",
    "signing/evidence/bundle.py",
    "signing/evidence/checkpoint.py",
    "signing/evidence/merkle.py",
    "signing/evidence/note.py",
    "signing/evidence/record.py",
    "signing/evidence/sealed.py",
    "signing/evidence/tiles.py",
    "signing/evidence/verify.py",
    "signing/genuine.py",
    "signing/moment.py",
    "signing/openpgp/status.py",
    "signing/openpgp/types.py",
    *(f"signing/pdf/{name}.py" for name in ("bidi", "pades", "place", "types")),
    "signing/shamir.py",
    "signing/pki/protocol.py",
    "signing/pki/cases.py",
    *(f"signing/pki/{name}.py" for name in ("crl", "ocsp", "places", "revocation")),
    "signing/pki/path.py",
    "signing/pki/profiles.py",
    "signing/signers.py",
    "signing/reasons.py",
    "signing/standing.py",
    "signing/timestamp.py",
    "signing/verdict.py",
)
IMPURE = {"asyncio", "os", "pathlib", "random", "secrets", "shutil", "socket", "structlog", "subprocess", "tempfile", "threading", "time"}

# Each third-party engine has one importing module.
ENGINES = {
    "Stemmer": {"mailcore/store/fulltext/stems.py"},
    "aiosmtpd": {"mailcore/smtp/server.py", "mailcore/smtp/connection.py"},
    "apsw": {"config/sqlite_connection.py"},
    "argon2": {"directory/signin/passwords.py"},
    "authlib": {"webmail/oidc/upstream.py"},
    "gnupg": {"signing/openpgp/home.py"},
    "joserfc": {"directory/oidc/jose.py"},
    "nh3": {"webmail/sanitise.py"},
    "psycopg": {"config/postgres.py"},
    "psycopg_pool": {"config/postgres.py"},
    "webauthn": {"directory/signin/passkeys.py"},
    "segno": {"signing/qr.py"},
    "scim2_models": {"directory/scim/models.py"},
    "scim2_server": {"directory/scim/engine.py"},
    "pkcs11": {"signing/token.py"},
    "uvicorn": {"mailcore/http.py"},
    "zstandard": {"config/compression.py"},
}
_ENGINE = re.compile("|".join(ENGINES))


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_top_level_is_the_agreed_one() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    top = {name.partition("/")[0] for name in tracked if name}
    assert {name for name in top if not name.startswith(".")} == TOP


@pytest.mark.parametrize("pattern", PURE)
def test_pure_modules_touch_nothing(pattern: str) -> None:
    found = sorted(ROOT.glob(pattern))
    assert found, f"{pattern} names no file"
    for path in found:
        assert not imported(path) & IMPURE, path
        assert "async def" not in path.read_text("utf-8"), path


def test_each_engine_has_one_importing_module() -> None:
    users: dict[str, set[str]] = {}
    for path in sources():
        if not _ENGINE.search(path.read_text("utf-8")):  # to parse them all takes two seconds
            continue
        for name in imported(path) & ENGINES.keys():
            users.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    assert {name: places - ENGINES[name] for name, places in users.items() if places - ENGINES[name]} == {}
    assert all(len(places) == 1 for places in users.values()), users


def test_nothing_but_the_process_of_activations_can_make_one() -> None:
    """A front that could would let keys sign without their holders."""
    mint = re.compile(r"from signing\.activation import|signing import .*\bactivation\b|activation\.key")
    found = {str(path.relative_to(ROOT)) for path in sources() if mint.search(path.read_text("utf-8"))}
    assert found == {"signing/keyring.py", "mailcore/activation/service.py", "mailcore/activation/process.py"}


def test_every_cited_rfc_is_listed_with_its_status_and_every_listed_one_is_cited() -> None:
    listed = tomllib.loads((ROOT / "docs/rfc.toml").read_text("utf-8"))
    cited: set[str] = set()
    for path in sources():
        for group in re.findall(r"RFCs? (\d{3,5}(?:(?:, | and )\d{3,5})*)", path.read_text("utf-8")):
            cited |= set(re.findall(r"\d{3,5}", group))
    assert cited == set(listed)
    assert all(entry.keys() == {"title", "status"} for entry in listed.values())
    assert {entry["status"] for entry in listed.values()} <= {"implemented", "partial", "consulted"}


def test_documents_name_files_that_exist() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/decisions").glob("*.md")]
    assert len(documents) > 20
    for document in documents:
        for name in re.findall(r"`((?:config|directory|signing|mailcore|webmail|tests|bench|docs)/[\w./-]+)`", document.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{document.name} names {name}"
