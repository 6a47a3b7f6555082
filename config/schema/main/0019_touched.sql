-- Which UIDs a change of a mailbox touched: a line or a few for each change, where indexes by modseq took one per message and had
-- to be rewritten with every flag. after_modseq is the mailbox's modseq before the change: a log with a gap shows it, and then
-- the mailbox itself is looked at (RFC 7162 section 3.2).
CREATE TABLE touched (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    modseq {int} NOT NULL,
    low_uid {int} NOT NULL,
    high_uid {int} NOT NULL,
    after_modseq {int} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, modseq, low_uid)
) {narrow};

DROP INDEX entry_modseq;
DROP INDEX expunged_modseq;

-- A large mailbox as it stood at a modseq: UIDs, flags and modseqs in one piece, so that nobody reads them row by row after a start.
-- Only what `touched` tells of since then is read beside it; one that does not fit is passed over.
CREATE TABLE mailbox_snapshot (
    account_id {int} NOT NULL,
    mailbox_id {int} NOT NULL,
    uidvalidity {int} NOT NULL,
    modseq {int} NOT NULL,
    message_count {int} NOT NULL,
    packed {bytes} NOT NULL,
    PRIMARY KEY (account_id, mailbox_id)
) {table};
