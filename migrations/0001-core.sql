-- People, statements, the outbox and the log as this member stores it.
-- Roles cairn_owner (runs this), cairn_app (the server) and cairn_audit (reads all) exist already.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is not allowed: rows are only ever added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'insert_only';
END $$;
COMMENT ON FUNCTION refuse_change() IS 'Trigger that makes a table insert-only.';

CREATE TABLE chain_head (
    chain    smallint PRIMARY KEY CHECK (chain IN (1, 2)),
    last_seq bigint NOT NULL CHECK (last_seq >= 0)
);
COMMENT ON TABLE chain_head IS 'One locked row per chain hands out outbox sequences without gaps.';
COMMENT ON COLUMN chain_head.chain IS '1 account chain, 2 transaction chain.';
COMMENT ON COLUMN chain_head.last_seq IS 'The last sequence given to an entry of this member.';
INSERT INTO chain_head VALUES (1, 0), (2, 0);

CREATE TABLE entry (
    id        uuid PRIMARY KEY,
    chain     smallint NOT NULL REFERENCES chain_head,
    seq       bigint NOT NULL CHECK (seq >= 1),
    kind      text NOT NULL CHECK (kind ~ '^[a-z]+\.[a-z]+$'),
    is_public boolean NOT NULL,
    subject   uuid NOT NULL,
    statement bytea NOT NULL CHECK (octet_length(statement) BETWEEN 2 AND 65000),
    at        timestamptz NOT NULL,
    UNIQUE (chain, seq)
);
COMMENT ON TABLE entry IS 'Outbox: every state change writes exactly one signed statement here, in its own transaction.';
COMMENT ON COLUMN entry.id IS 'The statement''s id; also names the receipt.';
COMMENT ON COLUMN entry.seq IS 'Contiguous from 1 per chain.';
COMMENT ON COLUMN entry.kind IS 'The statement''s kind.';
COMMENT ON COLUMN entry.is_public IS 'Public entries carry the statement itself, private ones a salted commitment.';
COMMENT ON COLUMN entry.subject IS 'Whose salt key the commitment uses; the member''s own id is all zero.';
COMMENT ON COLUMN entry.statement IS 'Canonical JSON with its signature.';
CREATE TRIGGER entry_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE entry_party (
    n       bigint GENERATED ALWAYS AS IDENTITY,
    account uuid NOT NULL,
    entry   uuid NOT NULL REFERENCES entry,
    PRIMARY KEY (account, n),
    UNIQUE (entry, account)
);
COMMENT ON TABLE entry_party IS 'Who may fetch the receipt of an entry.';
COMMENT ON COLUMN entry_party.n IS 'Order of listing; gaps mean nothing.';

CREATE TABLE delivery (
    chain       smallint NOT NULL REFERENCES chain_head,
    first_seq   bigint NOT NULL CHECK (first_seq >= 1),
    n           bigint NOT NULL CHECK (n >= 1),
    first_index bigint NOT NULL CHECK (first_index >= 0),
    at          timestamptz NOT NULL,
    PRIMARY KEY (chain, first_seq),
    UNIQUE (chain, first_index)
);
COMMENT ON TABLE delivery IS 'Where runs of this member''s entries stand in the log: seq first_seq+i is at index first_index+i.';
CREATE TRIGGER delivery_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivery
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE log_bundle (
    chain   smallint NOT NULL REFERENCES chain_head,
    index   bigint NOT NULL CHECK (index >= 0),
    width   int NOT NULL CHECK (width BETWEEN 1 AND 256),
    entries bytea NOT NULL,
    PRIMARY KEY (chain, index)
);
COMMENT ON TABLE log_bundle IS 'Entry bundles of the log (C2SP tlog-tiles): up to 256 entries, each with a 2-byte length in front.';
COMMENT ON COLUMN log_bundle.width IS 'Entries held; a bundle only ever grows until it holds 256.';

CREATE TABLE log_tile (
    chain  smallint NOT NULL REFERENCES chain_head,
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 5),
    index  bigint NOT NULL CHECK (index >= 0),
    hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (chain, level, index)
);
COMMENT ON TABLE log_tile IS 'Hash tiles of the log (C2SP tlog-tiles), widths up to 256.';

CREATE TABLE log_checkpoint (
    chain smallint NOT NULL REFERENCES chain_head,
    size  bigint NOT NULL CHECK (size >= 0),
    root  bytea NOT NULL CHECK (octet_length(root) = 32),
    note  text NOT NULL,
    at    timestamptz NOT NULL,
    PRIMARY KEY (chain, size)
);
COMMENT ON TABLE log_checkpoint IS 'Signed checkpoints, one per size that was published.';
CREATE TRIGGER log_checkpoint_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE account (
    id           uuid PRIMARY KEY,
    identity_key bytea NOT NULL UNIQUE CHECK (octet_length(identity_key) = 32),
    receive_key  bytea NOT NULL CHECK (octet_length(receive_key) = 32),
    salt_slot    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    entry        uuid NOT NULL UNIQUE REFERENCES entry,
    at           timestamptz NOT NULL
);
COMMENT ON TABLE account IS 'One registered person or organisation: two public keys and nothing else.';
COMMENT ON COLUMN account.salt_slot IS 'Place of the person''s salt key in the key file outside PostgreSQL.';

CREATE TABLE role_grant (
    account     uuid NOT NULL REFERENCES account,
    role        text NOT NULL CHECK (role IN ('patient', 'sponsor', 'reviewer', 'operator')),
    institution text NOT NULL CHECK (institution ~ '^[a-z0-9-]{1,32}$'),
    entry       uuid NOT NULL UNIQUE REFERENCES entry,
    at          timestamptz NOT NULL,
    PRIMARY KEY (account, role)
);
COMMENT ON TABLE role_grant IS 'Roles that an operator attested; never claimed by the account itself.';
CREATE INDEX role_grant_role ON role_grant (role, account);

CREATE TABLE session (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    account    uuid NOT NULL REFERENCES account,
    challenge  bytea NOT NULL UNIQUE CHECK (octet_length(challenge) = 32),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE session IS 'Signed-in sessions; the token itself is never stored.';
COMMENT ON COLUMN session.challenge IS 'Unique, so that a challenge signature works once.';
CREATE INDEX session_expires ON session (expires_at);

GRANT USAGE ON SCHEMA public TO cairn_app, cairn_audit;
GRANT SELECT, UPDATE ON chain_head TO cairn_app;
GRANT SELECT, INSERT ON entry, entry_party, delivery, log_checkpoint, account, role_grant TO cairn_app;
GRANT SELECT, INSERT, UPDATE ON log_bundle, log_tile TO cairn_app;
GRANT SELECT, INSERT, DELETE ON session TO cairn_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO cairn_audit;
