"""Every bound of the SMTP listeners in one place, each with its source. Pure.

RFC 5321 §4.5.3 (sizes and timeouts), RFC 4954 §4 (AUTH), Postfix defaults where the RFCs are silent.
"""

from dataclasses import dataclass

COMMAND_BYTES = 2048  # RFC 5321 §4.5.3.1.4 asks for 512 and more for extensions; Postfix line_length_limit
AUTH_BYTES = 12288  # RFC 4954 §4: the longest base64 argument; twelve KiB hold a Kerberos ticket
AUTH_LINE_BYTES = AUTH_BYTES + 64  # and the words in front of it
READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener grants its clients."""

    message_bytes: int = 52_428_800
    messages: int = 10_000  # of one connection, RFC 9422 §4: a sender comes back to whichever process has less to do
    hold_s: int = 2_592_000  # RFC 4865 §3: a month ahead
    by_s: int = 60  # RFC 2852 §3: less than a minute is nothing that a queue can promise
    recipients: int = 1000  # RFC 5321 §4.5.3.1.8 asks for at least 100; Postfix smtpd_recipient_limit
    connections: int = 1000
    connections_per_address: int = 50
    slack_bytes: int = 1_048_576  # read past message_bytes before the connection is cut: a late 552 is polite, not free
    memory_bytes: int = 268_435_456  # message octets held at once by all connections of a node
    command_s: float = 300  # RFC 5321 §4.5.3.2.7: at least five minutes
    block_s: float = 180  # §4.5.3.2.5: three minutes for a block of data
    handshake_s: float = 30  # a client that says nothing while TLS begins
    grace_s: float = 60  # before the minimum rate counts
    rate_bytes_s: int = 500  # Postfix smtpd_min_data_rate
    stop_s: float = 30  # for messages on their way when the node stops
    junk: int = 100  # Postfix smtpd_junk_command_limit
    soft_errors: int = 10  # Postfix smtpd_soft_error_limit: from here on each error waits
    hard_errors: int = 20  # Postfix smtpd_hard_error_limit: here the connection ends
    error_delay_s: float = 1  # Postfix smtpd_error_sleep_time
    sign_ins: int = 3  # failed AUTH on one connection; the directory slows down what goes on over several


def data_deadline(limits: Limits, started: float, now: float, received_bytes: int) -> float:
    """Return when a client that sends a message must have sent more: each block in time, and all of it at a minimum rate."""
    return min(now + limits.block_s, started + limits.grace_s + received_bytes / limits.rate_bytes_s)
