"""Every change of the directory is an act: a value that is checked against rights, carried out and journalled in one transaction.

An act without a rule cannot be performed. A dangerous act waits for a second person.
"""

from directory.acts.act import SECRET, Act, Outcome, Rule
from directory.acts.approvals import decide, pending
from directory.acts.perform import perform, perform_many

__all__ = ["SECRET", "Act", "Outcome", "Rule", "decide", "pending", "perform", "perform_many"]
