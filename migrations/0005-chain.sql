-- The joint ledger: finalized blocks of both chains, as every member stores them. Insert only: what is
-- final cannot become otherwise. Entries are in log_bundle; a block names the batches they came in.

CREATE TABLE chain_block (
    chain      smallint NOT NULL REFERENCES chain_head,
    height     bigint NOT NULL CHECK (height >= 1),
    epoch      bigint NOT NULL CHECK (epoch >= 1),
    view       bigint NOT NULL CHECK (view >= 1),
    id         bytea NOT NULL CHECK (octet_length(id) = 32),
    parent     bytea NOT NULL CHECK (octet_length(parent) = 32),
    proposal   bytea NOT NULL,
    final_cert bytea,
    notar_cert bytea,
    tree_size  bigint NOT NULL CHECK (tree_size >= 0),
    tree_root  bytea NOT NULL CHECK (octet_length(tree_root) = 32),
    at         timestamptz NOT NULL,
    CONSTRAINT chain_block_pkey PRIMARY KEY (chain, height),
    CONSTRAINT chain_block_id UNIQUE (chain, id),
    CONSTRAINT chain_block_view UNIQUE (chain, epoch, view)
);
COMMENT ON TABLE chain_block IS 'Finalized blocks of the joint ledger, delivered in order of height, one transaction each';
COMMENT ON COLUMN chain_block.id IS 'SHA-256 of the block bytes (docs/wire.md)';
COMMENT ON COLUMN chain_block.proposal IS 'Block, justification and the leader''s signature, as on the wire';
COMMENT ON COLUMN chain_block.final_cert IS 'The finalize certificate; NULL where a later block''s certificate covers this one';
COMMENT ON COLUMN chain_block.notar_cert IS 'Where there is no final_cert: a notarize certificate, which the next block''s justification needs';
COMMENT ON COLUMN chain_block.tree_size IS 'Entries of the chain''s log after this block';
CREATE TRIGGER chain_block_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_block
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE chain_batch (
    chain       smallint NOT NULL,
    height      bigint NOT NULL,
    ordinal     int NOT NULL CHECK (ordinal >= 0),
    member      int NOT NULL CHECK (member BETWEEN 1 AND 65535),
    first_seq   bigint NOT NULL CHECK (first_seq >= 1),
    n           int NOT NULL CHECK (n >= 1),
    first_index bigint NOT NULL CHECK (first_index >= 0),
    CONSTRAINT chain_batch_pkey PRIMARY KEY (chain, height, ordinal),
    CONSTRAINT chain_batch_once UNIQUE (chain, member, first_seq),
    CONSTRAINT chain_batch_index UNIQUE (chain, first_index),
    CONSTRAINT chain_batch_block FOREIGN KEY (chain, height) REFERENCES chain_block (chain, height)
);
COMMENT ON TABLE chain_batch IS 'Which entries of which member a block put where: sequences of a member are gapless and appear once';
CREATE TRIGGER chain_batch_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_batch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE chain_tail (
    chain      smallint NOT NULL,
    height     bigint NOT NULL,
    ordinal    int NOT NULL CHECK (ordinal >= 0),
    proposal   bytea NOT NULL,
    final_cert bytea,
    CONSTRAINT chain_tail_pkey PRIMARY KEY (chain, height, ordinal),
    CONSTRAINT chain_tail_block FOREIGN KEY (chain, height) REFERENCES chain_block (chain, height)
);
COMMENT ON TABLE chain_tail IS 'Empty blocks on one that ends its epoch: the proof that it is final, where it has no certificate itself';
CREATE TRIGGER chain_tail_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_tail
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE chain_epoch (
    epoch  bigint PRIMARY KEY CHECK (epoch >= 1),
    height bigint NOT NULL UNIQUE CHECK (height >= 1),
    state  bytea NOT NULL
);
COMMENT ON TABLE chain_epoch IS 'Epochs of the account chain that are over: the height that ended each, and the members from then on';
CREATE TRIGGER chain_epoch_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_epoch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE chain_state (
    chain  smallint PRIMARY KEY REFERENCES chain_head,
    height bigint NOT NULL CHECK (height >= 0),
    state  bytea NOT NULL
);
COMMENT ON TABLE chain_state IS 'What the fold over the account chain gives at its newest block: members, epoch, credit';

CREATE TABLE journal_mark (
    one boolean PRIMARY KEY CHECK (one),
    seq bigint NOT NULL CHECK (seq >= 0)
);
INSERT INTO journal_mark VALUES (true, 0);
COMMENT ON TABLE journal_mark IS 'A sequence of the journal that was durable: a journal that ends before it lost votes and must not vote';

-- Hashes and signatures do not compress: trying costs more than all else that a delivery does here.
ALTER TABLE log_tile ALTER hashes SET STORAGE EXTERNAL;
ALTER TABLE log_bundle ALTER entries SET STORAGE EXTERNAL;
ALTER TABLE chain_block ALTER proposal SET STORAGE EXTERNAL;
ALTER TABLE chain_block ALTER final_cert SET STORAGE EXTERNAL;
ALTER TABLE chain_block ALTER notar_cert SET STORAGE EXTERNAL;

GRANT SELECT, INSERT ON chain_block, chain_batch, chain_tail, chain_epoch TO cairn_app;
GRANT SELECT, INSERT, UPDATE ON chain_state TO cairn_app;
GRANT SELECT, UPDATE ON journal_mark TO cairn_app;
GRANT SELECT ON chain_block, chain_batch, chain_tail, chain_epoch, chain_state, journal_mark TO cairn_audit;
