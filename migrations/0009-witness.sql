-- Witnesses outside (docs/witness.md): what this member has cosigned for other federations, and what witnesses
-- elsewhere have cosigned for this one.

CREATE TABLE witness_log (
    origin  text PRIMARY KEY CHECK (octet_length(origin) BETWEEN 1 AND 255),
    size    bigint NOT NULL CHECK (size > 0),
    root    bytea NOT NULL CHECK (octet_length(root) = 32),
    note    text NOT NULL,
    at      timestamptz NOT NULL,
    fork    text,
    fork_of text,
    fork_at timestamptz,
    CONSTRAINT witness_log_fork CHECK ((fork IS NULL) = (fork_at IS NULL))
);
COMMENT ON TABLE witness_log IS 'Logs of other federations that this member witnesses: for each the newest tree that it cosigned.';
COMMENT ON COLUMN witness_log.note IS 'The checkpoint as the log signed it.';
COMMENT ON COLUMN witness_log.at IS 'When it was cosigned last; never goes back.';
COMMENT ON COLUMN witness_log.fork IS 'The first checkpoint that the log signed for a size that had another root here.';
COMMENT ON COLUMN witness_log.fork_of IS 'The one that was cosigned for that size: both together prove that the log shows two trees.';

CREATE FUNCTION witness_log_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.origin <> OLD.origin OR NEW.size < OLD.size OR NEW.size = OLD.size AND NEW.root <> OLD.root
        OR NEW.at < OLD.at
        OR OLD.fork IS NOT NULL AND (NEW.fork, NEW.fork_of) IS DISTINCT FROM (OLD.fork, OLD.fork_of) THEN
        RAISE EXCEPTION 'what was cosigned cannot be taken back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER witness_log_grows BEFORE UPDATE ON witness_log
    FOR EACH ROW EXECUTE FUNCTION witness_log_grows();
CREATE TRIGGER witness_log_stays BEFORE DELETE OR TRUNCATE ON witness_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE log_cosignature (
    chain smallint NOT NULL CHECK (chain IN (1, 2)),
    size  bigint NOT NULL,
    name  text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
    line  text NOT NULL CHECK (octet_length(line) BETWEEN 10 AND 400),
    at    timestamptz NOT NULL,
    PRIMARY KEY (chain, size, name),
    FOREIGN KEY (chain, size) REFERENCES log_checkpoint
);
COMMENT ON TABLE log_cosignature IS 'Lines of witnesses elsewhere, each verified over this log''s checkpoint of its size.';
COMMENT ON COLUMN log_cosignature.name IS 'The name of the witness''s key; it stands in the line too.';
COMMENT ON COLUMN log_cosignature.line IS 'The signature line with its newline, as it goes behind the note.';
CREATE TRIGGER log_cosignature_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_cosignature
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE ON witness_log TO cairn_app;
GRANT SELECT, INSERT ON log_cosignature TO cairn_app;
GRANT SELECT ON witness_log, log_cosignature TO cairn_audit;
