-- Sessions of the webmail. The cookie holds 256 random bits, the table only their SHA-256. A session ends when the
-- credential epoch of its person has moved on.
CREATE TABLE web_session (
    token_hash {bytes} NOT NULL PRIMARY KEY,
    person_id {int} NOT NULL,
    credential_epoch {int} NOT NULL,
    started_at_us {int} NOT NULL,
    seen_at_us {int} NOT NULL,
    peer TEXT NOT NULL,
    user_agent TEXT NOT NULL
) {narrow};

CREATE INDEX web_session_of_person ON web_session (person_id);

-- A letter is sent once, however often its form arrives: the form carries a nonce.
CREATE TABLE web_submission (
    account_id {int} NOT NULL,
    nonce TEXT NOT NULL,
    at_us {int} NOT NULL,
    PRIMARY KEY (account_id, nonce)
) {narrow};
