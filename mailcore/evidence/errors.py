"""Errors of evidence, which only operators see."""

from config.errors import MailError


class EvidenceDamaged(MailError):
    """The log is not what it was: nothing is signed until somebody has looked at it."""

    text = "the log of evidence is not what it was"


class NoEvidence(MailError):
    text = "there is no evidence of this letter"


class NotWitnessed(MailError):
    """A witness did not answer, or refused."""

    text = "the witness did not sign"
    temporary = True


class NotSealed(MailError):
    text = "the log has no stamped checkpoint yet that covers this letter: the sealer makes one every few seconds; try again"
    temporary = True


class NoLetter(MailError):
    text = "the octets of this letter are in no mailbox of this node any more: give them with --message FILE"


class NotThisLetter(MailError):
    text = "this file is not the letter: its SHA-256 is not the one that was recorded"


class NotProven(MailError):
    """A bundle was made, and it proves nothing: something of this node is not as it should be."""

    text = "the evidence of this letter does not stand up"


class NoContent(MailError):
    text = "this signature is over something that is not in it: name that with --content FILE"


class NotASignature(MailError):
    text = "this is no signature that can be read"
