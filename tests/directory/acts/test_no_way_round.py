"""Nothing changes the directory but acts: no command, face or page calls what changes it by itself."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
# the directory's own modules call each other; a replica writes what its centre journalled, a demonstration what nobody did
OWN = {
    *(f"directory/{name}.py" for name in ("client_certificates", "factors", "intake", "lists", "people", "posts", "units")),
    "directory/manifest/replica.py",
}
FOLDERS = ("directory/acts/", "directory/demo/")

CHANGES = {
    "organisations": {"create", "insert", "rename", "move", "close"},
    "units": {"create", "insert", "rename", "move", "set_address", "set_kind", "close"},
    "posts": {"create", "insert", "rename", "move", "set_role", "close"},
    "people": {"create", "insert", "rename", "move", "transfer", "close", "reopen"},
    "intake": {"create"},
    "holdings": {"start", "insert", "end", "end_all", "correct", "annul"},
    "aliases": {"add", "main", "insert", "insert_free", "close_one", "close", "reopen"},
    "domains": {"create", "insert", "share", "alias", "close"},
    "attributes": {"set", "insert"},
    "visibility": {"set"},
    "lists": {"create", "change", "close"},
    "delegations": {"grant", "revoke"},
    "dkim": {"add", "remove"},
    "credentials": {"set_password", "remove_password", "revoke_all", "revoke_app_password"},
    "factors": {"reset"},
    "client_certificates": {"add", "revoke"},
    "grants": {"give", "revoke", "revoke_of", "revoke_outside"},
    "services": {"create", "revoke"},
    "topology": {"add", "serve", "revoke"},
    "clients": {"register", "change", "approve", "revoke", "rotate"},
    "links": {"add", "remove"},
    "journal": {"blank"},
}


def named(path: Path) -> set[tuple[str, str]]:
    """Return every ``module.function`` of a file, called there or handed on, as to `db.write`."""
    return {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_only_acts_change_the_directory() -> None:
    changes = {(module, name) for module, names in CHANGES.items() for name in names}
    found = {}
    for package in ("config", "directory", "mailcore", "webmail"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name in OWN or name.startswith(FOLDERS):
                continue
            if used := named(path) & changes:
                found[name] = sorted(used)
    assert found == {}
