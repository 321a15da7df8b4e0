/* /v1/receipts */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/base/text.h"
#include "server/ledger/io/ledger.h"
#include "server/ledger/io/subjects.h"
#include "server/store/entry.h"

#include <string.h>

#define WAIT_MAX_SECONDS 20

static json_t *receipt_item(struct request *r, const struct rows *rows, size_t i)
{
    (void)r;
    struct id id = row_id(rows, i, 0);
    return json_pack("{s:o, s:s, s:s, s:o, s:s}", "id", json_id(&id), "kind", row_text(rows, i, 1),
                     "chain", chain_name((enum chain)row_i64(rows, i, 2)), "at",
                     json_time(row_i64(rows, i, 3)), "state",
                     row_bool(rows, i, 4) ? "final" : "pending");
}

void api_receipts_get(struct request *r)
{
    struct page p;
    struct rows *rows = NULL;
    enum err e = v1_page(r, &p);
    if (e == OK)
        e = store_receipts(r->db, &r->caller.account, p.before, p.limit + 1, &rows);
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_page(r, &p, rows, 5, receipt_item);
}

/* Salt and entry bytes are derived again; they equal what the log holds, which the proof shows. */
static enum err entry_bytes(struct request *r, const struct receipt_row *row, struct buf *ret,
                            json_t **ret_salt)
{
    const struct entry_stored *e = &row->entry;
    uint8_t salt[SALT_BYTES], anchor[ENTRY_ANCHOR_BYTES];
    char hex[HEX_SIZE(SALT_BYTES)];
    if (e->is_public) {
        *ret_salt = json_null();
        return entry_public(r->app->member, row->sequence, e->statement, e->len, ret);
    }
    enum err err = subjects_salt(r->app->subjects, e->salt_slot, row->chain, row->sequence, salt);
    if (err != OK)
        return err;
    entry_anchor(r->app->member, row->sequence, salt, e->statement, e->len, anchor);
    hex_encode(salt, sizeof(salt), hex);
    *ret_salt = json_string(hex);
    bytes_wipe(salt, sizeof(salt));
    bytes_wipe(hex, sizeof(hex));
    return buf_add(ret, anchor, sizeof(anchor));
}

static json_t *base64_text(struct request *r, const struct buf *b)
{
    char *text = arena_alloc(r->arena, BASE64_SIZE(b->len));
    if (text == NULL)
        return NULL;
    base64_encode(b->data, b->len, text);
    return json_string(text);
}

static enum err reply_receipt(struct request *r, const struct id *id, const struct receipt_row *row)
{
    struct buf entry, proof;
    json_t *salt = NULL, *statement = NULL;
    buf_init(&entry, ENTRY_MAX);
    buf_init(&proof, PROOF_MAX);
    enum err e = entry_bytes(r, row, &entry, &salt);
    if (e == OK)
        e = ledger_proof(r->app->ledger, r->db, row->chain, row->index, r->arena, &proof);
    if (e == OK)
        e = json_read((const char *)row->entry.statement, row->entry.len, &statement, NULL);
    if (e == OK) {
        /* Lines of witnesses elsewhere may come later. */
        reply_header(r, "Cache-Control",
                     r->app->asker == NULL ? "private, max-age=31536000, immutable"
                                           : "private, no-cache");
        reply_value(r, 200,
                    json_pack("{s:o, s:s, s:I, s:o, s:o, s:o, s:s}", "id", json_id(id), "chain",
                              chain_name(row->chain), "index", (json_int_t)row->index, "entry",
                              base64_text(r, &entry), "statement", statement, "salt", salt, "proof",
                              buf_str(&proof)));
    } else {
        json_decref(salt);
    }
    buf_release(&entry);
    buf_release(&proof);
    return e;
}

static enum err read_wait(struct request *r, uint64_t *ret)
{
    const char *text = req_query(r, "wait");
    if (text == NULL)
        return OK;
    if (!u64_parse(text, strlen(text), ret) || *ret > WAIT_MAX_SECONDS)
        return problem_set(&r->problem, ERR_QUERY, "/wait", "wait goes from 0 to %d seconds.",
                           WAIT_MAX_SECONDS);
    return OK;
}

void api_receipt_get(struct request *r)
{
    struct id id;
    uint64_t wait = 0;
    struct receipt_row row;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = read_wait(r, &wait);
    if (e == OK)
        e = store_receipt(r->db, &id, &r->caller.account, r->arena, &row);
    /* It is in the tree before a quorum has cosigned a checkpoint that covers it. */
    if (e == OK && row.final && row.index >= ledger_size(r->app->ledger, row.chain))
        row.final = false;
    if (e == OK && !row.final && wait > 0 && !r->waited) {
        api_wait(r, clock_monotonic() + (usec_t)wait * USEC_PER_SEC);
        return;
    }
    if (e == OK && !row.final) {
        reply_value(r, 202, json_pack("{s:o, s:s}", "id", json_id(&id), "state", "pending"));
        return;
    }
    if (e == OK)
        e = reply_receipt(r, &id, &row);
    if (e != OK)
        api_fail(r, e);
}
