/* cairn submit, submission list, show, withdraw. What submit has opened is kept in the home folder
 * until it is handed in, so that an interrupted one can go on: see --resume. */
#include "api/client/cmd.h"

#include "api/client/away.h"
#include "api/client/files.h"
#include "api/client/sealing.h"
#include "server/base/text.h"

#include <stdio.h>
#include <unistd.h>

#define KEPT "submissions"
#define GRANT_SLACK_HOURS 24

/* A slice on its way: what was opened, and what is needed to hand it in. */
struct pending {
    struct id id;
    int64_t version, hours; /* hours that the grants must outlive */
    struct id bounty;
    uint8_t dek[DEK_BYTES];
    struct vault_manifest manifest;
    struct buf envelope;
    json_t *seats; /* owned */
};

static void pending_release(struct pending *w)
{
    buf_release(&w->envelope);
    json_decref(w->seats);
    bytes_wipe(w, sizeof(*w));
}

static enum err envelope_path(const struct home *h, const struct id *id, char ret[HOME_FILE_MAX],
                              struct problem *p)
{
    char name[ID_TEXT_SIZE + 16], text[ID_TEXT_SIZE];
    id_text(id, text);
    (void)snprintf(name, sizeof(name), "%s.envelope", text);
    return home_file(h, KEPT, name, true, ret, p);
}

