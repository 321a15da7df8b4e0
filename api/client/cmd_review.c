/* cairn review list, open, score. The nonce of a verdict is durable before the commitment leaves.
 */
#include "api/client/cmd.h"

#include "api/client/away.h"
#include "api/client/files.h"
#include "api/client/reviewing.h"
#include "server/base/text.h"

#include <inttypes.h>
#include <stdio.h>

#define KEPT "reviews"
#define VERDICT_FILE_MAX 8192

/* The seats at one member, each with its number, behind those that are in the list. */
static enum err list_at(struct client *c, unsigned member, const char *phase, json_t *list,
                        struct problem *p)
{
    json_t *items = NULL;
    client_go(c, member);
    enum err e = call_reviews(c, phase, &items, p);
    bool kept = true;
    for (size_t i = 0; e == OK && i < json_array_size(items); i++)
        kept = json_object_set_new(json_array_get(items, i), "member",
                                   json_integer((json_int_t)member)) == 0 &&
               kept;
    if (e == OK && (!kept || json_array_extend(list, items) != 0))
        e = problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    json_decref(items);
    return e;
}

/* Over all members: a member that does not know the reviewer yet has no seat for them. */
static enum err list_all(struct client *c, const char *phase, json_t *list, struct problem *p)
{
    json_t *reply = NULL, *members;
    const struct field fields[] = { F_ARRAY("members", &members, 1, UINT16_MAX) };
    enum err e = call_federation(c, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    for (size_t i = 0; e == OK && i < json_array_size(members); i++) {
        int64_t number;
        const struct field one[] = { F_INT("number", &number, 1, UINT16_MAX) };
        e = reply_fields(json_array_get(members, i), one, COUNT(one), p);
        if (e == OK)
            e = list_at(c, (unsigned)number, phase, list, p);
        if (e == ERR_MEMBER_ACCOUNT)
            e = OK;
    }
    json_decref(reply);
    return e;
}

int cmd_review_list(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "submission", "member",   "bounty", "seat", "phase",
                                           "committed",  "revealed", "due_at", NULL };
    struct problem p = { 0 };
    const char *phase = NULL, *member = NULL, *none[1];
    bool all = false;
    const struct cmd_option options[] = { { .name = "--phase", .text = &phase },
                                          { .name = "--member", .text = &member },
                                          { .name = "--all", .flag = &all } };
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE && all && member != NULL)
        status = env_usage(env, "Give --member or --all, not both.");
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = env_turn(env, member, NULL);
    if (status != EXIT_DONE)
        return status;
    const struct client *c = &env->client;
    json_t *items = json_array();
    enum err e = all ? list_all(&env->client, phase, items, &p)
                     : list_at(&env->client, c->away.member != 0 ? c->away.member : c->member,
                               phase, items, &p);
    if (e == OK)
        return env_print_list(env, items, columns);
    json_decref(items);
    return env_fail_call(env, e, &p);
}

static int open_seat(struct env *env, const char *text, const char *member, struct seat *ret)
{
    struct problem p = { 0 };
    struct id submission;
    int status = env_id(env, "The submission", text, &submission);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = env_turn(env, member, NULL);
    if (status != EXIT_DONE)
        return status;
    enum err e = seat_get(&env->client, &submission, ret, &p);
    return e == OK ? EXIT_DONE : env_fail_call(env, e, &p);
}

static enum err save(const struct timeline *t, const char *path, struct problem *p)
{
    struct buf b;
    buf_init(&b, TIMELINE_BYTES_MAX);
    enum err e = timeline_print(t, &b);
    if (e != OK)
        (void)problem_set(p, e, "", "%s", err_text(e));
    else
        e = file_write(path, b.data, b.len, 0600, false, p);
    buf_release_secret(&b);
    return e;
}

/* What the reviewer's own machine counts, beside what was claimed. */
static json_t *recount(const struct seat *s, const struct offer *o, const struct timeline *t)
{
    struct visit_plan plan;
    struct visit_count count;
    plan_of_terms(&o->terms, &plan);
    timeline_count(t, &plan, &count);
    json_t *codes = json_array();
    for (size_t i = 0; i < o->terms.review.n_rubric; i++)
        (void)json_array_append_new(codes, json_string(o->terms.review.rubric[i]));
    return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "submission",
                     json_of_id(&s->submission), "phase", s->phase, "round", (json_int_t)s->round,
                     "observations", (json_int_t)t->n, "visits", (json_int_t)count.visits, "months",
                     (json_int_t)count.months, "claimed_visits", (json_int_t)s->claimed_visits,
                     "claimed_months", (json_int_t)s->claimed_months, "rubric", codes);
}

int cmd_review_open(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *out = NULL, *member = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--out", .text = &out, .required = true },
                                          { .name = "--member", .text = &member } };
    struct seat seat;
    struct offer offer;
    struct timeline t;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = open_seat(env, rest[0], member, &seat);
    if (status != EXIT_DONE)
        return status;
    enum err e = offer_get(&env->client, &seat.bounty, &offer, &p);
    if (e == OK)
        e = seat_open(&env->client, &seat, &t, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    e = save(&t, out, &p);
    status = e == OK ? env_print(env, recount(&seat, &offer, &t)) : env_fail_input(env, e, &p);
    timeline_release(&t);
    return status;
}

