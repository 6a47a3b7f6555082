"""What the directory refuses. Each front has one table for these."""

from config.errors import MailError


class BadAddress(MailError):
    text = "this is not a valid address"


class AddressTaken(MailError):
    text = "this address belongs to somebody already"


class NotFound(MailError):
    text = "the directory has no such entry"


class BadEntry(MailError):
    """A value that the directory cannot hold, such as a holding that ends before it begins."""

    text = "this entry is not valid"


class BadCredentials(MailError):
    text = "the name or the password is wrong"


class BadExchange(MailError):
    """What a client said in an exchange is no message of its mechanism."""

    text = "malformed authentication response"


class UnknownMechanism(MailError):
    text = "authentication mechanism not offered"


class SecondFactorNeeded(MailError):
    """The password alone does not open this: a second proof must follow."""

    text = "a second proof is needed"


class SignInExpired(MailError):
    """The first half of a sign-in lies too far back, or was used up."""

    text = "this sign-in took too long, begin again"


class TooManyAttempts(MailError):
    """Sign-in is refused unseen for a while; `retry_after_s` says how long."""

    text = "too many sign-ins, try again later"
    temporary = True

    def __init__(self, retry_after_s: int, text: str | None = None, **facts: object) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(text, retry_after_s=retry_after_s, **facts)


class NotPermitted(MailError):
    """The actor has no right to this, there and then."""

    text = "you may not do this"


class NotPending(MailError):
    """What was to be decided has been decided already, or has waited too long."""

    text = "this request has been decided already or has expired"
