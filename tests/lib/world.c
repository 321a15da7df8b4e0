#include "tests/lib/world.h"

#include "server/crypto/keys.h"
#include "server/ledger/io/subjects.h"
#include "server/market/board.h"
#include "server/store/entry.h"
#include "server/store/health.h"
#include "server/vault/blobs.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- life --------------------------------------------------------------------------------------
 */

static usec_t now_of(const struct app *app)
{
    struct world *w = (struct world *)(void *)(uintptr_t)app;
    return clock_now() + (usec_t)atomic_load(&w->offset);
}

usec_t world_now(struct world *w)
{
    return now_of(&w->app);
}

void world_shift(struct world *w, usec_t by)
{
    (void)atomic_fetch_add(&w->offset, by);
}

static void must(enum err e, const char *what)
{
    if (e == OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_code(e));
    abort();
}

static void seeded(uint8_t byte, struct sign_key *ret)
{
    uint8_t seed[SIGN_SEED_BYTES];
    memset(seed, byte, sizeof(seed));
    sign_key_from_seed(seed, ret);
}

static void on_publish(void *arg)
{
    struct world *w = arg;
    (void)atomic_fetch_add(&w->published, 1);
}

enum err world_drive(struct world *w)
{
    struct ledger_start s = {
        .keys = &w->keys, .genesis = &w->genesis, .on_publish = on_publish, .arg = w
    };
    memcpy(s.genesis_hash, w->genesis_hash, HASH_BYTES);
    return ledger_open(&w->app, &s, &w->app.ledger);
}

void world_park(struct world *w)
{
    ledger_close(w->app.ledger);
    w->app.ledger = NULL;
}

static void found_alone(struct world *w)
{
    struct genesis *g = &w->genesis;
    struct member *m = &g->members[0];
    struct buf text;
    *g = (struct genesis){ .t0_ms = 300, .n = 1 };
    (void)snprintf(g->federation, sizeof(g->federation), "%s", WORLD_FEDERATION);
    memcpy(g->log_key[0], w->keys.log[0].public, SIGN_PUBLIC_BYTES);
    memcpy(g->log_key[1], w->keys.log[1].public, SIGN_PUBLIC_BYTES);
    m->number = w->app.member;
    m->role = MEMBER_VALIDATOR;
    (void)snprintf(m->name, sizeof(m->name), "institution-%u", w->app.member);
    (void)snprintf(m->endpoint, sizeof(m->endpoint), "http://127.0.0.1:8480");
    memcpy(m->member_key, w->app.member_key.public, SIGN_PUBLIC_BYTES);
    memcpy(m->vote_key, w->keys.vote.public, SIGN_PUBLIC_BYTES);
    memcpy(m->cosigner_key, w->keys.cosigner.public, SIGN_PUBLIC_BYTES);
    memset(m->operator_key, 0x42, SIGN_PUBLIC_BYTES);
    buf_init(&text, GENESIS_MAX);
    must(genesis_print(g, &text), "genesis");
    sha256(text.data, text.len, w->genesis_hash);
    buf_release(&text);
}

static void open_parts(struct world *w)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/tmp", w->f.dir);
    if (mkdir(path, 0700) != 0)
        abort();
    (void)snprintf(path, sizeof(path), "%s/subjects.keys", w->f.dir);
    must(subjects_open(path, &w->app.subjects), "subjects");
    must(blobs_open(w->f.dir, &w->app.blobs), "blobs");
    must(board_new(w->app.member, &w->app.board), "board");
    must(ledger_found(w->f.dir, w->genesis_hash), "mark and journal");
    must(db_open(w->f.store, &w->db), "connection");
    must(world_drive(w), "ledger");
}

void world_up(struct world *w)
{
    world_up_as(w, 1);
}

void world_up_as(struct world *w, uint16_t member)
{
    uint8_t first = (uint8_t)(5 * (member - 1)); /* each member has keys of its own */
    *w = (struct world){ .app = { .now = now_of, .member = member } };
    crypto_setup();
    fixture_up(&w->f, 16);
    w->app.store = w->f.store;
    (void)snprintf(w->app.federation, sizeof(w->app.federation), "%s", WORLD_FEDERATION);
    (void)snprintf(w->app.data_dir, sizeof(w->app.data_dir), "%s", w->f.dir);
    memset(w->app.session_secret, 0x5e, sizeof(w->app.session_secret));
    seeded((uint8_t)(first + 1), &w->app.member_key);
    seeded((uint8_t)(first + 2), &w->keys.log[0]);
    seeded((uint8_t)(first + 3), &w->keys.log[1]);
    seeded((uint8_t)(first + 4), &w->keys.cosigner);
    seeded((uint8_t)(first + 5), &w->keys.vote);
    found_alone(w);
    open_parts(w);
}

