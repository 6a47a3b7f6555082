"""Every refusal that a page may meet: its HTTP status and its words, in one table."""

from config.errors import DatabaseUnreachable, MailError, NoRoom
from directory import errors as directory
from directory.oidc import errors as openid
from mailcore import errors as mail
from signing import errors as signing
from signing.openpgp import errors as openpgp
from webmail.csrf import Forged


class NoSuchPage(MailError):
    text = "there is no such page"


class NoSuchMessage(MailError):
    text = "this message is not here any more"


class NotSignedIn(MailError):
    text = "nobody is signed in"


class NothingToSign(MailError):
    """This post has no certificate in force."""

    text = "this sender has no certificate to sign with"


class TooManyDocuments(MailError):
    """More PDF documents than one proof is good for."""

    text = "too many documents to sign in one letter"


class NothingToEncrypt(MailError):
    """Since the form was checked a certificate of a reader has ended."""

    text = "somebody cannot be encrypted for"


class LetterChanged(MailError):
    text = "the letter was changed since it was shown for signing"


class BadSecond(directory.BadCredentials):
    """The password is right or was not asked for; what was to be the second proof is wrong."""

    text = "the second proof is wrong"


class BadPassword(directory.BadCredentials):
    """The password of somebody who is signed in: their name is not in doubt."""

    text = "the password is wrong"


def N_(text: str) -> str:
    """Mark a text for translation."""
    return text


