"""Full text: which messages of an account have a text in their body or header. RFC 9051 §6.4.4 (BODY, TEXT).

An account's index is a few immutable segments, sealed under the account's key, made behind delivery (docs/decisions/0017).
It is over messages, not over mailboxes: answers are sets of message ids (`Stored.message_id`).

How a search asks::

    asked = fulltext.query("réunion")                               # pure; inflected=False: substrings alone, as under NOT
    found = await fulltext.find(store, account, asked, whole=True)  # TEXT; whole=False: BODY
    found.sure            # frozenset of message ids that match
    found.maybe           # frozenset of message ids of which only the text tells
    found.indexed_upto    # of messages with a higher id only the text tells, too

and every other message does not match. What "the text tells" is, for the octets and the opened header of a message::

    body, header = fulltext.body_text(raw, header), fulltext.header_text(header)
    fulltext.matches(body, header, asked)       # TEXT
    fulltext.matches(body, None, asked)         # BODY

`matches` on every message gives the same answer as `find`: that is tested. A header alone that matches decides TEXT:
`matches("", header, asked)`. The texts are folded already, one line for each field or part; they may be kept and asked
several questions. `body_text` of a large message belongs in a thread (1 to 10 ms for 100 kB).

The index reads text parts (HTML without tags, messages inside, names of attachments); other attachments are not looked into.
"""

from mailcore.store.fulltext.finding import Found, find
from mailcore.store.fulltext.indexing import catch_up, rebuild
from mailcore.store.fulltext.query import Query, matches, query
from mailcore.store.fulltext.text import body_text, header_text

__all__ = ["Found", "Query", "body_text", "catch_up", "find", "header_text", "matches", "query", "rebuild"]
