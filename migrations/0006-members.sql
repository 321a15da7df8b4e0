-- The market over members: people, bounties and money of other members. home names the member where
-- somebody or something lives; 0 is this one. What came from elsewhere has no entry of its own in this
-- member's outbox, and the constraints below keep the two kinds of rows apart.

-- ---- people --------------------------------------------------------------------------------------
ALTER TABLE account
    ADD COLUMN home int NOT NULL DEFAULT 0 CHECK (home BETWEEN 0 AND 65535),
    ALTER COLUMN entry DROP NOT NULL,
    ADD CONSTRAINT account_entry CHECK (entry IS NOT NULL OR home <> 0),
    ADD CONSTRAINT account_home UNIQUE (id, home);
COMMENT ON COLUMN account.home IS 'The member where this account lives and signs in; 0: here.';
COMMENT ON COLUMN account.entry IS 'account.register, or account.vouch of its home; none for reviewers that came by reviewer.enroll.';

ALTER TABLE role_grant
    ADD COLUMN home int NOT NULL DEFAULT 0,
    ALTER COLUMN entry DROP NOT NULL,
    ADD CONSTRAINT role_grant_entry CHECK (entry IS NOT NULL OR home <> 0 AND role = 'reviewer'),
    ADD CONSTRAINT role_grant_elsewhere CHECK (home = 0 OR role <> 'operator'),
    ADD CONSTRAINT role_grant_home FOREIGN KEY (account, home) REFERENCES account (id, home);
COMMENT ON COLUMN role_grant.home IS 'Who attested it: the account''s home, and nobody else.';
COMMENT ON COLUMN role_grant.entry IS 'role.attest or account.vouch; none for reviewers that came by reviewer.enroll.';

CREATE TABLE public_entry (
    member    int NOT NULL CHECK (member BETWEEN 1 AND 65535),
    chain     smallint NOT NULL REFERENCES chain_head,
    seq       bigint NOT NULL CHECK (seq >= 1),
    id        uuid NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('reviewer.enroll', 'bounty.publish', 'bounty.price')),
    statement bytea NOT NULL CHECK (octet_length(statement) BETWEEN 2 AND 65000),
    at        timestamptz NOT NULL,
    PRIMARY KEY (member, chain, seq)
);
COMMENT ON TABLE public_entry IS 'Public entries of other members that took effect here, with the very bytes that the log holds.';
COMMENT ON COLUMN public_entry.member IS 'Whose entry it is.';
COMMENT ON COLUMN public_entry.seq IS 'Its sequence in the outbox of that member.';
COMMENT ON COLUMN public_entry.id IS 'The statement''s id.';
COMMENT ON COLUMN public_entry.at IS 'When it was delivered here.';
CREATE INDEX public_entry_id ON public_entry (id);
CREATE TRIGGER public_entry_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE enrolment (
    account uuid PRIMARY KEY REFERENCES account,
    entry   uuid NOT NULL UNIQUE REFERENCES entry,
    at      timestamptz NOT NULL
);
COMMENT ON TABLE enrolment IS 'Reviewers of this member that all members know, by the public entry reviewer.enroll.';
CREATE TRIGGER enrolment_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enrolment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE vouched (
    account uuid NOT NULL,
    member  int NOT NULL CHECK (member BETWEEN 1 AND 65535),
    role    text NOT NULL CHECK (role IN ('patient', 'sponsor')),
    at      timestamptz NOT NULL,
    PRIMARY KEY (account, member, role)
);
COMMENT ON TABLE vouched IS 'A cache: which other member has taken our word for whom.';
COMMENT ON COLUMN vouched.account IS 'An account of this member, or a pseudonym of one.';
COMMENT ON COLUMN vouched.member IS 'To whom the word was given.';