void world_down(struct world *w)
{
    PQfinish(w->checker);
    world_park(w);
    db_close(w->db);
    board_free(w->app.board);
    blobs_close(w->app.blobs);
    subjects_close(w->app.subjects);
    fixture_down(&w->f);
}

/* A test may have killed PostgreSQL, which tells nobody when it is back. */
static void connected(struct world *w)
{
    usec_t until = clock_monotonic() + 30 * USEC_PER_SEC;
    while (db_check(w->db) != OK || store_ping(w->db) != OK) {
        if (clock_monotonic() > until)
            abort();
        (void)poll(NULL, 0, 5);
    }
}

void world_settle(struct world *w)
{
    usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
    int64_t left = 1;
    ledger_wake(w->app.ledger);
    for (;;) {
        connected(w);
        must(store_outbox_lag(w->db, &left), "lag");
        uint64_t entries = (uint64_t)world_number(w, "SELECT sum(last_seq) FROM chain_head");
        if (left == 0 &&
            ledger_size(w->app.ledger, CHAIN_ACCOUNT) + ledger_size(w->app.ledger, CHAIN_TX) ==
                entries)
            return;
        if (clock_monotonic() > until)
            abort();
        (void)poll(NULL, 0, 2); /* the driver tells nobody that it has nothing left */
    }
}

/* ---- the check ---------------------------------------------------------------------------------
 */