static enum err keep(const struct home *h, const struct id *id, const struct sealed_verdict *v,
                     struct problem *p)
{
    char nonce[HEX_SIZE(VERDICT_NONCE_BYTES)];
    hex_encode(v->nonce, VERDICT_NONCE_BYTES, nonce);
    json_t *value = json_pack("{s:s, s:O}", "nonce", nonce, "verdict", v->verdict);
    bytes_wipe(nonce, sizeof(nonce));
    if (value == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    enum err e = home_keep(h, KEPT, id, value, p);
    json_decref(value);
    return e;
}

static enum err take_up(const struct home *h, const struct id *id, struct sealed_verdict *ret,
                        struct problem *p)
{
    struct sealed_verdict v = { 0 };
    json_t *value = NULL, *verdict;
    const char *nonce;
    const struct field fields[] = { F_TEXT("nonce", &nonce, 64, 64),
                                    F_OBJECT("verdict", &verdict) };
    enum err e = home_kept(h, KEPT, id, &value, p);
    if (e == OK)
        e = fields_read(value, "", fields, COUNT(fields), p);
    if (e == OK && !hex_decode(nonce, strlen(nonce), v.nonce, VERDICT_NONCE_BYTES))
        e = problem_set(p, ERR_SYNTAX, "/nonce", "The kept nonce is damaged.");
    if (e == OK) {
        v.verdict = json_incref(verdict);
        *ret = v;
    }
    json_decref(value);
    return e;
}

/* A new verdict from a file, read against the terms and kept before anything is sent. */
static int new_verdict(struct env *env, const struct seat *seat, const char *path,
                       struct sealed_verdict *ret)
{
    struct problem p = { 0 };
    struct offer offer;
    struct verdict read;
    struct sealed_verdict v = { 0 };
    enum err e = offer_get(&env->client, &seat->bounty, &offer, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    e = file_read_json(path, VERDICT_FILE_MAX, &v.verdict, &p);
    if (e == OK)
        e = verdict_read(v.verdict, "", &offer.terms, &read, &p);
    if (e == OK) {
        random_bytes(v.nonce, VERDICT_NONCE_BYTES);
        e = keep(&env->home, &seat->submission, &v, &p);
    }
    if (e == OK) {
        *ret = v;
        return EXIT_DONE;
    }
    sealed_verdict_release(&v);
    return env_fail_input(env, e, &p);
}

/* Commits unless that was done, reveals if the round is there, and says where things stand. */
static int move_on(struct env *env, const struct seat *seat, const struct sealed_verdict *v)
{
    struct problem p = { 0 };
    char phase[16];
    bool revealed = seat->revealed;
    enum err e = OK;
    (void)snprintf(phase, sizeof(phase), "%s", seat->phase);
    if (!seat->committed)
        e = verdict_commit(&env->client, seat, v, phase, &p);
    if (e == OK && strcmp(phase, "reveal") == 0 && !revealed) {
        e = verdict_reveal(&env->client, seat, v, phase, &p);
        revealed = e == OK;
    }
    if (e != OK)
        return env_fail_call(env, e, &p);
    if (revealed)
        home_forget(&env->home, KEPT, &seat->submission);
    else if (!env->json)
        (void)fprintf(stderr,
                      "cairn: committed; run the same command again without --verdict when the "
                      "round asks for the reveal.\n");
    return env_print(env, json_pack("{s:o, s:I, s:s, s:b, s:b}", "submission",
                                    json_of_id(&seat->submission), "seat", (json_int_t)seat->seat,
                                    "phase", phase, "committed", 1, "revealed", revealed ? 1 : 0));
}

int cmd_review_score(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *path = NULL, *member = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--verdict", .text = &path },
                                          { .name = "--member", .text = &member } };
    struct seat seat;
    struct sealed_verdict v = { 0 };
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = open_seat(env, rest[0], member, &seat);
    if (status != EXIT_DONE)
        return status;
    if (seat.revealed)
        return env_fail(env, EXIT_REFUSED, &(struct problem){ .code = ERR_VERDICT_TWICE });
    enum err e = take_up(&env->home, &seat.submission, &v, &p);
    if (e == ERR_NOT_FOUND && !seat.committed && path != NULL)
        status = new_verdict(env, &seat, path, &v);
    else if (e == ERR_NOT_FOUND && !seat.committed)
        status = env_usage(env, "A verdict is missing; give one with --verdict FILE.");
    else if (e == ERR_NOT_FOUND)
        status = env_usage(env, "The verdict was committed from another home; reveal it there.");
    else if (e != OK)
        status = env_fail_input(env, e, &p);
    else if (path != NULL)
        status =
            env_usage(env, "A verdict is kept for this submission already, and what may have been "
                           "committed cannot change. Run the command without --verdict.");
    if (status == EXIT_DONE)
        status = move_on(env, &seat, &v);
    sealed_verdict_release(&v);
    return status;
}
