/* What came of it: the figures that the server gives of itself, the summary file and the table. */
#include "api/client/demo.h"

#include "api/client/files.h"
#include "server/base/text.h"

#include <inttypes.h>
#include <stdio.h>

#define METRICS_MAX (4u << 20)
#define GAUGE_MAX (INT64_MAX >> 10) /* so that a thousand of them can be added */

/* Where the value of a line begins, if it is one of the named gauge, with labels or without. */
static const char *value_of(const char *line, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0 || (line[n] != ' ' && line[n] != '{'))
        return NULL;
    const char *at = line + n + strcspn(line + n, " \n");
    return *at == ' ' ? at + 1 : NULL;
}

/* The sum of an OpenMetrics gauge over its labels; whole numbers only. False if a number is none,
 * or there is no such line and must be. */
static bool gauge(const char *metrics, const char *name, bool must, int64_t *ret)
{
    bool found = false;
    *ret = 0;
    for (const char *line = metrics; line != NULL && *line != '\0';
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        const char *digits = value_of(line, name);
        if (digits == NULL)
            continue;
        bool negative = *digits == '-';
        digits += negative ? 1 : 0;
        uint64_t value;
        if (!u64_parse(digits, strcspn(digits, " \n"), &value) || value > GAUGE_MAX)
            return false;
        *ret += negative ? -(int64_t)value : (int64_t)value;
        found = true;
    }
    return found || !must;
}

enum err demo_ask_books(struct demo_member *m, struct problem *p)
{
    struct buf text;
    buf_init(&text, METRICS_MAX);
    enum err e = client_bytes(&m->operator, "/metrics", &text, p);
    const char *told = e == OK ? buf_str(&text) : "";
    if (e == OK && (!gauge(told, "cairn_books_sum_minor", true, &m->books_sum_minor) ||
                    !gauge(told, "cairn_books_negative_accounts", true, &m->negative_accounts) ||
                    !gauge(told, "cairn_clearing_open_minor", false, &m->clearing_open_minor)))
        e = problem_set(p, ERR_IO, "",
                        "The server's /metrics does not tell the state of its books.");
    buf_release(&text);
    return e;
}

static enum err ask_federation(struct demo *d, struct problem *p)
{
    json_t *reply = NULL, *members;
    const struct field fields[] = { F_ARRAY("members", &members, 1, 1000) };
    enum err e = call_federation(&d->members[0].operator, & reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK)
        d->federation_members = (int64_t)json_array_size(members);
    json_decref(reply);
    return e;
}

/* Both chains' sizes as the newest checkpoints, which the policy's quorum signed, give them. */
static enum err ask_log(struct demo *d, struct problem *p)
{
    static const enum chain chains[] = { CHAIN_ACCOUNT, CHAIN_TX };
    for (size_t i = 0; i < COUNT(chains); i++) {
        char path[64];
        struct buf note;
        struct checkpoint c;
        buf_init(&note, CHECKPOINT_MAX);
        (void)snprintf(path, sizeof(path), "/log/%s/checkpoint", chain_name(chains[i]));
        enum err e = client_bytes(&d->members[0].operator, path, &note, p);
        if (e == OK && policy_check(d->policy, buf_str(&note), note.len, &c) != OK)
            e = problem_set(p, ERR_CRYPTO, "",
                            "The checkpoint of chain %s is not signed as the policy "
                            "asks.",
                            chain_name(chains[i]));
        buf_release(&note);
        if (e != OK)
            return e;
        d->log_entries += (int64_t)c.size;
    }
    return OK;
}

