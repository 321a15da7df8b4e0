-- A journal is the memory of one vote key: its mark belongs to that key. A member that was re-keyed begins
-- with an empty journal and no mark, and nobody can use the old key with an empty journal, for its mark stays.
-- What stood here named no key; the next block that is delivered writes the mark again.
DROP TABLE journal_mark;
CREATE TABLE journal_mark (
    vote_key bytea PRIMARY KEY CHECK (octet_length(vote_key) = 32),
    seq      bigint NOT NULL CHECK (seq >= 0)
);
COMMENT ON TABLE journal_mark IS 'For each vote key this member had: a sequence of its journal that was durable. A journal that ends before it lost votes and must not vote';
COMMENT ON COLUMN journal_mark.vote_key IS 'The public half of the key whose votes the journal holds.';

GRANT SELECT, INSERT, UPDATE ON journal_mark TO cairn_app;
GRANT SELECT ON journal_mark TO cairn_audit;
