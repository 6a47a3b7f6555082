-- Scripts that sort an account's mail, and what they remember. RFC 5804, RFC 5230, RFC 7352.

-- Sealed like mail: a script names people and says when its owner is away.
CREATE TABLE sieve_script (
    account_id {int} NOT NULL,
    name TEXT NOT NULL,
    sealed {bytes} NOT NULL,
    size_bytes {int} NOT NULL,
    changed_us {int} NOT NULL,
    PRIMARY KEY (account_id, name)
) {table};

-- Which script is in force, '' for none. version is the counter at the last change: what is kept compiled in memory is compared
-- with it. fault is what went wrong at a delivery since, sealed because it may quote a letter; empty for nothing.
CREATE TABLE sieve_account (
    account_id {int} NOT NULL PRIMARY KEY,
    active TEXT NOT NULL,
    version {int} NOT NULL,
    fault {bytes} NOT NULL,
    fault_us {int} NOT NULL
) {table};

CREATE INDEX sieve_account_version ON sieve_account (version);

INSERT INTO counter (name, value) VALUES ('sieve', 0);

-- Whom an account has answered (RFC 5230), which letters it has seen (RFC 7352): an HMAC under the account's key, until when.
CREATE TABLE sieve_mark (
    account_id {int} NOT NULL,
    mark {bytes} NOT NULL,
    until_us {int} NOT NULL,
    PRIMARY KEY (account_id, mark)
) {narrow};

CREATE INDEX sieve_mark_until ON sieve_mark (until_us);
