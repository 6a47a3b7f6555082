"""What is known of a message once it has been read: rendered at delivery, kept beside the blob, never parsed again."""

import msgspec

ACTING_FIELD = "Diwan-Acting"  # names the person who sends as somebody else; written at submission, by nobody else


class Span(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One MIME part as offsets into the original octets; the tree is flattened in reading order, the root first.

    `path` is the part number of RFC 3501 §6.4.5 ("" for the root). A multipart root and a leaf root both have the
    path ""; the leaf root answers to "1" as well. A message/rfc822 part has one child, the root of the message in it.
    When that root is a multipart it has the path of its parent (its parts are "2.1", "2.2", …); when it is a leaf it
    is "2.1". Offsets are octets: the part's header is [header_start, body_start), its body [body_start, end).
    """

    path: str
    header_start: int
    body_start: int
    end: int
    type: str  # lower case, as are subtype, encoding, charset, disposition
    subtype: str
    encoding: str  # "7bit" when absent
    charset: str  # "" when absent
    filename: str  # decoded, without directories and controls; "" when absent
    disposition: str
    content_id: str  # without the angle brackets
    is_message: bool
    children: int


class Summary(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What message lists and FETCH need, rendered once at delivery (RFC 3501 §7.4.2 for the three octet strings)."""

    envelope: bytes
    body: bytes
    bodystructure: bytes
    subject: str
    from_name: str
    from_address: str
    to: str
    cc: str
    message_id: str
    in_reply_to: str
    references: list[str]
    date_us: int  # 0 when unknown
    preview: str  # at most 200 characters of readable text
    attachments: int
    signed: bool
    envelope_utf8: bytes = b""  # the same three in UTF-8 (RFC 6855 §3); b"" where nothing is outside ASCII
    body_utf8: bytes = b""
    bodystructure_utf8: bytes = b""


class Faces(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The beginning of a summary, read without the rest: five times as fast."""

    envelope: bytes
    body: bytes
    bodystructure: bytes


class Fields(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The beginning of a header, read without the map of the parts."""

    fields: list[tuple[bytes, bytes]]
    header_bytes: int


class Header(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The header, field by field, and the map of the parts.

    `fields`: (lower-case name, or b"" for a malformed line; the octets with their line break), in order. The fields
    joined, and the blank line, are the first `header_bytes` octets of the message.
    """

    fields: list[tuple[bytes, bytes]]
    header_bytes: int
    spans: list[Span]


class Index(msgspec.Struct, frozen=True, gc=False):
    """All that is known of one message."""

    size_bytes: int
    summary: Summary
    header: Header
