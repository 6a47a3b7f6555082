"""How much a script may ask for. Pure.

RFC 5228 §2.10.5 asks that limits be reasonable and known; "Pigeonhole" is Dovecot's Sieve, whose defaults people know.
"""

MAX_SCRIPT_BYTES = 131_072  # Pigeonhole sieve_max_script_size is 1 MiB; ours are compiled while others wait
MAX_NESTING = 32  # of blocks and of tests, each; RFC 5228 §2.10.5 asks for 15, Pigeonhole has 32
MAX_LIST = 2_000  # strings in one list; Pigeonhole bounds the script alone
MAX_IDENTIFIER = 32  # characters; Pigeonhole SIEVE_MAX_IDENTIFIER_LEN
MAX_NUMBER = 2**31 - 1  # RFC 5228 §2.4.1: what must be understood
MAX_ACTIONS = 32  # Pigeonhole sieve_max_actions
MAX_REDIRECTS = 5  # Pigeonhole sieve_max_redirects is 4; RFC 5228 §4.2 asks for a limit
MAX_STEPS = 300_000  # units of work of one run, a microsecond each (run.py); Pigeonhole sieve_max_cpu_time is 30 s
MAX_VARIABLES = 255  # RFC 5229 §6 asks for 128; Pigeonhole EXT_VARIABLES_DEFAULT_MAX_SCOPE_SIZE
MAX_VARIABLE_CHARS = 4096  # RFC 5229 §6 asks for 4000; Pigeonhole sieve_variables_max_variable_size is 4k
MAX_VARIABLE_NAME = 64  # characters; RFC 5229 §6 asks for 32
MAX_MATCHES = 32  # values of one match, ${0} among them; RFC 5229 §6 asks for 10, Pigeonhole has 32
MAX_FLAGS = 64  # in one list of flags; more keywords than an account can have
MAX_BODY_BYTES = 1_048_576  # of text that one body test reads; of a larger message its beginning
MAX_REASON_CHARS = 16_384  # of a refusal or an absence notice
MIN_PERIOD_S = 60  # RFC 6131 §2 lets us choose; 0 would answer each letter
DEFAULT_PERIOD_S = 7 * 86_400  # RFC 5230 §4.1
MAX_PERIOD_S = 365 * 86_400  # RFC 5230 §4.1 asks that 30 days be possible
MAX_HANDLE_CHARS = 4096
MARK_STEPS = MAX_STEPS // 32  # for one thing to remember: each is a row for weeks, and a letter shall not leave thousands
DUPLICATE_PERIOD_S = 7 * 86_400  # RFC 7352 §3.3
MAX_DUPLICATE_PERIOD_S = 30 * 86_400
