/* Everybody's receipts: listed, fetched as soon as they are final, verified with the policy file
 * alone, and kept so that a program which is not ours can verify them again. */
#include "api/client/demo.h"

#include "api/client/files.h"

#include <stdio.h>

#define WAIT_S 20
#define SETTLE_TRIES 200
#define SETTLE_PAUSE_MS 50
#define ASK_MAX 6 /* long polls per receipt before it counts as missing */

static const struct client *person(const struct demo *d, size_t i)
{
    if (i == 0)
        return &d->operator;
    if (i == 1)
        return &d->sponsor;
    if (i < 2 + DEMO_REVIEWERS)
        return &d->reviewers[i - 2].client;
    return &d->patients[i - 2 - DEMO_REVIEWERS].client;
}

/* Adds an entry unless another party already has it. The list is sorted out afterwards. */
static enum err add_entry(struct demo *d, const struct client *who, const struct id *id)
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
        d->entries[d->n_entries++] = (struct demo_entry){ who, *id };
    (void)pthread_mutex_unlock(&d->lock);
    return e;
}

static enum err list_receipts(void *arg, size_t i, struct http_client *http, struct problem *p)
{
    struct demo *d = arg;
    const struct client *who = person(d, i);
    struct client c = *who;
    json_t *items = NULL;
    c.http = http;
    enum err e = call_receipts(&c, &items, p);
    for (size_t k = 0; k < json_array_size(items) && e == OK; k++) {
        struct id id;
        const struct field fields[] = { F_ID("id", &id) };
        e = reply_fields(json_array_get(items, k), fields, COUNT(fields), p);
        if (e == OK && add_entry(d, who, &id) != OK)
            e = problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    }
    json_decref(items);
    bytes_wipe(&c, sizeof(c));
    progress_step(&d->progress);
    return e;
}

static enum err fetch(struct client *c, const struct id *id, struct receipt *ret, struct problem *p)
{
    json_t *reply = NULL;
    enum err e = ERR_RECEIPT_PENDING;
    for (int i = 0; i < ASK_MAX && e == ERR_RECEIPT_PENDING; i++)
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
static enum err collect_one(void *arg, size_t i, struct http_client *http, struct problem *p)
{
    struct demo *d = arg;
    const struct demo_entry *entry = &d->entries[i];
    struct client c = *entry->who;
    struct receipt r;
    struct receipt_facts facts;
    c.http = http;
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
    enum err e = call_policy(&d->operator, & text, p);
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

static enum err list_old(void *arg, size_t i, struct http_client *http, struct problem *p)
{
    struct demo *d = arg;
    bool known = i == 0 ? d->operator_known : i >= 2 && d->reviewers[i - 2].known;
    return known ? list_receipts(arg, i, http, p) : OK;
}

enum err demo_skip_old_receipts(struct demo *d, struct problem *p)
{
    progress_begin(&d->progress, "earlier runs",
                   2 + DEMO_REVIEWERS); /* draws only if there are any */
    enum err e = crew_run(d->crew, list_old, d, 2 + DEMO_REVIEWERS, p);
    drop_repeats(d, 0);
    d->n_fetched = d->n_entries;
    return e;
}

static enum err fetch_from(void *arg, size_t i, struct http_client *http, struct problem *p)
{
    struct demo *d = arg;
    return collect_one(d, d->n_fetched + i, http, p);
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

static enum err list_settled(void *arg, size_t i, struct http_client *http, struct problem *p)
{
    struct demo *d = arg;
    enum err e = OK;
    if (d->patients[i].pay_minor > 0) {
        struct client c = d->patients[i].client;
        c.http = http;
        e = await_payout(&c, &d->patients[i].payout, p);
        bytes_wipe(&c, sizeof(c));
        return e == OK ? list_receipts(arg, 2 + DEMO_REVIEWERS + i, http, p) : e;
    }
    progress_step(&d->progress);
    return e;
}

enum err demo_collect_receipts(struct demo *d, struct problem *p)
{
    d->operator.http = crew_http(d->crew);
    enum err e = make_folders(d, p);
    if (e == OK)
        e = save_policy(d, p);
    if (e == OK)
        e = pass(d, list_receipts, 2 + DEMO_REVIEWERS + d->n_patients, p);
    return e == OK ? pass(d, list_settled, d->n_patients, p) : e;
}
