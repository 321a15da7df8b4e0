#include "api/client/audit.h"

#include "api/client/calls.h"
#include "api/client/receipt.h"
#include "server/statement/terms.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

static const struct audit_public *find_public(const struct audit *a, const struct id *id,
                                              const struct audit_chain **ret_chain)
{
    for (size_t i = 0; i < AUDIT_CHAINS; i++)
        for (size_t k = 0; k < a->chains[i].n_publics; k++)
            if (id_equal(&a->chains[i].publics[k].id, id)) {
                *ret_chain = &a->chains[i];
                return &a->chains[i].publics[k];
            }
    return NULL;
}

static bool same_bytes(const json_t *value, const char *canonical)
{
    struct buf b;
    buf_init(&b, STATEMENT_MAX);
    bool same =
        value != NULL && json_canonical(value, &b) == OK && strcmp(buf_str(&b), canonical) == 0;
    buf_release(&b);
    return same;
}

/* What the server answers for a published bounty is what the log holds. */
static enum err check_bounty(struct audit *a, const struct audit_chain *c,
                             const struct audit_public *found, struct problem *p)
{
    json_t *reply = NULL, *logged = NULL;
    uint8_t told[HASH_BYTES], hash[HASH_BYTES];
    const struct field fields[] = { F_BYTES("terms_hash", told, HASH_BYTES) };
    enum err e = call_bounty(&a->anyone, &found->id, &reply, p);
    if (e == ERR_NOT_FOUND)
        return audit_finding(p, c, found->index,
                             "the server denies the bounty it published there.");
    if (e == OK)
        e = json_read(found->canonical, strlen(found->canonical), &logged, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK &&
        (terms_hash(json_object_get(logged, "terms"), hash) != OK ||
         !bytes_equal(told, hash, HASH_BYTES) ||
         !json_equal(json_object_get(reply, "terms"), json_object_get(logged, "terms")) ||
         !same_bytes(json_object_get(reply, "statement"), found->canonical)))
        e = audit_finding(p, c, found->index,
                          "the server answers with other terms than it published "
                          "there.");
    json_decref(reply);
    json_decref(logged);
    return e;
}

static bool is_kind(const struct audit_public *found, const char *kind)
{
    json_t *v = NULL;
    if (json_read(found->canonical, strlen(found->canonical), &v, NULL) != OK)
        return false;
    const char *text = json_string_value(json_object_get(v, "kind"));
    bool is = text != NULL && strcmp(text, kind) == 0;
    json_decref(v);
    return is;
}

/* Bounties may be published while the audit runs: only those before the checkpoint can be asked
 * for. */
static enum err check_listed(const struct audit *a, usec_t started, const json_t *item,
                             struct problem *p)
{
    struct id id;
    const struct audit_chain *chain;
    const struct field fields[] = { F_ID("id", &id) };
    enum err e = reply_fields(item, fields, COUNT(fields), p);
    if (e != OK || find_public(a, &id, &chain) != NULL)
        return e;
    /* A version 7 id carries its time in milliseconds in the first six bytes. */
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id.bytes[i];
    bool newer = id.bytes[6] >> 4 == 7 && ms * 1000 > started - 60 * USEC_PER_SEC;
    if (newer)
        return OK;
    char text[ID_TEXT_SIZE];
    id_text(&id, text);
    return problem_set(p, ERR_LOG_INCONSISTENT, "",
                       "The server lists the bounty %s, which is not in its log.", text);
}

enum err audit_bounties(struct audit *a, struct problem *p)
{
    json_t *items = NULL;
    usec_t started = clock_now();
    enum err e = OK;
    for (size_t i = 0; i < AUDIT_CHAINS && e == OK; i++)
        for (size_t k = 0; k < a->chains[i].n_publics && e == OK; k++)
            if (is_kind(&a->chains[i].publics[k], "bounty.publish"))
                e = check_bounty(a, &a->chains[i], &a->chains[i].publics[k], p);
    if (e == OK)
        e = call_bounties(&a->anyone, NULL, &items, p);
    for (size_t i = 0; e == OK && i < json_array_size(items); i++)
        e = check_listed(a, started, json_array_get(items, i), p);
    json_decref(items);
    return e;
}

/* The held leaf must stand in the log where the receipt says. */
static enum err check_receipt(const struct audit *a, const struct receipt *r, const char *name,
                              const struct id *id, struct problem *p)
{
    struct receipt_facts f;
    struct merkle_hash leaf;
    struct problem why = { 0 };
    enum err e = receipt_verify(a->policy, r, id, &f, &why);
    if (e != OK)
        return problem_set(p, ERR_LOG_INCONSISTENT, "", "Receipt %s: %.180s", name, why.detail);
    merkle_leaf(r->leaf.data, r->leaf.len, &leaf);
    for (size_t i = 0; i < AUDIT_CHAINS; i++) {
        const struct audit_chain *c = &a->chains[i];
        if (strcmp(c->origin, f.origin) != 0)
            continue;
        if (f.index >= c->size)
            return audit_finding(p, c, f.index,
                                 "a held receipt shows it, but the log ends before it.");
        if (memcmp(leaf.bytes, c->leaves[f.index].bytes, HASH_BYTES) != 0)
            return audit_finding(p, c, f.index, "a held receipt shows another entry there.");
        return OK;
    }
    return problem_set(p, ERR_LOG_INCONSISTENT, "", "Receipt %s is from a log that is not here.",
                       name);
}

enum err audit_receipts(struct audit *a, const char *folder, struct problem *p)
{
    static const char suffix[] = ".tlog-proof";
    DIR *dir = opendir(folder);
    enum err e = OK;
    if (dir == NULL)
        return problem_set(p, ERR_IO, "", "Cannot open the folder %.150s.", folder);
    for (struct dirent *d; e == OK && (d = readdir(dir)) != NULL;) {
        char name[ID_TEXT_SIZE];
        struct id id;
        struct receipt r;
        if (strlen(d->d_name) != ID_TEXT_SIZE - 1 + sizeof(suffix) - 1 ||
            strcmp(d->d_name + ID_TEXT_SIZE - 1, suffix) != 0)
            continue;
        (void)snprintf(name, sizeof(name), "%.*s", ID_TEXT_SIZE - 1, d->d_name);
        if (!id_parse(name, &id))
            continue;
        e = receipt_load(folder, name, &r, p);
        if (e != OK)
            break;
        e = check_receipt(a, &r, name, &id, p);
        receipt_release(&r);
        a->receipts += e == OK ? 1 : 0;
    }
    (void)closedir(dir);
    return e;
}