# (status, words). The words are ours and translated; `MailError.text` is for protocols and stays out of the pages.
PAGES: dict[type[MailError], tuple[int, str]] = {
    MailError: (400, N_("This request cannot be carried out.")),
    Forged: (403, N_("This form is too old or does not come from this site. Go back, reload the page and try again.")),
    NoSuchPage: (404, N_("There is no such page.")),
    NoSuchMessage: (404, N_("This message is not here any more. It may have been moved or deleted.")),
    NotSignedIn: (401, N_("Sign in to see this page.")),
    BadSecond: (401, N_("This code or passkey was not accepted. A code works once: wait for the next one, or use a recovery code.")),
    BadPassword: (401, N_("The password is wrong.")),
    NothingToSign: (409, N_("This sender has no certificate in force, so the letter cannot be signed.")),
    TooManyDocuments: (422, N_("These are too many PDF documents to sign in one letter. Send some of them in another one.")),
    NothingToEncrypt: (409, N_("Somebody to whom this letter goes has no certificate for encryption any more. Go back to the letter.")),
    LetterChanged: (409, N_("The letter has changed since it was shown for signing. Read it again before you sign.")),
    mail.NoSuchMailbox: (404, N_("This folder does not exist any more.")),
    mail.MailboxExists: (409, N_("A folder of this name exists already.")),
    mail.BadMailboxName: (422, N_("A folder cannot have this name.")),
    mail.MailboxProtected: (409, N_("This folder cannot be removed or renamed.")),
    mail.MailboxHasChildren: (409, N_("This folder holds other folders.")),
    mail.LimitReached: (409, N_("A limit of this mailbox is reached.")),
    mail.OverQuota: (409, N_("The mailbox is full. Delete some messages first.")),
    mail.NeverFits: (413, N_("The message is larger than the mailbox may hold.")),
    mail.TooManyAnnotations: (409, N_("A limit of this mailbox is reached.")),
    mail.AnnotationTooBig: (409, N_("A limit of this mailbox is reached.")),
    mail.MessageTooBig: (413, N_("The message is larger than this server accepts.")),
    mail.MalformedMessage: (422, N_("The message is not well formed.")),
    mail.NoSuchRecipient: (422, N_("There is no such recipient here.")),
    mail.NotAllowed: (403, N_("You may not do this.")),
    mail.RelayDenied: (403, N_("You may not do this.")),
    mail.NodeRevoked: (403, N_("You may not do this.")),
    mail.OutsideNotAllowed: (403, N_("Your administration does not allow mail to addresses outside the state's network.")),
    mail.MayNotPost: (403, N_("You may not write to this list.")),
    mail.LentForReading: (403, N_("This mailbox was lent to you for reading only: nothing in it can be changed.")),
    mail.SendingLimited: (429, N_("You have sent as much as you may for now. What you wrote is kept: send it later.")),
    mail.TooManyHops: (409, N_("The message goes round in circles.")),
    mail.Unavailable: (503, N_("This is not available at the moment. Try again in a few minutes.")),
    NoRoom: (503, N_("This is not available at the moment. Try again in a few minutes.")),
    DatabaseUnreachable: (503, N_("This is not available at the moment. Try again in a few minutes.")),
    mail.Damaged: (500, N_("This message is damaged. Tell your administrator.")),
    directory.BadAddress: (422, N_("This is not a valid address.")),
    directory.AddressTaken: (409, N_("This address belongs to somebody already.")),
    directory.NotFound: (404, N_("The directory has no such entry.")),
    directory.BadEntry: (422, N_("This entry is not valid.")),
    directory.NotPermitted: (403, N_("You may not do this.")),
    directory.NotPending: (409, N_("This request has been decided already or has expired.")),
    directory.BadCredentials: (401, N_("The address or the password is wrong.")),
    directory.BadExchange: (400, N_("The sign-in could not be read. Begin again.")),
    directory.UnknownMechanism: (400, N_("This way to sign in is not offered.")),
    directory.SecondFactorNeeded: (403, N_("A second proof is needed to sign in.")),
    directory.SignInExpired: (403, N_("The sign-in took too long. Begin again.")),
    directory.TooManyAttempts: (429, N_("Too many attempts. Wait a little before you try again.")),
    openid.UnknownPlatform: (400, N_("This platform is not registered here, or not any more. Nothing was sent to it.")),
    openid.BadRedirect: (400, N_("This platform asked to return to an address that it did not register. Nothing was sent there.")),
    openid.InvalidRequestUri: (400, N_("This request is too old or was answered already. Go back to the platform and begin again.")),
    openid.NoSuchDevice: (404, N_("No device waits for this code. Compare it with what the device shows.")),
    openid.NotLinked: (403, N_("Nobody here is known by this identity. Sign in with your password.")),
    openid.SignInTooWeak: (403, N_("Your account asks for a second factor. Sign in with your password.")),
    openid.ProviderFailed: (502, N_("The other service did not answer as it must. Try again, or sign in with your password.")),
    signing.SignerUnavailable: (
        503,
        N_("Signing and confirming are not available at the moment. Your drafts are kept. Try again in a few minutes."),
    ),
    signing.SigningRefused: (500, N_("The signature could not be made. The letter is kept in your drafts.")),
    signing.NoSuchKey: (409, N_("The signing key of this sender is missing. Tell your administrator.")),
    signing.KeyExists: (409, N_("A signing key of this name exists already.")),
    signing.NotActivated: (403, N_("This was not confirmed in time. Please confirm it again.")),
    openpgp.BadPgpKey: (409, N_("This OpenPGP key cannot be used: it is damaged, revoked, out of date or not for this address.")),
    openpgp.CannotOpen: (409, N_("This letter cannot be decrypted.")),
    openpgp.PgpUnavailable: (503, N_("This is not available at the moment. Try again in a few minutes.")),
    openpgp.NoPgpKey: (409, N_("Somebody has no OpenPGP key that is known here.")),
    signing.BadSecret: (500, N_("This mailbox cannot be opened. Tell your administrator.")),
    signing.NoSuchCertificate: (404, N_("There is no such certificate.")),
    signing.CertificateRefused: (409, N_("This cannot be done with this certificate.")),
    signing.PdfRefused: (422, N_("This PDF document cannot be signed.")),
    signing.WorkerFailed: (422, N_("This document is too large or too intricate to be checked here.")),
    signing.WorkerBusy: (503, N_("Too many documents are being checked. Try again in a moment.")),
}


def explain(error: MailError) -> tuple[int, str]:
    """Return the HTTP status and the words (untranslated) for a refusal."""
    return next(PAGES[kind] for kind in type(error).__mro__ if kind in PAGES)
