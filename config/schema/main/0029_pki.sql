-- Certificates that this platform issues: what was ordered, the register of all that were issued, how they ended.

-- authority: the key of the issuer in the signer; serial: lower-case hexadecimal. account_id is 0 for machines and authorities.
-- kind: root authority tls node client sign encrypt post seal ocsp tsa. state: good suspended revoked, since ended_us.
-- successor: the serial number of the certificate that took its place; warned_us: when its end was last announced.
CREATE TABLE issued (
    authority TEXT NOT NULL,
    serial TEXT NOT NULL,
    kind TEXT NOT NULL,
    account_id {int} NOT NULL,
    address TEXT NOT NULL,
    key_id TEXT NOT NULL,
    der {bytes} NOT NULL,
    issued_us {int} NOT NULL,
    not_before_us {int} NOT NULL,
    not_after_us {int} NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    ended_us {int} NOT NULL,
    changed_us {int} NOT NULL,
    successor TEXT NOT NULL,
    warned_us {int} NOT NULL,
    PRIMARY KEY (authority, serial)
) {table};

CREATE INDEX issued_changed ON issued (authority, changed_us) WHERE changed_us <> 0;
CREATE INDEX issued_key ON issued (key_id);
CREATE INDEX issued_end ON issued (not_after_us);
CREATE INDEX issued_serial ON issued (serial);
CREATE INDEX issued_latest ON issued (issued_us);
CREATE INDEX issued_standing ON issued (state, successor, kind, not_after_us);

-- What somebody with the right to it, and where that is asked for a second person, wants done; carried out outside of their transaction,
-- because keys are elsewhere. verb: issue renew revoke suspend resume. done_us 0: not yet; failed: why it will not be.
CREATE TABLE certificate_order (
    order_id {int} PRIMARY KEY,
    verb TEXT NOT NULL,
    kind TEXT NOT NULL,
    account_id {int} NOT NULL,
    address TEXT NOT NULL,
    public_key {bytes} NOT NULL,
    authority TEXT NOT NULL,
    serial TEXT NOT NULL,
    reason TEXT NOT NULL,
    ordered_us {int} NOT NULL,
    done_us {int} NOT NULL,
    failed TEXT NOT NULL
) {table};

CREATE INDEX certificate_order_open ON certificate_order (order_id) WHERE done_us = 0;
