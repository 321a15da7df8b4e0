#include "server/review/draw.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ticket {
    const struct candidate *who;
    size_t place; /* index given by the caller */
    uint8_t key[HASH_BYTES];
    int64_t seated; /* seats that its institution holds */
    bool taken;     /* drawn, or the second mention of an account */
};

/* Negative if a is to be drawn before b. Equal keys mean equal accounts, of which one is taken. */
static int before(const struct ticket *a, const struct ticket *b)
{
    if (a->seated != b->seated)
        return a->seated < b->seated ? -1 : 1;
    if (a->who->load != b->who->load)
        return a->who->load < b->who->load ? -1 : 1;
    return memcmp(a->key, b->key, HASH_BYTES);
}

static int by_key(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;
    int order = memcmp(x->key, y->key, HASH_BYTES);
    if (order == 0) /* the same account twice: prefer by content, not by the order of arrival */
        order = strcmp(x->who->institution, y->who->institution);
    if (order == 0)
        order = (x->who->load > y->who->load) - (x->who->load < y->who->load);
    return order;
}

/* Sorted by key, so that the result cannot depend on the caller's order. Returns how many accounts.
 */
static size_t fill(const uint8_t seed[HASH_BYTES], const struct candidate *c, size_t n,
                   struct ticket *tickets)
{
    size_t accounts = 0;
    for (size_t i = 0; i < n; i++) {
        tickets[i] = (struct ticket){ .who = &c[i], .place = i };
        sha256_two(seed, HASH_BYTES, c[i].account.bytes, ID_BYTES, tickets[i].key);
    }
    qsort(tickets, n, sizeof(*tickets), by_key);
    for (size_t i = 0; i < n; i++) {
        tickets[i].taken =
            i > 0 && id_equal(&tickets[i].who->account, &tickets[i - 1].who->account);
        accounts += tickets[i].taken ? 0 : 1;
    }
    return accounts;
}

static size_t take(struct ticket *tickets, size_t n)
{
    struct ticket *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (!tickets[i].taken && (best == NULL || before(&tickets[i], best) < 0))
            best = &tickets[i];
    assert(best != NULL);
    best->taken = true;
    for (size_t i = 0; i < n; i++)
        if (strcmp(tickets[i].who->institution, best->who->institution) == 0)
            tickets[i].seated++;
    return best->place;
}

enum err draw_seats(const uint8_t seed[HASH_BYTES], const struct candidate *c, size_t n,
                    size_t seats, struct draw *ret)
{
    assert(seats >= 1 && seats <= DRAW_SEATS_MAX);
    if (n > DRAW_CANDIDATES_MAX)
        return ERR_LIMIT;
    if (n < seats)
        return ERR_REVIEWERS_TOO_FEW;
    struct ticket *tickets = calloc(n, sizeof(*tickets));
    if (tickets == NULL)
        return ERR_NO_MEMORY;
    size_t accounts = fill(seed, c, n, tickets);
    if (accounts < seats) {
        free(tickets);
        return ERR_REVIEWERS_TOO_FEW;
    }
    struct draw d = { .n_seats = seats };
    for (size_t i = 0; i < seats; i++)
        d.seats[i] = take(tickets, n);
    while (d.n_alternates < DRAW_ALTERNATES && seats + d.n_alternates < accounts) {
        size_t next = take(tickets, n);
        d.alternates[d.n_alternates++] = next;
    }
    free(tickets);
    *ret = d;
    return OK;
}
