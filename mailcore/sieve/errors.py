"""What is refused about scripts, beside what is wrong in them (faults.py)."""

from config.errors import MailError


class NoSuchScript(MailError):
    text = "there is no script of this name"


class ScriptExists(MailError):
    text = "a script of this name exists already"


class ScriptActive(MailError):
    text = "the script is in force"


class BadScriptName(MailError):
    text = "this is not a name that a script can have"


class TooManyScripts(MailError):
    text = "there are as many scripts as there may be"


class ScriptsTooLarge(MailError):
    text = "the scripts are larger than they may be together"