/* Each names a promise and counts what breaks it. */
static const struct {
    const char *name, *sql;
} promises[] = {
    { "sum",
      "SELECT count(*) FROM (SELECT sum(credits) - sum(debits) AS d FROM book_account GROUP BY"
      " currency) x WHERE d <> 0" },
    { "floor",
      "SELECT count(*) FROM book_account WHERE floor AND credits - debits - debits_pending < 0" },
    { "cache",
      "SELECT count(*) FROM book_account a LEFT JOIN (SELECT id, sum(d) AS d, sum(c) AS c FROM"
      " (SELECT debit AS id, amount AS d, 0 AS c FROM book_transfer WHERE mode IN ('post', "
      "'settle')"
      "  UNION ALL SELECT credit, 0, amount FROM book_transfer WHERE mode IN ('post', 'settle')) l"
      " GROUP BY id) t USING (id) WHERE a.debits <> coalesce(t.d, 0)"
      " OR a.credits <> coalesce(t.c, 0)" },
    { "reserved",
      "SELECT count(*) FROM book_account a WHERE a.kind = 'reserved' AND credits - debits <>"
      " (SELECT coalesce(sum(reserved), 0) FROM submission WHERE bounty = a.owner)" },
    { "accrued", "SELECT count(*) FROM book_account WHERE kind = 'accrued' AND credits <> debits" },
    { "closed", "SELECT count(*) FROM book_account a JOIN bounty b ON b.id = a.owner"
                " WHERE a.kind = 'available' AND b.state = 'closed' AND credits <> debits" },
    { "history",
      "SELECT count(*) FROM submission s WHERE state <> (SELECT state FROM submission_event e WHERE"
      " e.submission = s.id ORDER BY version DESC LIMIT 1) OR version <>"
      " (SELECT count(*) FROM submission_event e WHERE e.submission = s.id)" },
    { "bounty-history", "SELECT count(*) FROM bounty b WHERE home = 0 AND (state <> (SELECT state "
                        "FROM bounty_event e WHERE"
                        " e.bounty = b.id ORDER BY version DESC LIMIT 1) OR version <>"
                        " (SELECT count(*) FROM bounty_event e WHERE e.bounty = b.id))" },
    { "one-row-per-entry",
      "SELECT count(*) FROM (SELECT e.id, e.kind, count(r.entry) AS n FROM entry e LEFT JOIN ("
      " SELECT entry, 'account.register' AS kind FROM account WHERE home = 0"
      " UNION ALL SELECT entry, CASE home WHEN 0 THEN 'role.attest' ELSE 'account.vouch' END"
      "  FROM role_grant"
      " UNION ALL SELECT entry, 'reviewer.enroll' FROM enrolment"
      " UNION ALL SELECT entry, 'pseudonym.register' FROM pseudonym"
      " UNION ALL SELECT entry, 'bounty.price' FROM bounty_price"
      " UNION ALL SELECT entry, 'clearing.credit' FROM peer_credit"
      " UNION ALL SELECT entry, 'record.version' FROM record_version"
      " UNION ALL SELECT id, 'deposit.request' FROM deposit"
      " UNION ALL SELECT entry, CASE WHEN version = 1 THEN 'bounty.publish' ELSE "
      "'bounty.(close|expire)'"
      "  END FROM bounty_event"
      " UNION ALL SELECT entry_id, 'bounty.fund' FROM book_transfer WHERE kind = 'fund'"
      " UNION ALL SELECT entry, CASE state WHEN 'QUOTED' THEN 'submission.open' WHEN 'ROUND' THEN"
      "  'submission.submit' WHEN 'PAID' THEN 'submission.pay' WHEN 'WITHDRAWN' THEN"
      "  'submission.withdraw' WHEN 'EXPIRED' THEN 'submission.expire|round.decide'"
      "  ELSE 'round.decide' END FROM submission_event"
      " UNION ALL SELECT commit_entry, 'verdict.commit' FROM seat"
      " UNION ALL SELECT reveal_entry, 'verdict.reveal' FROM seat"
      " UNION ALL SELECT fee_entry, 'review.pay' FROM seat"
      " UNION ALL SELECT id, 'payout.request' FROM payout"
      " UNION ALL SELECT settle_entry, 'payout.settle' FROM payout"
      " UNION ALL SELECT d.id, 'round.draw' FROM entry d JOIN submission s ON d.kind = 'round.draw'"
      "  AND convert_from(d.statement, 'UTF8')::json ->> 'submission' = s.id::text"
      ") r ON r.entry = e.id AND e.kind ~ ('^(' || r.kind || ')$') GROUP BY e.id, e.kind) x"
      " WHERE n <> 1" },
    { "no-entry-for-a-row",
      "SELECT (SELECT count(*) FROM seat WHERE commitment IS NOT NULL AND commit_entry IS NULL)"
      " + (SELECT count(*) FROM submission_event v JOIN entry e ON e.id = v.entry WHERE e.kind <>"
      "  'submission.open' AND convert_from(e.statement, 'UTF8')::json ->> 'submission' <>"
      "  v.submission::text)"
      " + (SELECT count(*) FROM submission) - (SELECT count(DISTINCT convert_from(statement, "
      "'UTF8')"
      "  ::json ->> 'submission') FROM entry WHERE kind = 'round.draw')" },
    { "sequence",
      "SELECT count(*) FROM chain_head h WHERE last_seq <> (SELECT count(*) FROM entry e WHERE"
      " e.chain = h.chain) OR last_seq <> (SELECT coalesce(max(seq), 0) FROM entry e WHERE"
      " e.chain = h.chain)" },
    { "rewards",
      "SELECT count(*) FROM submission s WHERE (state = 'PAID' OR pay <> 0) AND pay <>"
      " (SELECT coalesce(sum(t.amount), 0) FROM submission_event v JOIN book_transfer t ON"
      "  t.entry_id = v.entry WHERE v.submission = s.id AND v.state = 'PAID' AND t.kind = "
      "'reward')" },
    { "fees",
      "SELECT count(*) FROM seat t JOIN submission s ON s.id = t.submission JOIN bounty b ON"
      " b.id = s.bounty WHERE t.fee_entry IS NOT NULL AND"
      " (b.terms::json -> 'review' ->> 'fee_minor')::bigint <> (SELECT coalesce(sum(x.amount), 0)"
      "  FROM book_transfer x JOIN book_account w ON w.id = x.credit WHERE x.entry_id = t.fee_entry"
      "  AND (w.owner = t.reviewer AND w.kind = 'wallet' OR w.kind = 'clearing'))" },
    { "load",
      "SELECT count(*) FROM (SELECT t.reviewer, count(*) FILTER (WHERE s.state IN ('QUOTED',"
      " 'ROUND')) AS n FROM seat t JOIN submission s ON s.id = t.submission GROUP BY t.reviewer) x"
      " FULL JOIN reviewer_load l ON l.account = x.reviewer WHERE x.n IS DISTINCT FROM"
      " l.open_seats" },
    { "messages",
      "SELECT count(*) FROM peer_head h WHERE sent <> (SELECT count(*) FROM peer_message"
      " m WHERE m.member = h.member) OR received <> (SELECT count(*) FROM peer_credit c"
      " WHERE c.member = h.member)" },
    { "clearing", /* what left through clearing was said, and what came was booked */
      "SELECT count(*) FROM (SELECT t.entry_id, t.amount FROM book_transfer t JOIN book_account a "
      "ON"
      " a.id = t.credit AND a.kind = 'clearing') x FULL JOIN peer_message m ON m.cause = x.entry_id"
      " AND m.amount = x.amount WHERE x.entry_id IS NULL OR m.id IS NULL" },
    { "credits",
      "SELECT count(*) FROM (SELECT t.entry_id, t.amount, w.owner FROM book_transfer t"
      " JOIN book_account a ON a.id = t.debit AND a.kind = 'clearing' JOIN book_account w ON"
      " w.id = t.credit AND w.kind = 'wallet') x FULL JOIN peer_credit c ON c.entry = x.entry_id"
      " AND c.amount = x.amount AND c.account = x.owner WHERE x.entry_id IS NULL OR c.seq IS "
      "NULL" },
    { "shown", "SELECT count(*) FROM bounty b WHERE home = 0 AND price_version <> (SELECT count(*)"
               " FROM bounty_price p WHERE p.bounty = b.id)" },
    { "held", "SELECT count(*) FROM book_account a WHERE kind = 'wallet' AND debits_pending <>"
              " (SELECT coalesce(sum(amount), 0) FROM payout p WHERE p.account = a.owner AND"
              "  state IN ('created', 'submitted'))" },
};

