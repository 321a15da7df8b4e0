/* The audit against a server that tells the truth, and against one that lies in each way it can. */
#include "api/client/audit.h"
#include "api/client/receipt.h"
#include "server/base/text.h"
#include "server/statement/terms.h"
#include "tests/lib/mock_http.h"
#include "tests/lib/mock_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 700 /* two full bundles and a part; tiles of two levels */
#define BOUNTY 300  /* the entry that publishes a bounty */

/* A server: the logs it shows, the checkpoint it signs, and what it says of its bounty. */
struct server {
    struct mock_log *account, *tx;
    const struct mock_log *signs; /* the tx log whose checkpoint is shown; tx if NULL */
    uint64_t size;                /* of that checkpoint; all if 0 */
    const char *hide;             /* paths with this in them are not there */
    const char *spoil;            /* a path of which the last byte is wrong */
    json_t *terms;
    bool deny, other_terms, other_hash, unlogged;
};

static json_t *bounty_terms(bool other)
{
    return json_pack("{s:s, s:i}", "title", other ? "Other" : "Terms", "x", 1);
}

static struct statement bounty_statement(void)
{
    return mock_statement("bounty.publish", BOUNTY,
                          json_pack("{s:o}", "terms", bounty_terms(false)));
}

static json_t *bounty_json(const struct server *s, bool whole)
{
    struct statement published = bounty_statement();
    json_t *terms = bounty_terms(s->other_terms);
    uint8_t hash[HASH_BYTES];
    char text[BASE64_SIZE(HASH_BYTES)], id[ID_TEXT_SIZE];
    assert_int_equal(terms_hash(terms, hash), OK);
    hash[0] ^= s->other_hash ? 1 : 0;
    base64_encode(hash, HASH_BYTES, text);
    id_text(&published.id, id);
    json_t *v = json_pack("{s:s, s:s}", "id", id, "terms_hash", text);
    if (whole)
        assert_int_equal(json_object_update_new(v, json_pack("{s:O, s:O}", "terms", terms,
                                                             "statement", published.root)),
                         0);
    json_decref(terms);
    statement_release(&published);
    return v;
}

static void serve_bounties(const struct server *s, const char *path, struct mock_reply *reply)
{
    json_t *v;
    if (strchr(path, '?') != NULL) {
        v = json_pack("{s:[o], s:n}", "items", bounty_json(s, false), "next");
        if (s->unlogged)
            assert_int_equal(json_array_append_new(
                                 json_object_get(v, "items"),
                                 json_pack("{s:s}", "id", "00000000-0000-4000-8000-0000ffffffff")),
                             0);
    } else {
        v = s->deny ? json_pack("{s:s}", "code", "object.not_found") : bounty_json(s, true);
        reply->status = s->deny ? 404 : 200;
    }
    assert_int_equal(json_canonical(v, &reply->body), OK);
    json_decref(v);
}

static void serve_log(const struct server *s, const struct mock_log *l, const char *path,
                      struct mock_reply *reply)
{
    reply->type = "application/octet-stream";
    if (strcmp(path, "checkpoint") == 0) {
        const struct mock_log *signs = l == s->tx && s->signs != NULL ? s->signs : l;
        mock_log_checkpoint(signs, l == s->tx && s->size > 0 ? s->size : signs->n, &reply->body);
        return;
    }
    if ((l == s->tx && s->hide != NULL && strstr(path, s->hide) != NULL) ||
        !mock_log_tile(l, path, &reply->body)) {
        reply->status = 404;
        reply->type = "application/problem+json";
        assert_int_equal(buf_add_str(&reply->body, "{\"code\":\"object.not_found\"}"), OK);
        return;
    }
    if (l == s->tx && s->spoil != NULL && strcmp(path, s->spoil) == 0)
        reply->body.data[reply->body.len - 1] ^= 1;
}

static void serve(void *arg, const struct mock_request *r, struct mock_reply *reply)
{
    const struct server *s = arg;
    if (strncmp(r->path, "/log/account/", 13) == 0)
        serve_log(s, s->account, r->path + 13, reply);
    else if (strncmp(r->path, "/log/tx/", 8) == 0)
        serve_log(s, s->tx, r->path + 8, reply);
    else if (strncmp(r->path, "/v1/bounties", 12) == 0)
        serve_bounties(s, r->path, reply);
    else
        reply->status = 404;
}

