-- Keys that sign what leaves in the name of our domains (DKIM). The private key is sealed under a secret of its own, which is stored only
-- wrapped by the node's key. public_key: SubjectPublicKeyInfo, DER. A key signs from active_us on, until a newer one of its algorithm does.
CREATE TABLE dkim_key (
    domain TEXT NOT NULL,
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_key {bytes} NOT NULL,
    secret_wrapped {bytes} NOT NULL,
    private_sealed {bytes} NOT NULL,
    created_us {int} NOT NULL,
    active_us {int} NOT NULL,
    PRIMARY KEY (domain, selector)
) {table};
