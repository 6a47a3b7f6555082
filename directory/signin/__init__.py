"""Sign-in: passwords, app passwords, and who acts in which mailbox."""

from directory.signin.signin import SignIn
from directory.types import HeldPost, Identity, Scope

__all__ = ["HeldPost", "Identity", "Scope", "SignIn"]