static void fill(struct mock_log *l, enum chain chain, unsigned n)
{
    mock_log_init(l, chain);
    for (unsigned i = 0; i < n; i++) {
        if (chain == CHAIN_TX && i == BOUNTY) {
            struct statement s = bounty_statement();
            mock_log_public(l, &s);
            statement_release(&s);
        } else {
            mock_log_anchor(l, "deposit.request", i);
        }
    }
}

struct world {
    struct server server;
    char folder[64], state[96];
};

static struct mock_log *new_log(enum chain chain, unsigned n)
{
    struct mock_log *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    fill(l, chain, n);
    return l;
}

static void free_log(struct mock_log *l)
{
    mock_log_release(l);
    free(l);
}

static void open_world(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->server.account = new_log(CHAIN_ACCOUNT, 3);
    w->server.tx = new_log(CHAIN_TX, ENTRIES);
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/cairn-audit-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void)snprintf(w->state, sizeof(w->state), "%s/state", w->folder);
}

static void close_world(struct world *w)
{
    free_log(w->server.account);
    free_log(w->server.tx);
    (void)unlink(w->state);
    assert_int_equal(rmdir(w->folder), 0);
}

static void rewrite(struct world *w, struct mock_log *other)
{
    free_log(w->server.tx);
    w->server.tx = other;
}

/* One audit from start to end, in the order of the command; save: keep the state if all is well. */
static enum err audit(struct world *w, bool save, struct problem *p)
{
    struct audit a = { 0 };
    struct buf text;
    struct mock_http *mock = mock_http_start(serve, &w->server);
    assert_int_equal(http_client_open(mock_http_url(mock), &a.anyone.http, p), OK);
    buf_init(&text, POLICY_MAX);
    mock_policy(w->server.account, w->server.tx, &text);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &a.policy, NULL), OK);
    buf_release(&text);
    a.policy_given = true;
    progress_init(&a.progress, true);
    a.chains[0].chain = CHAIN_ACCOUNT;
    a.chains[1].chain = CHAIN_TX;
    enum err e = audit_read_chain(&a, &a.chains[0], p);
    if (e == OK)
        e = audit_read_chain(&a, &a.chains[1], p);
    if (e == OK)
        e = audit_compare_state(&a, w->state, p);
    if (e == OK)
        e = audit_receipts(&a, w->folder, p);
    if (e == OK)
        e = audit_roots(&a, p);
    if (e == OK)
        e = audit_bounties(&a, p);
    if (e == OK && save)
        e = audit_save_state(&a, w->state, p);
    progress_release(&a.progress);
    audit_release(&a);
    http_client_close(a.anyone.http);
    mock_http_stop(mock);
    return e;
}

static void sound(struct world *w, bool save)
{
    struct problem p = { 0 };
    if (audit(w, save, &p) != OK)
        fail_msg("%s", p.detail);
}

static void refused(struct world *w, const char *part)
{
    struct problem p = { 0 };
    assert_int_equal(audit(w, false, &p), ERR_LOG_INCONSISTENT);
    if (strstr(p.detail, part) == NULL)
        fail_msg("\"%s\" does not name \"%s\"", p.detail, part);
}

static void truth_is_accepted_and_growth_too(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    sound(&w, true);
    for (unsigned i = ENTRIES; i < ENTRIES + 100; i++) /* fills the third bundle */
        mock_log_anchor(w.server.tx, "deposit.request", i);
    sound(&w, true);
    sound(&w, true);
    close_world(&w);
}

static void a_cut_log_is_named(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    sound(&w, true);
    rewrite(&w, new_log(CHAIN_TX, ENTRIES - 3));
    refused(&w, "Chain tx, entry 697: it was in the log at an earlier audit and is gone");
    close_world(&w);
}

/* Signed correctly by all keys, but not what was seen before. */
static void a_rewritten_log_is_named(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    sound(&w, true);
    struct mock_log *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    fill(l, CHAIN_TX, 412);
    mock_log_anchor(l, "payout.request", 412);
    for (unsigned i = 413; i < ENTRIES; i++)
        mock_log_anchor(l, "deposit.request", i);
    rewrite(&w, l);
    refused(&w, "Chain tx, entry 412:");
    close_world(&w);
}

static void gaps_and_repeats_are_named(void **state)
{
    (void)state;
    for (int repeat = 0; repeat < 2; repeat++) {
        struct world w;
        open_world(&w);
        struct mock_log *l = calloc(1, sizeof(*l));
        assert_non_null(l);
        fill(l, CHAIN_TX, 350);
        l->next_sequence = repeat ? 350 : 352;
        mock_log_anchor(l, "deposit.request", 350);
        rewrite(&w, l);
        refused(&w, "Chain tx, entry 350: its sequence");
        close_world(&w);
    }
}