static enum err keep(const struct home *h, const struct pending *w, struct problem *p)
{
    char path[HOME_FILE_MAX], dek[HEX_SIZE(DEK_BYTES)];
    hex_encode(w->dek, DEK_BYTES, dek);
    json_t *v = json_pack("{s:o, s:I, s:I, s:s, s:o, s:O}", "bounty", json_of_id(&w->bounty),
                          "version", (json_int_t)w->version, "hours", (json_int_t)w->hours, "dek",
                          dek, "manifest", sealed_manifest_json(&w->manifest), "seats", w->seats);
    bytes_wipe(dek, sizeof(dek));
    if (v == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    enum err e = envelope_path(h, &w->id, path, p);
    if (e == OK)
        e = file_write(path, w->envelope.data, w->envelope.len, 0600, true, p);
    if (e == OK)
        e = home_keep(h, KEPT, &w->id, v, p);
    json_decref(v);
    return e;
}

static enum err take_up(const struct home *h, const struct id *id, struct pending *ret,
                        struct problem *p)
{
    char path[HOME_FILE_MAX];
    struct pending w = { .id = *id };
    json_t *v = NULL, *manifest, *seats;
    const char *dek;
    const struct field fields[] = {
        F_ID("bounty", &w.bounty),          F_INT("version", &w.version, 1, JSON_INT_MAX),
        F_INT("hours", &w.hours, 1, 10000), F_TEXT("dek", &dek, 2 * DEK_BYTES, 2 * DEK_BYTES),
        F_OBJECT("manifest", &manifest),    F_ARRAY("seats", &seats, 1, TERMS_SEATS_MAX),
    };
    buf_init(&w.envelope, VAULT_ENVELOPE_MAX);
    enum err e = home_kept(h, KEPT, id, &v, p);
    if (e == OK)
        e = fields_read(v, "", fields, COUNT(fields), p);
    if (e == OK && !hex_decode(dek, strlen(dek), w.dek, DEK_BYTES))
        e = problem_set(p, ERR_SYNTAX, "/dek", "The kept slice key is damaged.");
    if (e == OK)
        e = sealed_manifest_read(manifest, "/manifest", &w.manifest, p);
    if (e == OK)
        e = envelope_path(h, id, path, p);
    if (e == OK)
        e = file_read(path, &w.envelope, p);
    if (e == OK)
        w.seats = json_incref(seats);
    json_decref(v);
    if (e == OK)
        *ret = w;
    else
        pending_release(&w);
    return e;
}

/* Seals the slice under the bounty key and opens the submission. */
static enum err open_slice(struct client *c, const struct offer *o, const struct timeline *slice,
                           struct pending *ret, struct problem *p)
{
    struct submission_draft d = { .bounty = o->bounty, .record = new_id() };
    struct visit_plan plan;
    struct visit_count count;
    struct sign_key key;
    struct box_key receive;
    struct sealed s;
    plan_of_terms(&o->terms, &plan);
    timeline_count(slice, &plan, &count);
    d.visits = count.visits;
    d.months = count.months;
    memcpy(d.terms_hash, o->terms_hash, HASH_BYTES);
    keys_bounty(c->root, &o->bounty, &key, &receive);
    enum err e = seal_timeline(slice, &plan, (int32_t)(clock_now() / USEC_PER_SEC / 86400),
                               &d.record, 1, key.public, &s, p);
    sign_key_wipe(&key);
    box_key_wipe(&receive);
    if (e != OK)
        return e;
    d.manifest = s.manifest_json;
    d.certificate = s.certificate_json;
    json_t *reply = NULL, *seats;
    struct pending w = { .bounty = o->bounty, .manifest = s.manifest };
    const struct field fields[] = { F_ID("id", &w.id),
                                    F_INT("version", &w.version, 1, JSON_INT_MAX),
                                    F_ARRAY("seats", &seats, 1, TERMS_SEATS_MAX) };
    e = call_submission_open(c, &d, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK) {
        w.hours = o->terms.review.commit_hours + o->terms.review.reveal_hours + GRANT_SLACK_HOURS;
        memcpy(w.dek, s.dek, DEK_BYTES);
        w.envelope = s.envelope; /* moves */
        buf_init(&s.envelope, VAULT_ENVELOPE_MAX);
        w.seats = json_incref(seats);
        *ret = w;
    }
    json_decref(reply);
    sealed_release(&s);
    return e;
}

static enum err hand_in(struct client *c, const struct pending *w, json_t **ret, struct problem *p)
{
    json_t *grants = NULL, *wraps = NULL;
    usec_t expires = clock_now() + w->hours * 3600 * USEC_PER_SEC;
    enum err e = call_submission_put(c, &w->id, &w->envelope, p);
    if (e == ERR_CONTENT_STATE) /* uploaded before the interruption */
        e = OK;
    if (e == OK)
        e = seal_grants(&w->id, w->seats, &w->manifest, w->dek, expires, &grants, &wraps, p);
    return e == OK
               ? call_submission_submit(c, &w->bounty, &w->id, w->version, grants, wraps, ret, p)
               : e;
}

static void forget(const struct home *h, const struct id *id)
{
    char path[HOME_FILE_MAX];
    if (envelope_path(h, id, path, NULL) == OK)
        (void)unlink(path);
    home_forget(h, KEPT, id);
}

static int finish(struct env *env, struct pending *w)
{
    struct problem p = { 0 };
    json_t *reply = NULL;
    enum err e = hand_in(&env->client, w, &reply, &p);
    if (e == OK)
        forget(&env->home, &w->id);
    else if (!env->json) {
        char text[ID_TEXT_SIZE];
        id_text(&w->id, text);
        (void)fprintf(stderr, "cairn: the slice is kept; go on with `cairn submit --resume %s`.\n",
                      text);
    }
    pending_release(w);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}

static int resume(struct env *env, const char *text)
{
    struct problem p = { 0 };
    struct id id;
    struct pending w;
    int status = env_id(env, "--resume", text, &id);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    struct offer offer;
    enum err e = take_up(&env->home, &id, &w, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    e = offer_get(&env->client, &w.bounty, &offer, &p);
    if (e != OK) {
        pending_release(&w);
        return env_fail_call(env, e, &p);
    }
    client_go_as_patient(&env->client, offer.home, &w.bounty);
    return finish(env, &w);
}

static int submit(struct env *env, const struct id *bounty, const struct timeline *t, int32_t until)
{
    struct problem p = { 0 };
    struct offer offer;
    struct timeline slice;
    struct pending w;
    timeline_init(&slice);
    enum err e = offer_get(&env->client, bounty, &offer, &p);
    if (e == OK && strcmp(offer.terms.disease, t->disease) != 0)
        e = problem_set(&p, ERR_CERTIFICATE, "", "The bounty is for %s, the series is of %s.",
                        offer.terms.disease, t->disease);
    if (e == OK && (e = timeline_slice(t, until, &slice)) != OK)
        (void)problem_set(&p, e, "", "%s", err_text(e));
    if (e == OK) {
        client_go_as_patient(&env->client, offer.home, bounty);
        e = call_pseudonym(&env->client, bounty, &p);
    }
    if (e == OK)
        e = open_slice(&env->client, &offer, &slice, &w, &p);
    timeline_release(&slice);
    if (e != OK)
        return env_fail_call(env, e, &p);
    e = keep(&env->home, &w, &p);
    if (e == OK)
        return finish(env, &w);
    pending_release(&w);
    return env_fail_input(env, e, &p);
}

int cmd_submit(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *bounty_text = NULL, *file = NULL, *until_text = NULL, *again = NULL, *none[1];
    const struct cmd_option options[] = {
        { .name = "--bounty", .text = &bounty_text },
        { .name = "--file", .text = &file },
        { .name = "--until", .text = &until_text },
        { .name = "--resume", .text = &again },
    };
    struct id bounty;
    struct timeline t;
    int32_t until = (int32_t)(clock_now() / USEC_PER_SEC / 86400);
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE && again != NULL)
        return resume(env, again);
    if (status == EXIT_DONE && (bounty_text == NULL || file == NULL))
        status = env_usage(env, "submit needs --bounty and --file, or --resume; see --help.");
    if (status == EXIT_DONE)
        status = env_id(env, "--bounty", bounty_text, &bounty);
    if (status == EXIT_DONE && until_text != NULL && !date_parse(until_text, &until))
        status = env_usage(env, "--until must be a date such as 2026-11-20.");
    if (status != EXIT_DONE)
        return status;
    enum err e = timeline_load(file, &t, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = submit(env, &bounty, &t, until);
    timeline_release(&t);
    return status;
}

int cmd_submission_list(struct env *env, int argc, char **argv)
{
    static const char *const own[] = { "id", "bounty", "state", "at", NULL };
    static const char *const seen[] = { "id", "state", "score_bp", "pay_minor", "at", NULL };
    struct problem p = { 0 };
    const char *bounty_text = NULL, *none[1];
    const struct cmd_option options[] = { { .name = "--bounty", .text = &bounty_text } };
    struct id bounty;
    json_t *items = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE && bounty_text != NULL)
        status = env_id(env, "--bounty", bounty_text, &bounty);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = env_turn(env, NULL, bounty_text);
    if (status != EXIT_DONE)
        return status;
    /* A sponsor's bounties are all here; toward one of another member the caller is a patient. */
    bool as_sponsor = bounty_text != NULL && env->client.away.member == 0;
    enum err e = as_sponsor ? call_bounty_submissions(&env->client, &bounty, &items, &p)
                            : call_submissions(&env->client, &items, &p);
    return e == OK ? env_print_list(env, items, as_sponsor ? seen : own)
                   : env_fail_call(env, e, &p);
}

static int with_submission(struct env *env, int argc, char **argv, struct id *ret,
                           json_t **ret_reply)
{
    struct problem p = { 0 };
    const char *bounty = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--bounty", .text = &bounty } };
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = env_id(env, "The submission", rest[0], ret);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = env_turn(env, NULL, bounty);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_submission(&env->client, ret, ret_reply, &p);
    return e == OK ? EXIT_DONE : env_fail_call(env, e, &p);
}

int cmd_submission_show(struct env *env, int argc, char **argv)
{
    struct id id;
    json_t *reply = NULL;
    int status = with_submission(env, argc, argv, &id, &reply);
    return status == EXIT_DONE ? env_print(env, reply) : status;
}

int cmd_submission_withdraw(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    struct id id, bounty;
    int64_t version;
    const struct field fields[] = { F_ID("bounty", &bounty),
                                    F_INT("version", &version, 1, JSON_INT_MAX) };
    json_t *seen = NULL, *reply = NULL;
    int status = with_submission(env, argc, argv, &id, &seen);
    if (status != EXIT_DONE)
        return status;
    enum err e = reply_fields(seen, fields, COUNT(fields), &p);
    if (e == OK)
        e = call_submission_withdraw(&env->client, &bounty, &id, version, &reply, &p);
    json_decref(seen);
    if (e != OK)
        return env_fail_call(env, e, &p);
    forget(&env->home, &id);
    return env_print(env, reply);
}
