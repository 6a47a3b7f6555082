"""The resources that SCIM clients see, and what the service says of itself. The only module that knows scim2-models.

RFC 7643 §4.1 (User, as far as the directory has it), §4.3 (enterprise extension), §3.3 (extensions). Units, posts and holdings are
resources of ours. Latin names are the core attributes, Arabic ones stand in our extension: both as attested, never transliterated.
"""

from datetime import datetime
from typing import Annotated, Any, cast

from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ConflictException,
    ETag,
    Extension,
    Filter,
    ForbiddenException,
    InvalidValueException,
    Meta,
    Mutability,
    NotFoundException,
    Patch,
    PreconditionFailedException,
    Required,
    Resource,
    ResourceType,
    SCIMException,
    ScimFilter,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
    TooManyException,
    UnauthorizedException,
    Uniqueness,
    UniquenessException,
)
from scim2_models.path import Comparison, FilterNode, LogicalExpr, LogicalOperator

__all__ = [
    "Comparison",
    "ConflictException",
    "FilterNode",
    "ForbiddenException",
    "InvalidValueException",
    "LogicalExpr",
    "LogicalOperator",
    "Meta",
    "NotFoundException",
    "PreconditionFailedException",
    "Resource",
    "ResourceType",
    "SCIMException",
    "ScimFilter",
    "SearchRequest",
    "TooManyException",
    "UnauthorizedException",
    "UniquenessException",
]

GOV = "urn:diwan:params:scim:schemas:gov:2.0"
MAX_OPERATIONS = 1_000  # of one bulk request
MAX_PAYLOAD_BYTES = 1_048_576
MAX_RESULTS = 200  # of one page


class Name(ComplexAttribute):
    """A name in one script: whole, and in parts where they are attested."""

    formatted: str | None = None
    family_name: str | None = None
    given_name: str | None = None


class Value(ComplexAttribute):
    """An address, which the directory gives."""

    value: Annotated[str | None, Mutability.read_only] = None
    type: Annotated[str | None, Mutability.read_only] = None
    primary: Annotated[bool | None, Mutability.read_only] = None


class Phone(ComplexAttribute):
    """A number; the type is work, mobile or fax."""

    value: str | None = None
    type: str | None = None


class Held(ComplexAttribute):
    """A post that somebody holds, or who holds it; `value` is its id, `holding` that of the holding."""

    value: Annotated[str | None, Mutability.read_only] = None
    display: Annotated[str | None, Mutability.read_only] = None
    type: Annotated[str | None, Mutability.read_only] = None
    holding: Annotated[str | None, Mutability.read_only] = None


class User(Resource[Any]):
    """A civil servant."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Mutability.immutable, Uniqueness.server] = None
    name: Name | None = None
    display_name: str | None = None
    title: Annotated[str | None, Mutability.read_only] = None
    preferred_language: Annotated[str | None, Mutability.immutable] = None
    active: bool | None = None
    emails: Annotated[list[Value] | None, Mutability.read_only] = None
    phone_numbers: list[Phone] | None = None


class EnterpriseUser(Extension):
    """What the standard extension says of somebody's work, as far as the directory has it."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    employee_number: str | None = None
    organization: Annotated[str | None, Mutability.read_only] = None
    department: Annotated[str | None, Mutability.read_only] = None


class Person(Extension):
    """What belongs to a civil servant of a bilingual state: the unit, the name in Arabic, the posts held now."""

    __schema__ = URN(f"{GOV}:Person")

    unit: Annotated[str | None, Required.true, CaseExact.true] = None
    name_arabic: Name | None = None
    room: str | None = None
    posts: Annotated[list[Held] | None, Mutability.read_only] = None


class Unit(Resource[Any]):
    """A direction, service or office. `organization` is the code of its administration."""

    __schema__ = URN(f"{GOV}:Unit")

    organization: Annotated[str | None, Required.true, Mutability.immutable, CaseExact.true] = None
    code: Annotated[str | None, Required.true, Mutability.immutable, CaseExact.true] = None
    name_arabic: Annotated[str | None, Required.true] = None
    name_french: Annotated[str | None, Required.true] = None
    parent: Annotated[str | None, CaseExact.true] = None
    kind: str | None = None
    address: Annotated[str | None, Mutability.immutable] = None
    active: bool | None = None


class Post(Resource[Any]):
    """A function in a unit, with a mailbox of its own."""

    __schema__ = URN(f"{GOV}:Post")

    unit: Annotated[str | None, Required.true, CaseExact.true] = None
    title_arabic: Annotated[str | None, Required.true] = None
    title_french: Annotated[str | None, Required.true] = None
    address: Annotated[str | None, Required.true, Mutability.immutable, Uniqueness.server] = None
    function: str | None = None
    rank: int | None = None
    active: bool | None = None
    holders: Annotated[list[Held] | None, Mutability.read_only] = None


class Holding(Resource[Any]):
    """Somebody holds a post from `start` up to, not including, `end`, by a decision."""

    __schema__ = URN(f"{GOV}:Holding")

    person: Annotated[str | None, Required.true, Mutability.immutable, CaseExact.true] = None
    post: Annotated[str | None, Required.true, Mutability.immutable, CaseExact.true] = None
    kind: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    decision: str | None = None


PROVIDER = ScimProvider(
    models=[User, EnterpriseUser, Person, Unit, Post, Holding],
    resource_types=[
        ResourceType.from_resource(cast(Any, User)[EnterpriseUser | Annotated[Person, Required.true]]),
        *(ResourceType.from_resource(model) for model in (Unit, Post, Holding)),
    ],
    config=ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MAX_OPERATIONS, max_payload_size=MAX_PAYLOAD_BYTES),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="The token of a service account, RFC 6750",
                primary=True,
            )
        ],
    ),
    policy=ScimPolicy(
        unknown=ScimPolicy.Unknown.ignore,  # HR systems send all they have; what is not ours is dropped
        remove_value_as_filter=ScimPolicy.RemoveValue.apply,
        unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    ),
)
