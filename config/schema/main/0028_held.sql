-- How much of one sender waits for its release (RFC 4865): a queue is no storage.

CREATE INDEX queue_message_release ON queue_message (account_id) WHERE hold_until_us <> 0;
