"""The package is pure: it imports nothing that could read a clock, a file, a socket or chance."""

import ast
from pathlib import Path

import pytest

import mailcore.message

ALLOWED = {
    "base64", "binascii", "collections", "dataclasses", "datetime", "functools", "hashlib", "html", "itertools", "mailcore",
    "msgspec", "re", "unicodedata", "urllib",
}  # fmt: skip
FORBIDDEN_CALLS = {"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__"}
FILES = sorted(Path(mailcore.message.__file__).parent.glob("*.py"))


def _imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_imports_nothing_impure(path: Path) -> None:
    names = _imports(ast.parse(path.read_text()))
    assert {name.partition(".")[0] for name in names} <= ALLOWED
    assert all(name.startswith("mailcore.message") for name in names if name.startswith("mailcore"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calls_nothing_impure(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert not names & FORBIDDEN_CALLS
    assert not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(path.read_text())))
