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
