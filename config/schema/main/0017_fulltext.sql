-- The full-text index of each account, see mailcore/store/fulltext. Nothing of it is readable here: segments are sealed
-- under the account's key.

-- up to which message id an account is indexed, and its next segment number, which is never used twice
CREATE TABLE fulltext_state (
    account_id {int} PRIMARY KEY,
    indexed_upto {int} NOT NULL,
    segment_next {int} NOT NULL
) {table};

CREATE TABLE fulltext_segment (
    account_id {int} NOT NULL,
    segment {int} NOT NULL,
    version {int} NOT NULL,
    first_id {int} NOT NULL,
    last_id {int} NOT NULL,
    message_count {int} NOT NULL,
    stored_bytes {int} NOT NULL,
    chunk_count {int} NOT NULL,
    PRIMARY KEY (account_id, segment)
) {table};

-- A segment's octets in rows of a bounded size. They may come before the row of their segment; without it they count for nothing.
CREATE TABLE fulltext_chunk (
    account_id {int} NOT NULL,
    segment {int} NOT NULL,
    number {int} NOT NULL,
    sealed {bytes} NOT NULL,
    PRIMARY KEY (account_id, segment, number)
) {table};
