-- The OpenID provider: keys that it signs with, platforms that rely on it, what people granted to them, and what it has to
-- tell them. Secrets stand here as SHA-256 only: those that we hand out have 256 random bits, so nobody can search for them.

-- spki: the public key, DER, while the private one is the signer's, under key_id. A generation is made once.
CREATE TABLE openid_key (
    generation {int} PRIMARY KEY,
    kid TEXT NOT NULL UNIQUE,
    key_id TEXT NOT NULL,
    spki {bytes} NOT NULL,
    created_us {int} NOT NULL,
    active_us {int} NOT NULL,
    withdrawn_us {int}
) {table};

-- facts: what was registered, as JSON. state: pending, approved or revoked.
CREATE TABLE openid_client (
    client_id TEXT PRIMARY KEY,
    organisation_id {int} NOT NULL,
    audience TEXT NOT NULL,
    facts TEXT NOT NULL,
    state TEXT NOT NULL,
    secret_sha256 {bytes},
    old_secret_sha256 {bytes},
    old_until_us {int} NOT NULL,
    registered_us {int} NOT NULL,
    approved_us {int},
    revoked_us {int}
) {table};

CREATE INDEX openid_client_audience ON openid_client (audience);

-- What one person granted to one platform in one session of the webmail. sid is random: two platforms cannot tell by it that
-- they see the same person. Everything that was issued is only as good as this row, which is read whenever it is used.
CREATE TABLE openid_grant (
    sid TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES openid_client (client_id),
    person_id {int} NOT NULL,
    credential_epoch {int} NOT NULL,
    session_hash {bytes} NOT NULL,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    nonce TEXT NOT NULL,
    methods TEXT NOT NULL,
    signed_in_us {int} NOT NULL,
    created_us {int} NOT NULL,
    expires_us {int} NOT NULL,
    issued_us {int},
    ended_us {int}
) {table};

CREATE INDEX openid_grant_session ON openid_grant (session_hash);
CREATE INDEX openid_grant_person ON openid_grant (person_id, client_id);
CREATE INDEX openid_grant_unused ON openid_grant (created_us) WHERE issued_us IS NULL;
CREATE INDEX openid_grant_expiry ON openid_grant (expires_us);
CREATE INDEX openid_grant_living ON openid_grant (person_id) WHERE ended_us IS NULL;

CREATE TABLE openid_code (
    sha256 {bytes} PRIMARY KEY,
    sid TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    expires_us {int} NOT NULL,
    used_us {int}
) {narrow};

CREATE INDEX openid_code_expiry ON openid_code (expires_us);

-- One row for each chain of refresh tokens: a token names its family, sha256 is the one that was given out last. Whoever comes
-- with another one of the family comes with a used one, and ends the grant.
CREATE TABLE openid_refresh (
    family TEXT PRIMARY KEY,
    sid TEXT NOT NULL,
    sha256 {bytes} NOT NULL,
    expires_us {int} NOT NULL
) {narrow};

CREATE INDEX openid_refresh_expiry ON openid_refresh (expires_us);

CREATE TABLE openid_pushed (
    sha256 {bytes} PRIMARY KEY,
    client_id TEXT NOT NULL,
    parameters TEXT NOT NULL,
    expires_us {int} NOT NULL
) {narrow};

CREATE INDEX openid_pushed_expiry ON openid_pushed (expires_us);

CREATE TABLE openid_assertion (
    client_id TEXT NOT NULL,
    sha256 {bytes} NOT NULL,
    expires_us {int} NOT NULL,
    PRIMARY KEY (client_id, sha256)
) {narrow};

CREATE INDEX openid_assertion_expiry ON openid_assertion (expires_us);

-- sid is empty until somebody has decided, denied: they said no.
CREATE TABLE openid_device (
    sha256 {bytes} PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    audience TEXT NOT NULL,
    sid TEXT NOT NULL,
    denied {small} NOT NULL,
    interval_us {int} NOT NULL,
    polled_us {int} NOT NULL,
    expires_us {int} NOT NULL
) {table};

CREATE INDEX openid_device_client ON openid_device (client_id);
CREATE INDEX openid_device_expiry ON openid_device (expires_us);

-- Wrong codes of a device that a person typed lately.
CREATE TABLE openid_guess (
    person_id {int} PRIMARY KEY,
    tries {int} NOT NULL,
    since_us {int} NOT NULL
) {table};

-- Who allowed what to which platform, and when they took it back. Never changed.
CREATE TABLE openid_consent (
    consent_id {int} PRIMARY KEY,
    person_id {int} NOT NULL,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    decision TEXT NOT NULL,
    sid TEXT NOT NULL,
    at_us {int} NOT NULL
) {table};

CREATE INDEX openid_consent_person ON openid_consent (person_id, client_id, consent_id);

-- Platforms that still have to be told that a session is over.
CREATE TABLE openid_notice (
    sid TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    person_id {int} NOT NULL,
    attempts {int} NOT NULL,
    due_us {int} NOT NULL
) {narrow};

CREATE INDEX openid_notice_due ON openid_notice (due_us);

-- Who somebody is at another provider.
CREATE TABLE openid_link (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id {int} NOT NULL,
    created_us {int} NOT NULL,
    PRIMARY KEY (issuer, subject)
) {narrow};

CREATE INDEX openid_link_person ON openid_link (person_id);

-- What proved who began the session, such as 'pwd otp': platforms are told how sure we are.
ALTER TABLE web_session ADD COLUMN methods TEXT NOT NULL DEFAULT 'pwd';

-- When whoever is behind the session last proved who they are: changes of credentials ask for a fresh proof.
ALTER TABLE web_session ADD COLUMN proved_at_us {int} NOT NULL DEFAULT 0;
