-- Bounties, submissions, review rounds, payouts.

CREATE TABLE bounty (
    id         uuid PRIMARY KEY REFERENCES entry,
    sponsor    uuid NOT NULL REFERENCES account,
    disease    text NOT NULL CHECK (disease ~ '^MONDO:[0-9]{7}$'),
    currency   char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    terms      text NOT NULL,
    terms_hash bytea NOT NULL CHECK (octet_length(terms_hash) = 32),
    opens_at   timestamptz NOT NULL,
    closes_at  timestamptz NOT NULL CHECK (closes_at > opens_at),
    state      text NOT NULL CHECK (state IN ('open', 'closed')),
    version    bigint NOT NULL CHECK (version >= 1),
    n          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    at         timestamptz NOT NULL
);
COMMENT ON TABLE bounty IS 'Published terms; frozen, only state and version move.';
COMMENT ON COLUMN bounty.terms IS 'Canonical JSON of the terms.';

CREATE TABLE bounty_event (
    bounty  uuid NOT NULL REFERENCES bounty,
    version bigint NOT NULL CHECK (version >= 1),
    state   text NOT NULL,
    entry   uuid NOT NULL UNIQUE REFERENCES entry,
    at      timestamptz NOT NULL,
    PRIMARY KEY (bounty, version)
);
COMMENT ON TABLE bounty_event IS 'Every change of a bounty with the one entry that made it.';

CREATE TABLE deposit (
    id        uuid PRIMARY KEY REFERENCES entry,
    account   uuid NOT NULL REFERENCES account,
    amount    bigint NOT NULL CHECK (amount > 0),
    currency  char(3) NOT NULL,
    reference text NOT NULL,
    at        timestamptz NOT NULL
);
COMMENT ON TABLE deposit IS 'Money that came in through a payment adapter.';

CREATE TABLE submission (
    id                 uuid PRIMARY KEY REFERENCES entry,
    bounty             uuid NOT NULL REFERENCES bounty,
    account            uuid NOT NULL REFERENCES account,
    nym                bytea NOT NULL CHECK (octet_length(nym) = 32),
    record             uuid NOT NULL UNIQUE,
    size               bigint NOT NULL CHECK (size BETWEEN 1 AND 10485760),
    ciphertext_hash    bytea NOT NULL CHECK (octet_length(ciphertext_hash) = 32),
    key_commitment     bytea NOT NULL CHECK (octet_length(key_commitment) = 32),
    content_commitment bytea NOT NULL CHECK (octet_length(content_commitment) = 32),
    claim_visits       int NOT NULL CHECK (claim_visits >= 0),
    claim_months       int NOT NULL CHECK (claim_months >= 0),
    state              text NOT NULL CHECK (state IN ('QUOTED', 'ROUND', 'ACCEPTED', 'RETURNED',
                           'REJECTED', 'PAID', 'WITHDRAWN', 'EXPIRED')),
    round              int NOT NULL CHECK (round >= 0),
    phase              text NOT NULL CHECK (phase IN ('none', 'commit', 'reveal', 'closed')),
    due_at             timestamptz NOT NULL,
    version            bigint NOT NULL CHECK (version >= 1),
    reserved           bigint NOT NULL CHECK (reserved >= 0),
    score_bp           int CHECK (score_bp BETWEEN 0 AND 10000),
    n_eff_bp           int CHECK (n_eff_bp >= 0),
    quality_bp         int CHECK (quality_bp >= 0),
    visits             int CHECK (visits >= 0),
    months             int CHECK (months >= 0),
    pay                bigint NOT NULL DEFAULT 0 CHECK (pay >= 0),
    outcome            text CHECK (outcome IN ('ACCEPTED', 'RETURNED', 'REJECTED', 'EXPIRED')),
    reasons            text NOT NULL DEFAULT '',
    n                  bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    at                 timestamptz NOT NULL,
    CHECK (outcome IS NULL OR phase = 'closed'),
    CHECK (state NOT IN ('PAID', 'ACCEPTED') OR score_bp IS NOT NULL),
    CHECK (state IN ('QUOTED', 'ROUND') OR reserved = 0)
);
COMMENT ON TABLE submission IS 'A slice offered to a bounty, under the patient''s key of that bounty alone.';
COMMENT ON COLUMN submission.account IS 'Known to the home server only; stands in no entry.';
COMMENT ON COLUMN submission.nym IS 'The patient''s Ed25519 key of this bounty.';
COMMENT ON COLUMN submission.reserved IS 'What this submission still holds in the bounty''s reserved bucket.';
COMMENT ON COLUMN submission.reasons IS 'Reason codes of the verdicts, separated by spaces.';
CREATE UNIQUE INDEX submission_one_open ON submission (bounty, nym) WHERE state IN ('QUOTED', 'ROUND');
CREATE INDEX submission_account ON submission (account, n);
CREATE INDEX submission_bounty ON submission (bounty, n);
CREATE INDEX submission_nym ON submission (bounty, nym);
CREATE INDEX submission_bounty_account ON submission (bounty, account);
CREATE INDEX submission_due ON submission (due_at) WHERE state IN ('QUOTED', 'ROUND');

