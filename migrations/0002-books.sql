-- The books: double entry. A transfer names one account to debit and one to credit, so a one-sided
-- entry cannot be written down; rows are only ever added; the server may post through books_post alone.
-- And the answers kept for Idempotency-Keys.

CREATE TABLE idem (
    principal    uuid NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status       int NOT NULL CHECK (status BETWEEN 100 AND 599),
    body         text NOT NULL CHECK (octet_length(body) <= 1048576),
    at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idem_pkey PRIMARY KEY (principal, key)
);
COMMENT ON TABLE idem IS 'What each Idempotency-Key was answered, written in the transaction that did the work.';
COMMENT ON COLUMN idem.principal IS 'Account that sent the key; all zero for the server''s own work.';
COMMENT ON COLUMN idem.key IS 'The Idempotency-Key.';
COMMENT ON COLUMN idem.request_hash IS 'SHA-256 of the request; the same key with another request is refused.';
COMMENT ON COLUMN idem.status IS 'HTTP status of the first answer.';
COMMENT ON COLUMN idem.body IS 'JSON of the first answer.';
COMMENT ON COLUMN idem.at IS 'Time of the first answer.';
CREATE TRIGGER idem_no_change BEFORE UPDATE OR TRUNCATE ON idem
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE book_account (
    id              uuid NOT NULL,
    currency        char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    kind            text NOT NULL CHECK (kind IN ('outside', 'wallet', 'available', 'reserved', 'accrued',
                        'followup', 'disputed', 'refundable', 'fees')),
    owner           uuid,
    floor           boolean NOT NULL,
    debits          bigint NOT NULL DEFAULT 0,
    credits         bigint NOT NULL DEFAULT 0,
    debits_pending  bigint NOT NULL DEFAULT 0,
    credits_pending bigint NOT NULL DEFAULT 0,
    CONSTRAINT book_account_pkey PRIMARY KEY (id),
    CONSTRAINT book_account_currency UNIQUE (id, currency),
    CONSTRAINT book_account_one UNIQUE NULLS NOT DISTINCT (owner, kind, currency),
    CONSTRAINT book_account_owner CHECK ((owner IS NULL) = (kind IN ('outside', 'fees'))),
    CONSTRAINT book_account_floor_kind CHECK (floor = (kind <> 'outside')),
    CONSTRAINT book_account_counts CHECK (debits >= 0 AND credits >= 0 AND debits_pending >= 0
                                          AND credits_pending >= 0),
    CONSTRAINT book_account_floor CHECK (NOT floor OR credits - debits - debits_pending >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE book_account IS 'Accounts of the books. The sums are a cache of book_transfer that the auditor recomputes.';
COMMENT ON COLUMN book_account.id IS 'Derived from kind, currency and owner.';
COMMENT ON COLUMN book_account.currency IS 'ISO 4217 code; amounts are in its minor unit.';
COMMENT ON COLUMN book_account.kind IS 'outside: the world beyond the books; wallet: a person''s; fees: the member''s; the others: buckets of a bounty.';
COMMENT ON COLUMN book_account.owner IS 'Account or bounty; none for outside and fees.';
COMMENT ON COLUMN book_account.floor IS 'The balance may not fall below zero; true for all but outside.';
COMMENT ON COLUMN book_account.debits IS 'Sum of posted debits.';
COMMENT ON COLUMN book_account.credits IS 'Sum of posted credits.';
COMMENT ON COLUMN book_account.debits_pending IS 'Sum of pending debits: no longer available, not yet gone.';
COMMENT ON COLUMN book_account.credits_pending IS 'Sum of pending credits: announced, not yet there.';
CREATE TRIGGER book_account_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF id, currency, kind, owner, floor
    ON book_account FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE book_head (
    one      boolean PRIMARY KEY CHECK (one),
    last_seq bigint NOT NULL CHECK (last_seq >= 0)
) WITH (fillfactor = 10);
COMMENT ON TABLE book_head IS 'One locked row hands out transfer sequences without gaps.';
COMMENT ON COLUMN book_head.one IS 'Keeps the table at one row.';
COMMENT ON COLUMN book_head.last_seq IS 'The last sequence given to a transfer.';
INSERT INTO book_head VALUES (true, 0);
CREATE TRIGGER book_head_stays BEFORE DELETE OR TRUNCATE ON book_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE book_transfer (
    id         uuid NOT NULL,
    seq        bigint NOT NULL CHECK (seq >= 1),
    group_id   uuid NOT NULL,
    debit      uuid NOT NULL,
    credit     uuid NOT NULL,
    amount     bigint NOT NULL CONSTRAINT book_transfer_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    currency   char(3) NOT NULL,
    kind       text NOT NULL CONSTRAINT book_transfer_kind CHECK (kind ~ '^[a-z][a-z._-]{0,31}$'),
    mode       text NOT NULL CONSTRAINT book_transfer_mode CHECK (mode IN ('post', 'pending', 'settle', 'void')),
    pending_of uuid,
    entry_id   uuid NOT NULL,
    at         timestamptz NOT NULL,
    CONSTRAINT book_transfer_pkey PRIMARY KEY (id),
    CONSTRAINT book_transfer_seq UNIQUE (seq),
    CONSTRAINT book_transfer_resolved_once UNIQUE (pending_of),
    CONSTRAINT book_transfer_two_accounts CHECK (debit <> credit),
    CONSTRAINT book_transfer_resolves CHECK ((pending_of IS NOT NULL) = (mode IN ('settle', 'void'))),
    CONSTRAINT book_transfer_debit FOREIGN KEY (debit, currency) REFERENCES book_account (id, currency),
    CONSTRAINT book_transfer_credit FOREIGN KEY (credit, currency) REFERENCES book_account (id, currency),
    CONSTRAINT book_transfer_pending FOREIGN KEY (pending_of) REFERENCES book_transfer (id),
    CONSTRAINT book_transfer_entry FOREIGN KEY (entry_id) REFERENCES entry (id)
);
COMMENT ON TABLE book_transfer IS 'Money moved from one account to another; a correction is a transfer the other way.';
COMMENT ON COLUMN book_transfer.id IS 'Derived from entry and leg, so that a repeat can never pay twice.';
COMMENT ON COLUMN book_transfer.seq IS 'Contiguous from 1, in the order of commit.';
COMMENT ON COLUMN book_transfer.group_id IS 'Transfers posted together.';
COMMENT ON COLUMN book_transfer.debit IS 'Account that gives.';
COMMENT ON COLUMN book_transfer.credit IS 'Account that receives.';
COMMENT ON COLUMN book_transfer.amount IS 'Minor units, always positive; at most 10^15, exact in every JSON reader.';
COMMENT ON COLUMN book_transfer.currency IS 'Of both accounts.';
COMMENT ON COLUMN book_transfer.kind IS 'What it is for, such as deposit or fee.';
COMMENT ON COLUMN book_transfer.mode IS 'post: at once; pending: holds the amount; settle or void: ends one pending transfer.';
COMMENT ON COLUMN book_transfer.pending_of IS 'The pending transfer that this one ends, once.';
COMMENT ON COLUMN book_transfer.entry_id IS 'The statement that caused it.';
COMMENT ON COLUMN book_transfer.at IS 'When it was posted; never falls with seq while the clock does not.';
CREATE INDEX book_transfer_by_debit ON book_transfer (debit, seq);
CREATE INDEX book_transfer_by_credit ON book_transfer (credit, seq);
CREATE TRIGGER book_transfer_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON book_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION books_open_account(p_id uuid, p_kind text, p_owner uuid, p_currency text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_currency !~ '^[A-Z]{3}$' THEN -- a cast to char(3) would cut silently
        RAISE EXCEPTION 'not a currency code' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'book_account_currency_check';
    END IF;
    INSERT INTO book_account (id, currency, kind, owner, floor)
        VALUES (p_id, p_currency, p_kind, p_owner, p_kind <> 'outside') ON CONFLICT (id) DO NOTHING;
END $$;
COMMENT ON FUNCTION books_open_account IS 'Opens an account; opening it again does nothing.';

-- Locks the head first: transactions that post are thereby in single file, whatever accounts they
-- touch, and sequences have no gaps. Then the accounts in the order of their ids.
CREATE FUNCTION books_post(p_group uuid, p_entry uuid, p_ids uuid[], p_debits uuid[], p_credits uuid[],
                           p_amounts bigint[], p_currency text, p_kinds text[], p_modes text[],
                           p_pending_of uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    n       int := cardinality(p_ids);
    first   bigint;
    touched bigint;
    known   bigint;
    fitting bigint;
    changed bigint;
    gap     numeric;
BEGIN
    IF n IS NULL OR n NOT BETWEEN 1 AND 64 OR cardinality(p_debits) IS DISTINCT FROM n
       OR cardinality(p_credits) IS DISTINCT FROM n OR cardinality(p_amounts) IS DISTINCT FROM n
       OR cardinality(p_kinds) IS DISTINCT FROM n OR cardinality(p_modes) IS DISTINCT FROM n
       OR cardinality(p_pending_of) IS DISTINCT FROM n THEN
        RAISE EXCEPTION 'a group has 1 to 64 transfers, each whole' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'book_group_shape';
    END IF;
    UPDATE book_head SET last_seq = last_seq + n RETURNING last_seq - n INTO STRICT first;

    SELECT count(*), count(*) FILTER (WHERE l.currency = p_currency) INTO known, fitting
        FROM (SELECT a.currency FROM book_account a WHERE a.id = ANY (p_debits || p_credits)
              ORDER BY a.id FOR NO KEY UPDATE) l;
    SELECT count(DISTINCT t) INTO touched FROM unnest(p_debits || p_credits) t;
    IF known <> touched THEN
        RAISE EXCEPTION 'an account does not exist' USING ERRCODE = 'foreign_key_violation',
            CONSTRAINT = 'book_account_unknown';
    ELSIF fitting <> touched THEN
        RAISE EXCEPTION 'an account has another currency' USING ERRCODE = 'foreign_key_violation',
            CONSTRAINT = 'book_account_currency';
    END IF;

    INSERT INTO book_transfer (id, seq, group_id, debit, credit, amount, currency, kind, mode, pending_of,
                               entry_id, at)
        SELECT l.id, first + l.n, p_group, l.debit, l.credit, l.amount, p_currency, l.kind, l.mode,
               l.pending_of, p_entry, clock_timestamp()
        FROM unnest(p_ids, p_debits, p_credits, p_amounts, p_kinds, p_modes, p_pending_of)
             WITH ORDINALITY AS l (id, debit, credit, amount, kind, mode, pending_of, n);

    IF p_modes && ARRAY['settle', 'void'] AND EXISTS (
        SELECT FROM book_transfer t JOIN book_transfer p ON p.id = t.pending_of
        WHERE t.id = ANY (p_ids) AND (p.mode, p.debit, p.credit, p.amount, p.currency)
              IS DISTINCT FROM ('pending', t.debit, t.credit, t.amount, t.currency)) THEN
        RAISE EXCEPTION 'a settlement differs from its pending transfer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'book_transfer_settles';
    END IF;

    WITH leg AS (
        SELECT l.debit, l.credit, CASE WHEN l.mode IN ('post', 'settle') THEN l.amount ELSE 0 END AS done,
               CASE l.mode WHEN 'pending' THEN l.amount WHEN 'post' THEN 0 ELSE -l.amount END AS held
        FROM unnest(p_debits, p_credits, p_amounts, p_modes) AS l (debit, credit, amount, mode)
    ), move AS (
        SELECT debit AS id, done AS d, 0 AS c, held AS dp, 0 AS cp FROM leg
        UNION ALL SELECT credit, 0, done, 0, held FROM leg
    ), total AS (
        SELECT id, sum(d)::bigint AS d, sum(c)::bigint AS c, sum(dp)::bigint AS dp, sum(cp)::bigint AS cp
        FROM move GROUP BY id
    ), done AS (
        UPDATE book_account a SET debits = a.debits + t.d, credits = a.credits + t.c,
               debits_pending = a.debits_pending + t.dp, credits_pending = a.credits_pending + t.cp
        FROM total t WHERE a.id = t.id AND a.currency = p_currency
        RETURNING t.d, t.c, t.dp, t.cp
    )
    SELECT count(*), abs(sum(d) - sum(c)) + abs(sum(dp) - sum(cp)) INTO changed, gap FROM done;
    IF changed <> touched OR gap <> 0 THEN
        RAISE EXCEPTION 'the books would not balance' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'book_group_balance';
    END IF;
    RETURN first + 1;
END $$;
COMMENT ON FUNCTION books_post IS 'Posts transfers of one currency together, or none; returns the first sequence.';

REVOKE ALL ON FUNCTION books_open_account, books_post FROM PUBLIC;
GRANT EXECUTE ON FUNCTION books_open_account, books_post TO cairn_app;
GRANT SELECT ON book_account, book_transfer TO cairn_app;
GRANT SELECT, INSERT ON idem TO cairn_app;
GRANT SELECT ON idem, book_account, book_head, book_transfer TO cairn_audit;
