"""Sign-in: passwords, SCRAM, tokens, certificates, second factors, and who acts in which mailbox."""

from directory.signin.exchanges import Exchange
from directory.signin.passkeys import Site
from directory.signin.signin import SignIn
from directory.signin.steps import Assertion, Code, Half
from directory.types import HeldPost, Identity, Scope

__all__ = ["Assertion", "Code", "Exchange", "Half", "HeldPost", "Identity", "Scope", "SignIn", "Site"]