CREATE TABLE submission_event (
    submission uuid NOT NULL REFERENCES submission,
    version    bigint NOT NULL CHECK (version >= 1),
    state      text NOT NULL,
    entry      uuid NOT NULL UNIQUE REFERENCES entry,
    at         timestamptz NOT NULL,
    PRIMARY KEY (submission, version)
);
COMMENT ON TABLE submission_event IS 'Every state a submission took with the one entry that made it.';

CREATE TABLE seat (
    submission   uuid NOT NULL REFERENCES submission,
    seat         int NOT NULL CHECK (seat BETWEEN 1 AND 15),
    reviewer     uuid NOT NULL REFERENCES account,
    institution  text NOT NULL,
    grantee      bytea NOT NULL CHECK (octet_length(grantee) = 32),
    grant_text   text,
    wrap         bytea CHECK (octet_length(wrap) = 80),
    opened_at    timestamptz,
    commitment   bytea CHECK (octet_length(commitment) = 32),
    commit_entry uuid UNIQUE REFERENCES entry,
    verdict      text,
    value_bp     int CHECK (value_bp BETWEEN 0 AND 10000),
    visits       int CHECK (visits >= 0),
    months       int CHECK (months >= 0),
    recommend    text CHECK (recommend IN ('accept', 'return', 'reject')),
    reveal_entry uuid UNIQUE REFERENCES entry,
    fee_entry    uuid UNIQUE REFERENCES entry,
    n            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    PRIMARY KEY (submission, seat),
    UNIQUE (submission, reviewer),
    CHECK ((commitment IS NULL) = (commit_entry IS NULL)),
    CHECK ((verdict IS NULL) = (reveal_entry IS NULL)),
    CHECK (verdict IS NULL OR commitment IS NOT NULL),
    CHECK ((grant_text IS NULL) = (wrap IS NULL))
);
COMMENT ON TABLE seat IS 'One reviewer''s place in the round of a submission: the wrapped key, then the sealed verdict.';
COMMENT ON COLUMN seat.verdict IS 'Canonical JSON, after the reveal.';
CREATE INDEX seat_reviewer ON seat (reviewer, n);

CREATE TABLE reviewer_load (
    account    uuid PRIMARY KEY REFERENCES account,
    open_seats int NOT NULL CHECK (open_seats >= 0)
);
COMMENT ON TABLE reviewer_load IS 'A cache for the draw: how many seats of open submissions a reviewer holds.';

CREATE TABLE payout (
    id          uuid PRIMARY KEY REFERENCES entry,
    account     uuid NOT NULL REFERENCES account,
    amount      bigint NOT NULL CHECK (amount > 0),
    currency    char(3) NOT NULL,
    method      text NOT NULL CHECK (method IN ('test')),
    destination text NOT NULL,
    state       text NOT NULL CHECK (state IN ('created', 'submitted', 'confirmed', 'failed')),
    settle_entry uuid UNIQUE REFERENCES entry,
    version     bigint NOT NULL CHECK (version >= 1),
    at          timestamptz NOT NULL,
    CHECK ((settle_entry IS NULL) = (state IN ('created', 'submitted')))
);
COMMENT ON TABLE payout IS 'Money on its way out: created, submitted to the adapter under its id as reference, then settled once.';
CREATE INDEX payout_open ON payout (at) WHERE state IN ('created', 'submitted');

GRANT SELECT, INSERT, UPDATE ON bounty, submission, seat, reviewer_load, payout TO cairn_app;
GRANT SELECT, INSERT ON bounty_event, submission_event, deposit TO cairn_app;
GRANT SELECT ON bounty, bounty_event, submission, submission_event, seat, reviewer_load, payout, deposit
    TO cairn_audit;
