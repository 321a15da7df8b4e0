-- Records: manifests of ciphertext that lies in files; nothing here can open them.

CREATE TABLE record_version (
    record             uuid NOT NULL,
    number             int NOT NULL CHECK (number BETWEEN 1 AND 1000000),
    owner              uuid NOT NULL REFERENCES account,
    disease            text NOT NULL CHECK (disease ~ '^MONDO:[0-9]{7}$'),
    size               bigint NOT NULL CHECK (size BETWEEN 1 AND 10485760),
    ciphertext_hash    bytea NOT NULL CHECK (octet_length(ciphertext_hash) = 32),
    key_commitment     bytea NOT NULL CHECK (octet_length(key_commitment) = 32),
    content_commitment bytea NOT NULL CHECK (octet_length(content_commitment) = 32),
    owner_wrap         bytea NOT NULL CHECK (octet_length(owner_wrap) = 80),
    entry              uuid NOT NULL UNIQUE REFERENCES entry,
    n                  bigint GENERATED ALWAYS AS IDENTITY,
    at                 timestamptz NOT NULL,
    PRIMARY KEY (record, number)
);
COMMENT ON TABLE record_version IS 'Immutable versions of a patient''s record: what the signed manifest says.';
COMMENT ON COLUMN record_version.owner_wrap IS 'The data key, sealed to the owner''s receiving key (HPKE).';
COMMENT ON COLUMN record_version.n IS 'Order of listing; gaps mean nothing.';
CREATE INDEX record_version_owner ON record_version (owner, n);
CREATE TRIGGER record_version_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON record_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE blob (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    size bigint NOT NULL CHECK (size >= 1),
    at   timestamptz NOT NULL
);
COMMENT ON TABLE blob IS 'Ciphertext files that are durable on disk, by their BLAKE2b-256.';

GRANT SELECT, INSERT ON record_version, blob TO cairn_app;
GRANT SELECT ON record_version, blob TO cairn_audit;
