-- Who may do what, what was done, and what waits for a second person.

INSERT INTO counter (name, value) VALUES ('journal', 0);

-- holder_id: a person, a post (then whoever holds it) or a service account. scope_id is 0 for the nation.
-- Never deleted: a role that was taken back keeps its row.
CREATE TABLE role_grant (
    grant_id {int} PRIMARY KEY,
    holder_id {int} NOT NULL,
    holder_kind TEXT NOT NULL,
    role TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id {int} NOT NULL,
    valid_from_us {int} NOT NULL,
    valid_to_us {int},
    decision_ref TEXT NOT NULL,
    granted_us {int} NOT NULL,
    revoked_us {int}
) {table};

CREATE INDEX role_grant_holder ON role_grant (holder_id);

CREATE INDEX role_grant_scope ON role_grant (scope_kind, scope_id);

-- body: canonical JSON, NULL once a court had it blanked. digest: SHA-256 of the body as it was written.
-- hash: SHA-256 over the previous hash, seq, at_us and digest, so the chain holds without the body.
-- The other columns only serve to find entries, what they say stands in the body too.
CREATE TABLE journal (
    seq {int} PRIMARY KEY,
    at_us {int} NOT NULL,
    digest {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    body {bytes},
    act TEXT NOT NULL,
    actor_id {int} NOT NULL,
    subject_id {int},
    organisation_id {int},
    unit_id {int}
) {table};

CREATE INDEX journal_subject ON journal (subject_id, seq);

CREATE INDEX journal_organisation ON journal (organisation_id, seq);

CREATE INDEX journal_actor ON journal (actor_id, act, at_us);

-- asked: the act as JSON without what is secret in it. body: the whole act, NULL once decided or expired.
-- state: pending, approved, refused or expired.
CREATE TABLE approval (
    approval_id {int} PRIMARY KEY,
    act TEXT NOT NULL,
    asked {bytes} NOT NULL,
    body {bytes},
    requester TEXT NOT NULL,
    requester_id {int} NOT NULL,
    requester_kind TEXT NOT NULL,
    on_behalf_of {int},
    reason TEXT NOT NULL,
    organisation_id {int},
    unit_id {int},
    requested_us {int} NOT NULL,
    expires_us {int} NOT NULL,
    state TEXT NOT NULL,
    decided_us {int},
    decider_id {int}
) {table};

CREATE INDEX approval_state ON approval (state, expires_us);

-- A machine that may act, by a token of 256 random bits, of which the table holds the SHA-256.
CREATE TABLE service_account (
    service_id {int} PRIMARY KEY,
    name TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id {int} NOT NULL,
    faces TEXT NOT NULL,
    token_sha256 {bytes} NOT NULL UNIQUE,
    created_us {int} NOT NULL,
    revoked_us {int}
) {table};
