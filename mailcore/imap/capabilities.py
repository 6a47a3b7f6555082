"""What the server says it can do, and when. RFC 9051 §7.2.2."""

from mailcore.imap.session import Session, State

ALWAYS = ("IMAP4rev1", "IMAP4rev2", "LITERAL+", "ID")
IN_CLEAR = ("STARTTLS", "LOGINDISABLED")
SECURED = ("SASL-IR",)
SIGNED_IN = (
    "IDLE",
    "COMPRESS=DEFLATE",
    "INPROGRESS",
    "UNAUTHENTICATE",
    "NAMESPACE",
    "ACL",
    "RIGHTS=texk",  # the rights that RFC 4314 §2.2 has beyond those of the ACL extension before it
    "LIST-MYRIGHTS",
    "CHILDREN",
    "UIDPLUS",
    "MOVE",
    "REPLACE",
    "CATENATE",
    "MULTIAPPEND",
    "UNSELECT",
    "ENABLE",
    "CONDSTORE",
    "QRESYNC",
    "UIDONLY",
    "ESEARCH",
    "SEARCHRES",
    "PARTIAL",
    "MULTISEARCH",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "QUOTA=RES-MAILBOX",
    "BINARY",
    "METADATA",
    "LIST-METADATA",
    "OBJECTID",
    "PREVIEW",
    "SAVEDATE",
    "NOTIFY",
    "SPECIAL-USE",
    "UTF8=ACCEPT",
    "CREATE-SPECIAL-USE",
)
# What ENABLE turns on, with all that comes with it (RFC 5161 §3.1). In capitals, as clients' words are read.
ENABLES: dict[str, frozenset[str]] = {
    "CONDSTORE": frozenset(),
    "QRESYNC": frozenset(("CONDSTORE",)),  # RFC 7162 §3.2.3
    "UIDONLY": frozenset(),
    "UTF8=ACCEPT": frozenset(),  # RFC 6855 §3
    "IMAP4REV2": frozenset(),  # RFC 9051 appendix A
}
SPELLED = {"IMAP4REV2": "IMAP4rev2"}  # what is not in capitals as its capability


def capabilities(session: Session) -> str:
    """Return what may be used now, by one space each."""
    if session.state is not State.START:
        limits = f"APPENDLIMIT={session.services.settings.smtp.max_message_bytes}", f"MESSAGELIMIT={session.limit}"
        names = [*ALWAYS, *SIGNED_IN, *limits]
    elif session.channel.secure:
        offered = session.channel.offered
        mechanisms = session.services.signin.mechanisms(tls=True, certificate=offered.certificate, bindings=offered.bindings)
        names = [*ALWAYS, *SECURED, *(f"AUTH={name}" for name in mechanisms)]
    else:
        names = [*ALWAYS, *IN_CLEAR]
    return " ".join(name for name in names if name not in session.hides) if session.hides else " ".join(names)