-- ---- bounties ------------------------------------------------------------------------------------
ALTER TABLE bounty
    ADD COLUMN home int NOT NULL DEFAULT 0 CHECK (home BETWEEN 0 AND 65535),
    ADD COLUMN own_id uuid GENERATED ALWAYS AS (CASE WHEN home = 0 THEN id END) STORED UNIQUE,
    ADD COLUMN own_sponsor uuid GENERATED ALWAYS AS (CASE WHEN home = 0 THEN sponsor END) STORED,
    ADD COLUMN cost_max bigint CHECK (cost_max >= 0),
    ADD COLUMN shown text NOT NULL DEFAULT 'nothing'
        CHECK (shown IN ('nothing', 'funded', 'unfunded', 'closed')),
    ADD COLUMN price_version bigint NOT NULL DEFAULT 0 CHECK (price_version >= 0),
    DROP CONSTRAINT bounty_id_fkey,
    DROP CONSTRAINT bounty_sponsor_fkey;
ALTER TABLE bounty
    ADD CONSTRAINT bounty_id_fkey FOREIGN KEY (own_id) REFERENCES entry,
    ADD CONSTRAINT bounty_sponsor_fkey FOREIGN KEY (own_sponsor) REFERENCES account,
    ADD CONSTRAINT bounty_shown CHECK ((shown = 'nothing') = (price_version = 0));
COMMENT ON COLUMN bounty.home IS 'The member that holds its money and its submissions; 0: here.';
COMMENT ON COLUMN bounty.own_id IS 'The id if it lives here; submissions and events refer to this one.';
COMMENT ON COLUMN bounty.own_sponsor IS 'The sponsor if the bounty lives here: then the account exists.';
COMMENT ON COLUMN bounty.cost_max IS 'The most that one submission can cost; known once a price was published.';
COMMENT ON COLUMN bounty.shown IS 'What the newest bounty.price told all members.';
COMMENT ON COLUMN bounty.price_version IS 'Its version; 0 before the first.';
CREATE INDEX bounty_priced ON bounty (n) WHERE home = 0 AND shown <> 'closed';

ALTER TABLE bounty_event DROP CONSTRAINT bounty_event_bounty_fkey,
    ADD CONSTRAINT bounty_event_bounty_fkey FOREIGN KEY (bounty) REFERENCES bounty (own_id);
ALTER TABLE submission DROP CONSTRAINT submission_bounty_fkey,
    ADD CONSTRAINT submission_bounty_fkey FOREIGN KEY (bounty) REFERENCES bounty (own_id);

CREATE TABLE bounty_price (
    bounty      uuid NOT NULL REFERENCES bounty (own_id),
    version     bigint NOT NULL CHECK (version >= 1),
    shown       text NOT NULL CHECK (shown IN ('funded', 'unfunded', 'closed')),
    scarcity_bp int NOT NULL CHECK (scarcity_bp >= 0),
    entry       uuid NOT NULL UNIQUE REFERENCES entry,
    at          timestamptz NOT NULL,
    PRIMARY KEY (bounty, version)
);
COMMENT ON TABLE bounty_price IS 'What this member told all members about its bounties, step by step.';
COMMENT ON COLUMN bounty_price.shown IS 'open and funded, open and not funded, or closed.';
CREATE TRIGGER bounty_price_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bounty_price
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE pseudonym (
    id          uuid PRIMARY KEY,
    account     uuid NOT NULL REFERENCES account,
    bounty      uuid NOT NULL REFERENCES bounty,
    key         bytea NOT NULL UNIQUE CHECK (octet_length(key) = 32),
    receive_key bytea NOT NULL CHECK (octet_length(receive_key) = 32),
    entry       uuid NOT NULL UNIQUE REFERENCES entry,
    at          timestamptz NOT NULL,
    UNIQUE (account, bounty)
);
COMMENT ON TABLE pseudonym IS 'Under which key a patient of this member acts toward a bounty of another one.';
COMMENT ON COLUMN pseudonym.id IS 'The account id of the key; the other member knows the patient by nothing else.';
CREATE TRIGGER pseudonym_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pseudonym
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---- money between members -----------------------------------------------------------------------
ALTER TABLE book_account
    DROP CONSTRAINT book_account_kind_check,
    ADD CONSTRAINT book_account_kind_check CHECK (kind IN ('outside', 'wallet', 'available', 'reserved',
        'accrued', 'followup', 'disputed', 'refundable', 'fees', 'clearing')),
    DROP CONSTRAINT book_account_floor_kind,
    ADD CONSTRAINT book_account_floor_kind CHECK (floor = (kind NOT IN ('outside', 'clearing')));
