"""Acts on accounts of machines. Such an account has no role until one is granted to it."""

from typing import Annotated

from config.database import Tx
from directory import services
from directory.acts.act import SECRET, Act, Rule, Rules, made
from directory.errors import BadEntry
from directory.rights import Scope, ScopeKind
from directory.services import Face, Service


class ServiceCreate(Act, frozen=True, tag="service.create"):
    """Make an account for a machine, by the SHA-256 of its token in hexadecimal."""

    name: str
    scope_kind: ScopeKind
    scope_id: int
    faces: tuple[Face, ...]
    token_sha256: Annotated[str, SECRET]


class ServiceRevoke(Act, frozen=True, tag="service.revoke"):
    service_id: int


def _create(tx: Tx, act: ServiceCreate) -> Service:
    try:
        sha256 = bytes.fromhex(act.token_sha256)
    except ValueError as error:
        raise BadEntry("this is not the SHA-256 of a token") from error
    return services.create(tx, act.name, Scope(act.scope_kind, act.scope_id), act.faces, sha256)


RULES: Rules = {
    ServiceCreate: Rule(
        "services",
        lambda tx, act: Scope(act.scope_kind, act.scope_id),
        _create,
        "service",
        lambda act, value: value.service_id,
        made,
    ),
    ServiceRevoke: Rule(
        "services",
        lambda tx, act: services.find(tx, act.service_id).scope,
        lambda tx, act: services.revoke(tx, act.service_id),
        "service",
        lambda act, value: act.service_id,
        lambda tx, act, value: services.find(tx, act.service_id),
    ),
}
