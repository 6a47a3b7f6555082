"""Acts on posts. A post that brings a role is out of reach for whoever does not stand above that role."""

from typing import Any

from config.database import Tx
from directory import grants, posts, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, made
from directory.address import parse
from directory.rights import Actor, Scope
from directory.types import Post


class PostCreate(Act, frozen=True, tag="post.create"):
    unit_id: int
    title_ar: str
    title_fr: str
    address: str
    rank: int = 50
    function: str = ""


class PostRename(Act, frozen=True, tag="post.rename"):
    post_id: int
    title_ar: str
    title_fr: str
    valid_from_us: int | None = None


class PostMove(Act, frozen=True, tag="post.move"):
    post_id: int
    unit_id: int
    valid_from_us: int | None = None


class PostRole(Act, frozen=True, tag="post.set_role"):
    """Say what a post does in its unit and how high it stands."""

    post_id: int
    function: str
    rank: int


class PostClose(Act, frozen=True, tag="post.close"):
    post_id: int


def _create(tx: Tx, act: PostCreate) -> Post:
    return posts.create(tx, act.unit_id, act.title_ar, act.title_fr, parse(act.address), act.rank, function=act.function)


def _guard_create(tx: Tx, actor: Actor, act: PostCreate) -> None:
    places.require_domain(tx, actor, parse(act.address), rights.unit(act.unit_id))


def _outranked(tx: Tx, actor: Actor, act: Any) -> None:
    places.require_outranked(tx, actor, act.post_id)


def _here(tx: Tx, act: Any) -> Scope:
    return places.post(tx, act.post_id)


def _shown(tx: Tx, act: Any, value: Any) -> Post:
    return posts.find(tx, act.post_id)


def _subject(act: Any, value: Any) -> int:
    found: int = act.post_id
    return found


def _rename(tx: Tx, act: PostRename) -> None:
    posts.rename(tx, act.post_id, act.title_ar, act.title_fr, act.valid_from_us)


def _move(tx: Tx, act: PostMove) -> None:
    posts.move(tx, act.post_id, act.unit_id, act.valid_from_us)


def _set_role(tx: Tx, act: PostRole) -> None:
    posts.set_role(tx, act.post_id, act.function, act.rank)


def _close(tx: Tx, act: PostClose) -> None:
    posts.close(tx, act.post_id)
    grants.revoke_of(tx, act.post_id)


RULES: Rules = {
    PostCreate: Rule(
        "posts", lambda tx, act: rights.unit(act.unit_id), _create, "post", lambda act, value: value.post_id, made, _guard_create
    ),
    PostRename: Rule("posts", _here, _rename, "post", _subject, _shown),
    PostMove: Rule("posts", lambda tx, act: (_here(tx, act), rights.unit(act.unit_id)), _move, "post", _subject, _shown, _outranked),
    PostRole: Rule("posts", _here, _set_role, "post", _subject, _shown),
    PostClose: Rule("posts", _here, _close, "post", _subject, _shown, _outranked, closes=True),
}