COMMENT ON COLUMN book_account.kind IS 'outside: the world beyond the books; wallet: a person''s; fees: the member''s; clearing: what is open with another member; the others: buckets of a bounty.';
COMMENT ON COLUMN book_account.owner IS 'Account, bounty or (an id derived from its number) member; none for outside and fees.';
COMMENT ON COLUMN book_account.floor IS 'The balance may not fall below zero; true for all but outside and clearing.';

CREATE OR REPLACE FUNCTION books_open_account(p_id uuid, p_kind text, p_owner uuid, p_currency text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_currency !~ '^[A-Z]{3}$' THEN -- a cast to char(3) would cut silently
        RAISE EXCEPTION 'not a currency code' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'book_account_currency_check';
    END IF;
    INSERT INTO book_account (id, currency, kind, owner, floor)
        VALUES (p_id, p_currency, p_kind, p_owner, p_kind NOT IN ('outside', 'clearing'))
        ON CONFLICT (id) DO NOTHING;
END $$;

CREATE TABLE peer_head (
    member       int PRIMARY KEY CHECK (member BETWEEN 1 AND 65535),
    sent         bigint NOT NULL CHECK (sent >= 0),
    acknowledged bigint NOT NULL CHECK (acknowledged >= 0),
    received     bigint NOT NULL CHECK (received >= 0),
    CONSTRAINT peer_head_order CHECK (acknowledged <= sent)
);
COMMENT ON TABLE peer_head IS 'One locked row per other member counts the messages to it and from it without gaps.';
COMMENT ON COLUMN peer_head.sent IS 'The last sequence given to a message to that member.';
COMMENT ON COLUMN peer_head.acknowledged IS 'The last one that it said it has applied.';
COMMENT ON COLUMN peer_head.received IS 'The last sequence of that member that was applied here.';
CREATE INDEX peer_head_open ON peer_head (member) WHERE acknowledged < sent;

CREATE TABLE peer_message (
    member    int NOT NULL REFERENCES peer_head,
    seq       bigint NOT NULL CHECK (seq >= 1),
    id        uuid NOT NULL UNIQUE,
    cause     uuid NOT NULL UNIQUE REFERENCES entry,
    account   uuid NOT NULL REFERENCES account,
    amount    bigint NOT NULL CHECK (amount >= 1),
    currency  char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    statement bytea NOT NULL CHECK (octet_length(statement) BETWEEN 2 AND 65000),
    at        timestamptz NOT NULL,
    PRIMARY KEY (member, seq)
);
COMMENT ON TABLE peer_message IS 'Outbox of clearing.credit: money of this member''s bounties for people who live at another member.';
COMMENT ON COLUMN peer_message.cause IS 'The entry that moved the money into the clearing account.';
COMMENT ON COLUMN peer_message.account IS 'Who is paid, as known here: an account or a pseudonym of that member.';
CREATE TRIGGER peer_message_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON peer_message
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE peer_credit (
    member   int NOT NULL REFERENCES peer_head,
    seq      bigint NOT NULL CHECK (seq >= 1),
    entry    uuid NOT NULL UNIQUE REFERENCES entry,
    account  uuid NOT NULL REFERENCES account,
    amount   bigint NOT NULL CHECK (amount >= 1),
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    at       timestamptz NOT NULL,
    PRIMARY KEY (member, seq)
);
COMMENT ON TABLE peer_credit IS 'Messages of other members that were applied: a wallet credited on account of that member.';
COMMENT ON COLUMN peer_credit.account IS 'Whose wallet: the account, or the person behind the pseudonym that the message names.';
CREATE TRIGGER peer_credit_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON peer_credit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON public_entry, enrolment, vouched, bounty_price, pseudonym, peer_message, peer_credit
    TO cairn_app;
GRANT SELECT, INSERT, UPDATE ON peer_head TO cairn_app;
GRANT SELECT ON public_entry, enrolment, vouched, bounty_price, pseudonym, peer_head, peer_message, peer_credit
    TO cairn_audit;