static void entry_of(struct mock_log *l, uint16_t member, uint64_t sequence)
{
    struct statement s = mock_statement("deposit.request", (unsigned)l->n, NULL);
    uint8_t salt[SALT_BYTES], entry[ENTRY_ANCHOR_BYTES];
    mock_salt((unsigned)l->n, salt);
    entry_anchor(member, sequence, salt, s.canonical, s.canonical_len, entry);
    mock_log_append(l, entry, sizeof(entry));
    statement_release(&s);
}

/* Four members write in any order; what counts is the order of each. leave_out is a member whose
 * second entry is not there. */
static struct mock_log *log_of_four(uint16_t leave_out)
{
    static const uint16_t writers[] = { 1, 3, 3, 1, 4, 2, 65535, 2, 4, 1, 65535, 3, 2, 65535, 4 };
    uint64_t sequence[UINT16_MAX + 1] = { [1] = 1 };
    struct mock_log *l = new_log(CHAIN_TX, 0);
    struct statement s = bounty_statement();
    mock_log_public(l, &s); /* of member 1 */
    statement_release(&s);
    for (size_t i = 0; i < COUNT(writers); i++) {
        uint16_t writer = writers[i];
        if (++sequence[writer] != 2 || writer != leave_out)
            entry_of(l, writer, sequence[writer]);
    }
    return l;
}

static void each_members_sequence_is_gapless(void **state)
{
    (void)state;
    static const struct {
        uint16_t member;
        const char *named;
    } gaps[] = { { 1, "tx, entry 3: its sequence" },
                 { 2, "tx, entry 12: its sequence" },
                 { 3, "tx, entry 11: its sequence" },
                 { 4, "tx, entry 14: its sequence" },
                 { 65535, "tx, entry 13: its sequence" } };
    struct world w;
    open_world(&w);
    rewrite(&w, log_of_four(0));
    sound(&w, false);
    for (size_t i = 0; i < COUNT(gaps); i++) {
        rewrite(&w, log_of_four(gaps[i].member));
        refused(&w, gaps[i].named);
    }
    close_world(&w);
}

static void sequences_start_at_one(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    mock_log_release(w.server.account);
    mock_log_init(w.server.account, CHAIN_ACCOUNT);
    w.server.account->next_sequence = 2;
    mock_log_anchor(w.server.account, "account.register", 0);
    refused(&w, "Chain account, entry 0: its sequence");
    close_world(&w);
}

