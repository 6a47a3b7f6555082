-- What lists of messages show, once more: of a whole span of message ids in one sealed piece, made behind delivery, so that the
-- first list after a start does not open ten thousand rows. Nothing in it changes; it goes with the first of its messages.
CREATE TABLE bundle (
    account_id {int} NOT NULL,
    number {int} NOT NULL,
    kind {small} NOT NULL,
    message_count {int} NOT NULL,
    sealed {bytes} NOT NULL,
    PRIMARY KEY (account_id, number, kind)
) {table};
