/* Everybody's receipts: listed, fetched as soon as they are final, verified with the policy file
 * alone, and kept so that a program which is not ours can verify them again. */
#include "api/client/demo.h"

#include "api/client/away.h"
#include "api/client/files.h"

#include <stdio.h>

#define WAIT_S 20
#define SETTLE_TRIES 200
#define SETTLE_PAUSE_MS 50
#define ASK_S 120 /* of long polls per receipt before it counts as missing */

/* Operators, sponsor, reviewers, patients. */
static const struct client *person(const struct demo *d, size_t i)
{
    if (i < d->n_members)
        return &d->members[i].operator;
    i -= d->n_members;
    if (i == 0)
        return &d->sponsor;
    return i <= DEMO_REVIEWERS ? &d->reviewers[i - 1].client
                               : &d->patients[i - 1 - DEMO_REVIEWERS].client;
}

static size_t first_patient(const struct demo *d)
{
    return d->n_members + 1 + DEMO_REVIEWERS;
}

/* Adds an entry unless another party already has it. The list is sorted out afterwards. */
static enum err add_entry(struct demo *d, const struct client *who, const struct id *id,
                          bool at_bounty)
{
    enum err e = OK;
    (void)pthread_mutex_lock(&d->lock);
    if (d->n_entries == d->cap_entries) {
        size_t cap = d->cap_entries > 0 ? 2 * d->cap_entries : 1024;
        struct demo_entry *more = reallocarray(d->entries, cap, sizeof(*more));
        if (more == NULL)
            e = ERR_NO_MEMORY;
        else
            d->entries = more;
        d->cap_entries = more != NULL ? cap : d->cap_entries;
    }
    if (e == OK)
        d->entries[d->n_entries++] = (struct demo_entry){ who, *id, at_bounty };
    (void)pthread_mutex_unlock(&d->lock);
    return e;
}

/* c is who, turned to one of the members that keep receipts for them. */
static enum err list_at(struct demo *d, const struct client *who, struct client *c,
                        struct problem *p)
{
    json_t *items = NULL;
    bool at_bounty = c->away.member != 0;
    enum err e = call_receipts(c, &items, p);
    for (size_t k = 0; k < json_array_size(items) && e == OK; k++) {
        struct id id;
        const struct field fields[] = { F_ID("id", &id) };
        e = reply_fields(json_array_get(items, k), fields, COUNT(fields), p);
        if (e == OK && add_entry(d, who, &id, at_bounty) != OK)
            e = problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    }
    json_decref(items);
    return e;
}

static enum err list_receipts(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    const struct client *who = person(d, i);
    struct client c = demo_with(d, who, links);
    enum err e = c.away.member != 0 ? list_at(d, who, &c, p) : OK;
    client_go(&c, 0);
    if (e == OK)
        e = list_at(d, who, &c, p);
    bytes_wipe(&c, sizeof(c));
    progress_step(&d->progress);
    return e;
}

static enum err fetch(struct client *c, const struct id *id, struct receipt *ret, struct problem *p)
{
    json_t *reply = NULL;
    usec_t until = clock_monotonic() + ASK_S * USEC_PER_SEC;
    enum err e = ERR_RECEIPT_PENDING;
    while (e == ERR_RECEIPT_PENDING && clock_monotonic() < until)
        e = call_receipt(c, id, WAIT_S, &reply, p);
    if (e == OK)
        e = receipt_from_reply(reply, ret, p);
    json_decref(reply);
    return e;
}

static enum err keep(struct demo *d, const struct receipt *r, const struct receipt_facts *f,
                     struct problem *p)
{
    char folder[DEMO_PATH_MAX + 16], id[ID_TEXT_SIZE];
    (void)snprintf(folder, sizeof(folder), "%s/%s", d->options.out,
                   f->is_public ? "public" : "receipts");
    id_text(&f->id, id);
    return receipt_save(r, folder, id, p);
}

/* A receipt that does not verify is counted and told, and does not end the run. */
static enum err collect_one(struct demo *d, size_t i, const struct links *links, struct problem *p)
{
    const struct demo_entry *entry = &d->entries[i];
    struct client c = demo_with(d, entry->who, links);
    struct receipt r;
    struct receipt_facts facts;
    if (!entry->at_bounty)
        client_go(&c, 0);
    enum err e = fetch(&c, &entry->id, &r, p);
    bytes_wipe(&c, sizeof(c));
    progress_step(&d->progress);
    if (e != OK && e != ERR_RECEIPT_PENDING)
        return e;
    struct problem why = { 0 };
    if (e == OK && receipt_verify(d->policy, &r, &entry->id, &facts, &why) == OK) {
        e = keep(d, &r, &facts, p);
        atomic_fetch_add(facts.is_public ? &d->verified_public : &d->verified, 1);
    } else {
        char id[ID_TEXT_SIZE];
        id_text(&entry->id, id);
        (void)fprintf(stderr, "receipt %s: %s\n", id,
                      e == OK ? why.detail : "still pending after long polls");
        atomic_fetch_add(&d->failed, 1);
        if (e == ERR_RECEIPT_PENDING)
            return OK;
    }
    receipt_release(&r);
    return e;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct demo_entry *)a)->id.bytes,
                  ((const struct demo_entry *)b)->id.bytes, ID_BYTES);
}

