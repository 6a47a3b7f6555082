"""What signing refuses, with texts that are safe to show."""

from config.errors import MailError


class SignerUnavailable(MailError):
    """The signer process does not answer: not started, restarting, or overloaded."""

    text = "signing is temporarily unavailable, try again later"
    temporary = True


class SigningRefused(MailError):
    """The request itself is wrong: a digest of the wrong length, a malformed name, too large a batch."""

    text = "the signer refuses this request"


class NoSuchKey(SigningRefused):
    text = "there is no such signing key"


class KeyExists(SigningRefused):
    text = "a signing key of this name exists already"


class NotActivated(SigningRefused):
    """The key signs only what its holder has just confirmed, and this was not, or not this, or not now."""

    text = "this signature has not been confirmed by the holder of the key"


class BadSecret(SigningRefused):
    text = "this secret was not wrapped by this node"


class WorkerFailed(MailError):
    """What is to be judged took more time or memory than a document may, or broke what reads it. Trying again does not help."""

    text = "this document could not be checked within the limits"


class WorkerBusy(MailError):
    """Too many documents wait to be checked."""

    text = "too many documents are being checked, try again later"
    temporary = True


class PdfRefused(MailError):
    """A PDF document that cannot be signed or read; `why` is a key of `signing.pdf.types.REFUSALS`."""

    text = "this PDF document cannot be signed"


class NoSuchCertificate(MailError):
    text = "no such certificate was issued here"


class CertificateRefused(MailError):
    """What is wanted of a certificate cannot be: it is revoked, not suspended, of a kind that is ordered otherwise."""

    text = "this cannot be done with this certificate"