/* The question about all promises, planned once, since it is asked after every step. */
static void prepare(PGconn *pg)
{
    struct buf sql;
    buf_init(&sql, 1u << 16);
    must(buf_add_str(&sql, "SELECT concat_ws(' '"), "check");
    for (size_t i = 0; i < COUNT(promises); i++)
        must(buf_addf(&sql, ", CASE WHEN (%s) <> 0 THEN '%s' END", promises[i].sql,
                      promises[i].name),
             "check");
    must(buf_add_str(&sql, ")"), "check");
    PQclear(PQprepare(pg, "promises", buf_str(&sql), 0, NULL));
    PQclear(PQexec(pg, "SET plan_cache_mode = force_generic_plan"));
    buf_release(&sql);
}

static void connect_checker(struct world *w)
{
    const char *const keys[] = { "dbname", "user", NULL };
    const char *const values[] = { w->f.config.conninfo, "cairn_super", NULL };
    PQfinish(w->checker);
    w->checker = PQconnectdbParams(keys, values, 1);
    if (PQstatus(w->checker) == CONNECTION_OK)
        prepare(w->checker);
}

/* True if the connection failed and not the question: the first time, and where a test killed
 * PostgreSQL, which tells nobody when it is back. */
static bool lost(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    ExecStatusType status = PQresultStatus(res);
    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
           (state == NULL || strncmp(state, "57P", 3) == 0 || strcmp(state, "26000") == 0);
}

static PGresult *ask(struct world *w, const char *sql)
{
    PGresult *res = PQexec(w->checker, sql);
    usec_t until = clock_monotonic() + 30 * USEC_PER_SEC;
    while (lost(res) && clock_monotonic() < until) {
        PQclear(res);
        (void)poll(NULL, 0, 2);
        connect_checker(w);
        res = PQexec(w->checker, sql);
    }
    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1) {
        fprintf(stderr, "%s: %s\n", PQerrorMessage(w->checker), sql);
        abort();
    }
    return res;
}

int64_t world_number(struct world *w, const char *sql)
{
    PGresult *res = ask(w, sql);
    int64_t n = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return n;
}

void world_lie(struct world *w, const char *sql)
{
    PQclear(ask(w, "SELECT 1"));
    PGresult *res = PQexec(w->checker, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s: %s\n", PQerrorMessage(w->checker), sql);
        abort();
    }
    PQclear(res);
}

const char *world_check(struct world *w)
{
    PGresult *res = ask(w, "EXECUTE promises");
    (void)snprintf(w->what, sizeof(w->what), "%s", PQgetvalue(res, 0, 0));
    PQclear(res);
    return w->what;
}
