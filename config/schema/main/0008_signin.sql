-- Further ways to sign in. Secrets that must be read again are sealed with a key that is not in the database.

-- factors: which second factors are on, 1 for codes from an application, 2 for passkeys. Written with their rows, so that
-- sign-in learns it in the read it makes anyway
ALTER TABLE person ADD COLUMN factors {int} NOT NULL DEFAULT 0;

-- what SCRAM-SHA-256 keeps (RFC 5802 section 3), made with the hash of the same password
ALTER TABLE password ADD COLUMN scram_salt {bytes};
ALTER TABLE password ADD COLUMN scram_iterations {int};
ALTER TABLE password ADD COLUMN scram_stored {bytes};
ALTER TABLE password ADD COLUMN scram_server {bytes};

-- all under the salt of the person's password: the server must name one salt before it knows which secret is meant.
-- networks: space-separated prefixes from which it works, empty for anywhere
ALTER TABLE app_password ADD COLUMN scram_salt {bytes};
ALTER TABLE app_password ADD COLUMN scram_iterations {int};
ALTER TABLE app_password ADD COLUMN scram_stored {bytes};
ALTER TABLE app_password ADD COLUMN scram_server {bytes};
ALTER TABLE app_password ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE app_password ADD COLUMN last_peer TEXT NOT NULL DEFAULT '';

-- last_step: the time step whose code was used last, so that no code works twice (RFC 6238 section 5.2)
CREATE TABLE totp (
    person_id {int} PRIMARY KEY REFERENCES person (person_id),
    secret_sealed {bytes} NOT NULL,
    last_step {int} NOT NULL,
    created_us {int} NOT NULL,
    confirmed_us {int}
) {table};

CREATE TABLE recovery_code (
    person_id {int} NOT NULL REFERENCES person (person_id),
    sha256 {bytes} NOT NULL,
    created_us {int} NOT NULL,
    used_us {int},
    PRIMARY KEY (person_id, sha256)
) {table};

CREATE TABLE passkey (
    credential_id {bytes} PRIMARY KEY,
    person_id {int} NOT NULL REFERENCES person (person_id),
    public_key {bytes} NOT NULL,
    sign_count {int} NOT NULL,
    label TEXT NOT NULL,
    transports TEXT NOT NULL,
    backed_up {small} NOT NULL,
    created_us {int} NOT NULL,
    last_used_us {int},
    revoked_us {int}
) {table};

CREATE INDEX passkey_person ON passkey (person_id);

-- wrong second proofs since the last right one: whoever gets so far knows the password already
CREATE TABLE second_step (
    person_id {int} PRIMARY KEY REFERENCES person (person_id),
    failures {int} NOT NULL,
    last_us {int} NOT NULL
) {table};

-- halves of sign-ins that led to a session: each leads to one
CREATE TABLE used_ticket (
    nonce {bytes} PRIMARY KEY,
    expires_us {int} NOT NULL
) {narrow};

CREATE INDEX used_ticket_expiry ON used_ticket (expires_us);

-- which certificate of the state's PKI signs in whom. Never given to somebody else
CREATE TABLE client_certificate (
    sha256 {bytes} PRIMARY KEY,
    person_id {int} NOT NULL REFERENCES person (person_id),
    der {bytes} NOT NULL,
    label TEXT NOT NULL,
    valid_from_us {int} NOT NULL,
    valid_to_us {int} NOT NULL,
    created_us {int} NOT NULL,
    last_used_us {int},
    revoked_us {int}
) {table};

CREATE INDEX client_certificate_person ON client_certificate (person_id);
