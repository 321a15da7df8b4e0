/* People and bounties for the benchmarks, made over the API:
 *   world SERVER OPERATOR_KEY TERMS PATIENTS SPONSORS BOUNTIES OUT
 * Nine reviewers of three institutions; every bounty belongs to the first sponsor and is funded.
 * OUT then holds one line each, for load.c and bench.mjs: federation NAME | bounty ID
 * TERMS_HASH_HEX | patient ROOT_HEX TOKEN | sponsor ROOT_HEX TOKEN ACCOUNT */
#include "api/client/calls.h"
#include "api/client/crew.h"
#include "api/client/home.h"
#include "api/client/sealing.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <stdio.h>
#include <string.h>

#define THREADS 8
#define REVIEWERS 9
#define HOUSES 3
/* Enough for every submission that a run can open: each holds back some 10^5 minor units. */
#define FUNDS INT64_C(100000000000)

struct world {
    struct crew *crew;
    struct client operator;
    json_t *terms;
    size_t n_patients, n_sponsors, n_bounties;
    struct client *people; /* reviewers, sponsors, patients */
    struct offer *offers;
    enum err (*each)(struct world *w, size_t i, struct http_client *http, struct problem *p);
};

static size_t n_people(const struct world *w)
{
    return REVIEWERS + w->n_sponsors + w->n_patients;
}

static enum err enroll(struct world *w, size_t i, struct http_client *http, struct problem *p)
{
    static const char *const houses[HOUSES] = { "institute-alder", "institute-birch",
                                                "institute-cedar" };
    struct client *c = &w->people[i];
    struct client operator= w->operator;
    uint8_t root[ROOT_BYTES];
    const char *role = i < REVIEWERS                   ? "reviewer"
                       : i < REVIEWERS + w->n_sponsors ? "sponsor"
                                                       : "patient";
    const char *house = i < REVIEWERS ? houses[i % HOUSES] : "hospital";
    if (role[0] == 's')
        house = "foundation-oak";
    random_bytes(root, sizeof(root));
    client_init(c, http, root);
    (void)snprintf(c->federation, sizeof(c->federation), "%s", operator.federation);
    operator.http = http;
    enum err e = call_register(c, NULL, p);
    if (e == OK)
        e = call_attest(&operator, & c->account, role, house, NULL, p);
    return e == OK ? client_sign_in(c, p) : e;
}

static enum err publish(struct world *w, size_t i, struct http_client *http, struct problem *p)
{
    struct client sponsor = w->people[REVIEWERS];
    struct offer *o = &w->offers[i];
    json_t *reply = NULL;
    const struct field fields[] = { F_ID("id", &o->bounty) };
    sponsor.http = http;
    enum err e =
        call_deposit(&sponsor, FUNDS, json_string_value(json_object_get(w->terms, "currency")),
                     "bench", NULL, p);
    if (e == OK)
        e = call_bounty_publish(&sponsor, w->terms, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    json_decref(reply);
    struct id id = o->bounty;
    if (e == OK)
        e = offer_get(&sponsor, &id, o, p);
    if (e == OK)
        e = call_bounty_fund(&sponsor, &o->bounty, o->version, FUNDS, o->terms.currency, NULL, p);
    return e;
}

static enum err run_one(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct world *w = arg;
    return w->each(w, i, links->to[0], p);
}

static enum err open_operator(struct world *w, const char *key_file, struct problem *p)
{
    uint8_t root[ROOT_BYTES];
    enum err e = root_read(key_file, root, p);
    if (e != OK)
        return e;
    client_init(&w->operator, crew_links(w->crew)->to[0], root);
    e = client_federation(&w->operator, p);
    if (e == OK)
        e = call_register(&w->operator, NULL, p);
    return e == OK ? client_sign_in(&w->operator, p) : e;
}

static void write_person(FILE *f, const char *role, const struct client *c)
{
    char root[HEX_SIZE(ROOT_BYTES)], account[ID_TEXT_SIZE];
    hex_encode(c->root, ROOT_BYTES, root);
    id_text(&c->account, account);
    (void)fprintf(f, "%s %s %s %s\n", role, root, c->token, account);
}

static bool write_world(const struct world *w, const char *path)
{
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return false;
    (void)fprintf(f, "federation %s\n", w->operator.federation);
    for (size_t i = 0; i < w->n_bounties; i++) {
        char id[ID_TEXT_SIZE], hash[HEX_SIZE(HASH_BYTES)];
        id_text(&w->offers[i].bounty, id);
        hex_encode(w->offers[i].terms_hash, HASH_BYTES, hash);
        (void)fprintf(f, "bounty %s %s\n", id, hash);
    }
    for (size_t i = 0; i < w->n_sponsors; i++)
        write_person(f, "sponsor", &w->people[REVIEWERS + i]);
    for (size_t i = 0; i < w->n_patients; i++)
        write_person(f, "patient", &w->people[REVIEWERS + w->n_sponsors + i]);
    return fclose(f) == 0;
}

static bool number(const char *text, size_t *ret)
{
    uint64_t n = 0;
    if (!u64_parse(text, strlen(text), &n) || n < 1 || n > 100000)
        return false;
    *ret = (size_t)n;
    return true;
}

static enum err make(struct world *w, const char *server, const char *key_file, struct problem *p)
{
    enum err e = crew_new(&server, 1, THREADS, &w->crew, p);
    if (e == OK)
        e = open_operator(w, key_file, p);
    w->each = enroll;
    if (e == OK)
        e = crew_run(w->crew, run_one, w, n_people(w), p);
    w->each = publish;
    if (e == OK)
        e = crew_run(w->crew, run_one, w, w->n_bounties, p);
    return e;
}

int main(int argc, char **argv)
{
    struct world w = { 0 };
    struct problem p = { 0 };
    if (argc != 8 || !number(argv[4], &w.n_patients) || !number(argv[5], &w.n_sponsors) ||
        !number(argv[6], &w.n_bounties)) {
        (void)fprintf(stderr,
                      "usage: world SERVER OPERATOR_KEY TERMS PATIENTS SPONSORS BOUNTIES OUT\n");
        return 2;
    }
    crypto_setup();
    json_setup();
    http_setup();
    w.terms = json_load_file(argv[3], JSON_REJECT_DUPLICATES, NULL);
    w.people = calloc(n_people(&w), sizeof(*w.people));
    w.offers = calloc(w.n_bounties, sizeof(*w.offers));
    if (w.terms == NULL || w.people == NULL || w.offers == NULL) {
        (void)fprintf(stderr, "world: %s cannot be read, or there is no memory\n", argv[3]);
        return 1;
    }
    enum err e = json_object_set_new(w.terms, "budget_minor", json_integer(FUNDS)) == 0
                     ? make(&w, argv[1], argv[2], &p)
                     : ERR_NO_MEMORY;
    if (e != OK || !write_world(&w, argv[7])) {
        (void)fprintf(stderr, "world: %s %s\n", e != OK ? err_text(e) : argv[7], p.detail);
        return 1;
    }
    crew_free(w.crew);
    json_decref(w.terms);
    free(w.people);
    free(w.offers);
    return 0;
}