enum err demo_wallet(struct demo *d, struct client *c, int64_t *ret_minor, struct problem *p)
{
    json_t *reply = NULL, *balances;
    int64_t sum = 0;
    const struct field fields[] = { F_ARRAY("balances", &balances, 0, 100) };
    enum err e = call_wallet(c, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    for (size_t k = 0; e == OK && k < json_array_size(balances); k++) {
        int64_t available;
        const char *currency;
        const struct field balance[] = { F_INT("available_minor", &available, 0, JSON_INT_MAX),
                                         F_TEXT("currency", &currency, 3, 3) };
        e = reply_fields(json_array_get(balances, k), balance, COUNT(balance), p);
        if (e == OK && strcmp(currency, d->offer.terms.currency) == 0)
            sum += available;
    }
    json_decref(reply);
    if (e == OK)
        *ret_minor = sum;
    return e;
}

static enum err ask_wallet(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    struct client c = demo_with(d, &d->reviewers[i].client, links);
    int64_t now_minor = 0;
    enum err e = demo_wallet(d, &c, &now_minor, p);
    d->reviewers[i].earned_minor = now_minor - d->reviewers[i].before_minor;
    bytes_wipe(&c, sizeof(c));
    return e;
}

enum err demo_ask_servers(struct demo *d, struct problem *p)
{
    enum err e = demo_await_clearing(d, p);
    if (e == OK)
        e = crew_run(d->crew, ask_wallet, d, DEMO_REVIEWERS, p);
    for (size_t i = 0; i < d->n_members && e == OK; i++) {
        e = demo_ask_books(&d->members[i], p);
        d->books_sum_minor += d->members[i].books_sum_minor;
        d->negative_accounts += d->members[i].negative_accounts;
        d->clearing_open_minor += d->members[i].clearing_open_minor;
    }
    if (e == OK)
        e = ask_federation(d, p);
    return e == OK ? ask_log(d, p) : e;
}

struct totals {
    int64_t by_outcome[DEMO_REJECTED + 1], paid_minor, fees_minor;
};

static struct totals total(const struct demo *d)
{
    struct totals t = { 0 };
    for (size_t i = 0; i < d->n_patients; i++) {
        t.by_outcome[d->patients[i].outcome]++;
        t.paid_minor += d->patients[i].pay_minor;
    }
    for (size_t i = 0; i < DEMO_REVIEWERS; i++)
        t.fees_minor += d->reviewers[i].earned_minor;
    return t;
}

/* The only real number in the house; it goes into a file for people, never under a signature. */
static enum err write_summary(const struct demo *d, const json_t *summary, struct problem *p)
{
    char path[DEMO_PATH_MAX + 16];
    struct buf b;
    buf_init(&b, 64u << 10);
    char *text = json_dumps(summary, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_PRESERVE_ORDER);
    enum err e = text != NULL && buf_addf(&b, "%s\n", text) == OK ? OK : ERR_NO_MEMORY;
    if (text != NULL) { /* jansson's allocator made it, so jansson's must free it */
        json_malloc_t take;
        json_free_t give;
        json_get_alloc_funcs(&take, &give);
        give(text);
    }
    (void)snprintf(path, sizeof(path), "%s/summary.json", d->options.out);
    if (e == OK)
        e = file_write(path, b.data, b.len, 0644, false, p);
    else
        (void)problem_set(p, e, "", "%s", err_text(e));
    buf_release(&b);
    return e;
}

enum err demo_report(struct demo *d, double seconds, json_t **ret_summary, struct problem *p)
{
    struct totals t = total(d);
    json_t *summary = json_pack(
        "{s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:{s:I, s:I}, s:f}",
        "members", (json_int_t)d->federation_members, "patients", (json_int_t)d->n_patients,
        "visits", (json_int_t)d->visits, "submissions", "accepted",
        (json_int_t)t.by_outcome[DEMO_ACCEPTED], "rejected",
        (json_int_t)t.by_outcome[DEMO_REJECTED], "returned",
        (json_int_t)t.by_outcome[DEMO_RETURNED], "paid_minor", (json_int_t)t.paid_minor,
        "reviewers_paid_minor", (json_int_t)t.fees_minor, "books", "sum_minor",
        (json_int_t)d->books_sum_minor, "negative_accounts", (json_int_t)d->negative_accounts,
        "clearing_open_minor", (json_int_t)d->clearing_open_minor, "entries",
        (json_int_t)d->log_entries, "receipts", "verified", (json_int_t)atomic_load(&d->verified),
        "failed", (json_int_t)atomic_load(&d->failed), "seconds", seconds);
    if (summary == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    enum err e = write_summary(d, summary, p);
    if (e == OK)
        *ret_summary = summary;
    else
        json_decref(summary);
    return e;
}

static void money_text(int64_t minor, const char *currency, char ret[48])
{
    if (strcmp(currency, "JPY") == 0) /* the one currency of the list without a minor unit */
        (void)snprintf(ret, 48, "%" PRId64 " %s", minor, currency);
    else
        (void)snprintf(ret, 48, "%" PRId64 ".%02" PRId64 " %s", minor / 100, minor % 100, currency);
}

void demo_print_table(const struct demo *d, const json_t *summary)
{
    struct totals t = total(d);
    char paid[48], fees[48];
    money_text(t.paid_minor, d->offer.terms.currency, paid);
    money_text(t.fees_minor, d->offer.terms.currency, fees);
    (void)printf("\n%s\n\n", d->offer.terms.title);
    (void)printf("  patients              %zu, with %" PRId64 " visits\n", d->n_patients,
                 d->visits);
    (void)printf("  submissions accepted  %" PRId64 "\n", t.by_outcome[DEMO_ACCEPTED]);
    (void)printf("              returned  %" PRId64 "\n", t.by_outcome[DEMO_RETURNED]);
    (void)printf("              rejected  %" PRId64 "\n", t.by_outcome[DEMO_REJECTED]);
    if (t.by_outcome[DEMO_HELD_BACK] > 0)
        (void)printf("  held back by checks   %" PRId64 "\n", t.by_outcome[DEMO_HELD_BACK]);
    (void)printf("  paid to patients      %s\n", paid);
    (void)printf("  paid to reviewers     %s\n", fees);
    (void)printf("  books                 sum %" PRId64 ", negative accounts %" PRId64
                 ", on its way between members %" PRId64 "\n",
                 d->books_sum_minor, d->negative_accounts, d->clearing_open_minor);
    (void)printf("  log                   %" PRId64 " entries, %" PRId64 " member%s\n",
                 d->log_entries, d->federation_members, d->federation_members == 1 ? "" : "s");
    (void)printf("  receipts              %zu verified offline (and %zu public), %zu failed\n",
                 atomic_load(&d->verified), atomic_load(&d->verified_public),
                 atomic_load(&d->failed));
    (void)printf("  time                  %.1f s\n\n",
                 json_real_value(json_object_get(summary, "seconds")));
    (void)printf("  %-10s  %-16s  %-6s  %s\n", "reviewer", "institution", "member",
                 "verdicts  earned");
    for (size_t i = 0; i < DEMO_REVIEWERS; i++) {
        money_text(d->reviewers[i].earned_minor, d->offer.terms.currency, fees);
        (void)printf("  %-10zu  %-16s  %-6u  %-8zu  %s\n", i + 1, d->reviewers[i].institution,
                     d->reviewers[i].client.member, atomic_load(&d->reviewers[i].verdicts), fees);
    }
    (void)printf("\nSummary, policy and receipts are in %s.\n", d->options.out);
}
