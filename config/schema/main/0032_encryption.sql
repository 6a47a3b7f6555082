-- How to write to correspondents in secret: what their last good signature said. Addresses have a lower-case domain, as everywhere.
-- issuers: the certificates above it, the root last, MessagePack. capabilities: object identifiers of what their program reads, with blanks between (RFC 8551 section 2.5.2).
CREATE TABLE correspondent (
    address TEXT NOT NULL PRIMARY KEY,
    certificate {bytes} NOT NULL,
    issuers {bytes} NOT NULL,
    capabilities TEXT NOT NULL,
    valid_to_us {int} NOT NULL,
    signed_us {int} NOT NULL
) {table};

-- Keys of encrypted letters that a session has opened, sealed with what only its cookie tells, for some minutes.
CREATE TABLE opened_letter (
    session_hash {bytes} NOT NULL,
    letter_hash {bytes} NOT NULL,
    sealed {bytes} NOT NULL,
    until_us {int} NOT NULL,
    PRIMARY KEY (session_hash, letter_hash)
) {narrow};

CREATE INDEX opened_letter_until ON opened_letter (until_us);
