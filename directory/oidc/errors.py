"""What the provider refuses. `webmail.oidc.answers` gives each its name in the protocol."""

from config.errors import MailError


class OpenIdError(MailError):
    text = "the request of this platform cannot be carried out"


class UnknownPlatform(OpenIdError):
    """Nobody who may be answered: this is told to the person, never sent anywhere."""

    text = "this platform is not registered here"


class BadRedirect(OpenIdError):
    """The address to return to is not one that was registered: nothing is ever sent there."""

    text = "this platform asked to return to an address that it did not register"


class InvalidRequest(OpenIdError):
    text = "the request is not well formed"


class InvalidRequestUri(OpenIdError):
    text = "this request URI is unknown, used or too old"


class RequestNotSupported(OpenIdError):
    text = "request objects are not supported; push the request instead"


class UnsupportedResponseType(OpenIdError):
    text = "only the response type code is supported"


class UnsupportedGrantType(OpenIdError):
    text = "this grant type is not supported"


class InvalidScope(OpenIdError):
    text = "this platform may not ask for these scopes"


class InvalidTarget(OpenIdError):
    text = "there is no such resource for these scopes"


class InvalidClient(OpenIdError):
    text = "the platform could not be authenticated"


class UnauthorizedClient(OpenIdError):
    text = "this platform may not use this grant type"


class InvalidGrant(OpenIdError):
    text = "this code or token is wrong, used, too old or revoked"


class AccessDenied(OpenIdError):
    text = "the person refused"


class LoginRequired(OpenIdError):
    text = "the person must sign in"


class ConsentRequired(OpenIdError):
    text = "the person must be asked"


class SignInTooWeak(OpenIdError):
    text = "the person did not sign in with the assurance that is needed"


class AuthorizationPending(OpenIdError):
    text = "the person has not decided yet"
    temporary = True


class SlowDown(OpenIdError):
    text = "the device asks too often"
    temporary = True


class ExpiredToken(OpenIdError):
    text = "the code of this device has run out"


class TooManyDevices(OpenIdError):
    text = "too many devices of this platform wait at this moment"
    temporary = True


class InvalidToken(OpenIdError):
    text = "the token is wrong, too old or revoked"


class InsufficientScope(OpenIdError):
    text = "the token does not allow this"


class NoSuchDevice(OpenIdError):
    """A code that somebody typed and no device waits for."""

    text = "no device waits for this code"


class NotLinked(OpenIdError):
    """Another provider vouches for somebody whom the directory does not know."""

    text = "this identity belongs to nobody here"


class ProviderFailed(OpenIdError):
    """Another provider did not answer, or not as it must."""

    text = "the identity provider did not answer as it must"
    temporary = True
