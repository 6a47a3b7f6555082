"""The SCIM protocol over the directory: scim2-server between HTTP and our units of work. The only module that knows it.

RFC 7644: paths, filters, PATCH, bulk, ETags, pages and errors are the engine's; what there is, and who may change it, is ours.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.routing import Operation
from scim2_server.service import ScimService
from scim2_server.storage import AsyncScimStorage, SearchPage

from config.database import Database, Tx
from config.errors import DatabaseUnreachable, MailError, NoRoom
from directory import errors
from directory.scim import changes, models, reach, translate
from directory.scim.entries import Entry
from directory.scim.models import PROVIDER, Resource, ResourceType, SCIMException, SearchRequest
from directory.scim.reach import Caller, Kind

MEDIA_TYPE = "application/scim+json"
MAX_SCAN = 5_000  # entries that a filter without an indexed condition is judged on: about half a second
MAX_BODY_BYTES = models.MAX_PAYLOAD_BYTES

log = structlog.get_logger()

# What the directory refuses, as SCIM says it (RFC 7644 §3.12). The nearest kind counts.
REFUSALS: Mapping[type[MailError], type[SCIMException]] = {
    MailError: models.InvalidValueException,
    errors.NotFound: models.InvalidValueException,  # of something that was referred to; a resource itself is looked up before
    errors.NotPermitted: models.ForbiddenException,
    errors.AddressTaken: models.UniquenessException,
    changes.OtherVersion: models.PreconditionFailedException,
    changes.NeedsAnother: models.ForbiddenException,
}


@dataclass(frozen=True, slots=True)
class Question:
    """A request as HTTP brought it. `base_url` ends before `path`; header names are in lower case."""

    method: str
    base_url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP sends back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def answer(db: Database, caller: Caller | None, question: Question) -> Answer:
    """Answer a request of a caller; None, who has no token, only learns what the service can do."""
    request = ScimRequest(question.method, question.base_url, question.path, question.query, question.headers, question.body, caller)
    try:
        if caller is None and _SERVICE.match(request).operation is not Operation.service_provider_config:
            raise models.UnauthorizedException(detail="a token of a service account is needed")
        said = await AsyncScimHandler(_SERVICE, _Storage(db, caller or Caller(0, ""))).handle(request)
    except SCIMException as error:
        said = _SERVICE.error_response(error)
    body = b"" if said.body is None else msgspec.json.encode(said.body)
    return Answer(int(said.status), said.headers, body)


class _Service(ScimService):
    """The engine's protocol, with bugs inside bulk requests told to the log instead of swallowed."""

    def bulk_failure(self, outcome: dict[str, Any], exception: Exception) -> dict[str, Any]:
        if not isinstance(exception, SCIMException):
            log.error("scim.broken", exc_info=exception)
        return super().bulk_failure(outcome, exception)


_SERVICE = _Service(PROVIDER)


class _Storage(AsyncScimStorage):
    """The directory as one caller sees it."""

    def __init__(self, db: Database, caller: Caller) -> None:
        self._db, self._caller = db, caller

    def operation(self) -> AbstractAsyncContextManager[None]:
        """Translate what the directory refuses."""
        return _translated()

    async def get(self, resource_type: ResourceType, resource_id: str, *, response_parameters: Any = None) -> Resource[Any]:
        """Return a resource that the caller sees."""
        kind = _kind(resource_type)
        found = await self._db.read(reach.find, self._caller, kind, _number(resource_id))
        if found is None:
            raise models.NotFoundException(detail=f"{kind} {resource_id[:40]} not found")
        return translate.resource(found)

    async def search(self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None) -> SearchPage:
        """Return one page of what the caller sees of some kinds, kind by kind, ascending by id."""
        return await self._db.read(_search, self._caller, [_kind(one) for one in resource_types], search_request)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Make an entry."""
        wanted = translate.entry(resource, None)
        return translate.resource(await self._db.write(changes.create, self._caller, _kind(resource_type), wanted))

    async def update(self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None) -> Resource[Any]:
        """Make an entry what the resource says."""
        kind, wanted = _kind(resource_type), _wanted(resource)
        number, version = _number(str(resource.id)), _version(expected_version)
        made, waiting = await self._db.write(changes.update, self._caller, kind, number, version, wanted)
        _tell(waiting)
        return translate.resource(made)

    async def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Close an entry."""
        version = _version(expected_version)
        _tell(await self._db.write(changes.delete, self._caller, _kind(resource_type), _number(resource_id), version))


def _search(tx: Tx, caller: Caller, kinds: list[Kind], search: SearchRequest[Any]) -> SearchPage:
    conditions = translate.conditions(search)
    found: list[tuple[Kind, int]] = []
    for kind in kinds:
        seen = reach.ids(tx, caller, kind, conditions)
        found += [(kind, one) for one in (_passing(tx, caller, kind, seen, search) if search.filter is not None else seen)]
    start = (search.start_index or 1) - 1
    page = found[start : start + (models.MAX_RESULTS if search.count is None else search.count)]
    listed = [entry for kind in kinds for entry in reach.read(tx, caller, kind, [one for its, one in page if its == kind])]
    return SearchPage(len(found), [translate.resource(entry) for entry in listed])


def _passing(tx: Tx, caller: Caller, kind: Kind, ids: list[int], search: SearchRequest[Any]) -> list[int]:
    """Return the ids of the entries that pass a filter. Raises TooManyException."""
    if len(ids) > MAX_SCAN:
        raise models.TooManyException(detail="too many entries to look through: add userName, externalId, unit, code, post or person")
    passes = translate.passes(search, kind)
    return [entry.id for entry in reach.read(tx, caller, kind, ids) if passes(translate.resource(entry))]


def _wanted(resource: Resource[Any]) -> Callable[[Entry], Entry]:
    return lambda found: translate.entry(resource, found)


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (DatabaseUnreachable, NoRoom):  # no fault of the request: 503, and it may come again
        raise
    except MailError as error:
        kind = next(REFUSALS[one] for one in type(error).__mro__ if one in REFUSALS)
        log.info("scim.refused", **(error.facts | {"error": type(error).__name__}))
        raise kind(detail=error.text) from None


def _tell(waiting: int | None) -> None:
    if waiting is not None:
        raise changes.NeedsAnother(f"a second person must agree to this: request {waiting} waits")


def _kind(resource_type: ResourceType) -> Kind:
    return next(kind for kind in reach.KINDS if kind == resource_type.name)


def _number(text: str) -> int:
    """Return an id; 0, which nothing has, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _version(tag: str | None) -> str | None:
    return None if tag is None else tag.removeprefix("W/").strip('"')