static void files_must_be_what_was_signed(void **state)
{
    (void)state;
    static const struct {
        const char *hide, *spoil, *part;
    } cases[] = {
        { "tile/entries/001", NULL, "Chain tx, entry 256: the server does not show it" },
        { NULL, "tile/entries/001", "Chain tx, entry 511: the server's tile" },
        { "tile/0/001", NULL, "Chain tx, entry 256: the server does not show the tile" },
        { NULL, "tile/0/002.p/188", "Chain tx, entry 699:" },
        { NULL, "tile/1/000.p/2", "Chain tx, entry 256:" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        open_world(&w);
        w.server.hide = cases[i].hide;
        w.server.spoil = cases[i].spoil;
        refused(&w, cases[i].part);
        close_world(&w);
    }
}

static void checkpoints_must_be_signed_and_fit(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct mock_log *other = new_log(CHAIN_TX, ENTRIES - 1);
    mock_log_anchor(other, "payout.request", ENTRIES);
    w.server.signs = other; /* same size, another root */
    refused(&w, "Chain tx: its 700 entries do not hash to the signed root");
    other->log_secret.secret[0] ^= 1; /* a key that is not the log's */
    refused(&w, "Chain tx: the checkpoint is not signed");
    free_log(other);
    close_world(&w);
}

/* An older checkpoint than the entries is fine: the log simply went on. */
static void an_older_checkpoint_is_fine(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    w.server.size = ENTRIES - 20;
    sound(&w, false);
    /* Even when its partial tiles have meanwhile made way for full ones. */
    for (unsigned i = ENTRIES; i < 800; i++)
        mock_log_anchor(w.server.tx, "deposit.request", i);
    w.server.hide = ".p/168";
    sound(&w, false);
    close_world(&w);
}

static void bounties_must_be_as_published(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    w.server.other_terms = true;
    refused(&w, "Chain tx, entry 300: the server answers with other terms");
    w.server.other_terms = false;
    w.server.other_hash = true;
    refused(&w, "Chain tx, entry 300: the server answers with other terms");
    w.server.other_hash = false;
    w.server.deny = true;
    refused(&w, "Chain tx, entry 300: the server denies");
    w.server.deny = false;
    w.server.unlogged = true;
    refused(&w, "lists the bounty 00000000-0000-4000-8000-0000ffffffff");
    close_world(&w);
}

static void public_statements_must_verify(void **state)
{
    (void)state;
    static const char text[] = "public/1\0\1\0\0\0\0\0\0\0\1{\"kind\":\"x\"}";
    struct world w;
    open_world(&w);
    mock_log_release(w.server.account);
    mock_log_init(w.server.account, CHAIN_ACCOUNT);
    mock_log_append(w.server.account, text, sizeof(text) - 1);
    refused(&w, "Chain account, entry 0: its public statement does not verify");
    close_world(&w);
}

static void unknown_entries_are_named(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    mock_log_append(w.server.tx, "anchor/2", 8);
    refused(&w, "Chain tx, entry 700: its bytes have no known form");
    close_world(&w);
}

/* Writes the receipt of entry i of the truthful log into the folder. */
static void hold(const struct world *w, unsigned i, char ret_id[ID_TEXT_SIZE])
{
    struct statement s = mock_statement("deposit.request", i, NULL);
    struct receipt r;
    uint8_t salt[SALT_BYTES];
    char hex[HEX_SIZE(SALT_BYTES)];
    receipt_init(&r);
    mock_log_proof(w->server.tx, i, w->server.tx->n, &r.proof);
    assert_int_equal(buf_add(&r.leaf, w->server.tx->entries[i].data, w->server.tx->entries[i].len),
                     OK);
    assert_int_equal(buf_add(&r.statement, s.canonical, s.canonical_len), OK);
    mock_salt(i, salt);
    hex_encode(salt, SALT_BYTES, hex);
    assert_int_equal(buf_add_str(&r.salt, hex), OK);
    id_text(&s.id, ret_id);
    assert_int_equal(receipt_save(&r, w->folder, ret_id, NULL), OK);
    receipt_release(&r);
    statement_release(&s);
}

static void drop(const struct world *w, const char *id)
{
    static const char *const suffixes[] = { "salt", "leaf", "statement", "tlog-proof" };
    char path[160];
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.%s", w->folder, id, suffixes[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void held_receipts_must_be_there(void **state)
{
    (void)state;
    struct world w;
    char id[ID_TEXT_SIZE];
    open_world(&w);
    hold(&w, 650, id);
    sound(&w, false);
    rewrite(&w, new_log(CHAIN_TX, 640));
    refused(&w, "Chain tx, entry 650: a held receipt shows it, but the log ends before it");
    struct mock_log *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    fill(l, CHAIN_TX, 650);
    mock_log_anchor(l, "payout.request", 650);
    rewrite(&w, l);
    refused(&w, "Chain tx, entry 650: a held receipt shows another entry there");
    drop(&w, id);
    close_world(&w);
}

static void a_damaged_state_is_told(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    open_world(&w);
    sound(&w, true);
    FILE *f = fopen(w.state, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 100, SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, 100, SEEK_SET), 0);
    assert_int_not_equal(fputc(c ^ 1, f), EOF);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(audit(&w, false, &p), ERR_SYNTAX);
    close_world(&w);
}

int main(void)
{
    crypto_setup();
    http_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_is_accepted_and_growth_too),
        cmocka_unit_test(a_cut_log_is_named),
        cmocka_unit_test(a_rewritten_log_is_named),
        cmocka_unit_test(gaps_and_repeats_are_named),
        cmocka_unit_test(each_members_sequence_is_gapless),
        cmocka_unit_test(sequences_start_at_one),
        cmocka_unit_test(files_must_be_what_was_signed),
        cmocka_unit_test(checkpoints_must_be_signed_and_fit),
        cmocka_unit_test(an_older_checkpoint_is_fine),
        cmocka_unit_test(bounties_must_be_as_published),
        cmocka_unit_test(public_statements_must_verify),
        cmocka_unit_test(unknown_entries_are_named),
        cmocka_unit_test(held_receipts_must_be_there),
        cmocka_unit_test(a_damaged_state_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