/* An entry with two parties is in both their lists; one of them fetches it. The first n_done
 * entries were fetched before and are in order; what is new among the rest moves up behind them. */
static void drop_repeats(struct demo *d, size_t n_done)
{
    size_t n = n_done;
    if (d->n_entries > n_done)
        qsort(d->entries + n_done, d->n_entries - n_done, sizeof(*d->entries), by_id);
    for (size_t i = n_done; i < d->n_entries; i++) {
        const struct demo_entry *entry = &d->entries[i];
        bool again =
            (n > n_done && id_equal(&d->entries[n - 1].id, &entry->id)) ||
            (n_done > 0 && bsearch(entry, d->entries, n_done, sizeof(*entry), by_id) != NULL);
        if (!again)
            d->entries[n++] = *entry;
    }
    d->n_entries = n;
}

static enum err save_policy(struct demo *d, struct problem *p)
{
    char path[DEMO_PATH_MAX + 16];
    struct buf text;
    buf_init(&text, POLICY_MAX);
    enum err e = call_policy(&d->members[0].operator, & text, p);
    (void)snprintf(path, sizeof(path), "%s/policy", d->options.out);
    if (e == OK)
        e = file_write(path, text.data, text.len, 0644, false, p);
    buf_release(&text);
    return e == OK ? policy_load(path, &d->policy, p) : e;
}

static enum err make_folders(struct demo *d, struct problem *p)
{
    static const char *const names[] = { "receipts", "public" };
    char path[DEMO_PATH_MAX + 16];
    enum err e = OK;
    for (size_t i = 0; i < COUNT(names) && e == OK; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", d->options.out, names[i]);
        e = folder_make(path, 0755, p);
    }
    return e;
}

static enum err list_old(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    size_t sponsor = d->n_members;
    bool known = i < sponsor   ? d->members[i].operator_known
                 : i > sponsor ? d->reviewers[i - sponsor - 1].known
                               : false;
    return known ? list_receipts(arg, i, links, p) : OK;
}

enum err demo_skip_old_receipts(struct demo *d, struct problem *p)
{
    size_t n = first_patient(d);
    progress_begin(&d->progress, "earlier runs", n); /* draws only if there are any */
    enum err e = crew_run(d->crew, list_old, d, n, p);
    drop_repeats(d, 0);
    d->n_fetched = d->n_entries;
    return e;
}

static enum err fetch_from(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    return collect_one(d, d->n_fetched + i, links, p);
}

/* Lists and fetches what is new since the last pass. */
static enum err pass(struct demo *d, crew_job *list, size_t people, struct problem *p)
{
    progress_begin(&d->progress, "lists of receipts", people);
    enum err e = crew_run(d->crew, list, d, people, p);
    progress_end(&d->progress);
    if (e != OK)
        return e;
    drop_repeats(d, d->n_fetched);
    progress_begin(&d->progress, "receipts", d->n_entries - d->n_fetched);
    e = crew_run(d->crew, fetch_from, d, d->n_entries - d->n_fetched, p);
    progress_end(&d->progress);
    d->n_fetched = d->n_entries;
    if (d->n_entries > 0)
        qsort(d->entries, d->n_entries, sizeof(*d->entries), by_id);
    return e;
}

/* A payout is settled by the member soon after the request, under an entry of its own. */
static enum err await_payout(struct client *c, const struct id *payout, struct problem *p)
{
    for (int i = 0; i < SETTLE_TRIES; i++) {
        json_t *reply = NULL;
        const char *state = NULL;
        const struct field fields[] = { F_TEXT("state", &state, 1, 16) };
        enum err e = call_payout_get(c, payout, &reply, p);
        if (e == OK)
            e = reply_fields(reply, fields, COUNT(fields), p);
        bool confirmed = e == OK && strcmp(state, "confirmed") == 0;
        bool failed = e == OK && strcmp(state, "failed") == 0;
        json_decref(reply);
        if (failed)
            return problem_set(p, ERR_STATE, "", "A payout failed at the test adapter.");
        if (e != OK || confirmed)
            return e;
        http_pause(SETTLE_PAUSE_MS);
    }
    return problem_set(p, ERR_IO, "", "A payout was not settled in time.");
}

static enum err list_settled(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    enum err e = OK;
    if (d->patients[i].pay_minor > 0) {
        struct client c = demo_with(d, &d->patients[i].client, links);
        e = await_payout(&c, &d->patients[i].payout, p);
        bytes_wipe(&c, sizeof(c));
        return e == OK ? list_receipts(arg, first_patient(d) + i, links, p) : e;
    }
    progress_step(&d->progress);
    return e;
}

enum err demo_collect_receipts(struct demo *d, struct problem *p)
{
    enum err e = make_folders(d, p);
    if (e == OK)
        e = save_policy(d, p);
    if (e == OK)
        e = pass(d, list_receipts, first_patient(d) + d->n_patients, p);
    return e == OK ? pass(d, list_settled, d->n_patients, p) : e;
}
