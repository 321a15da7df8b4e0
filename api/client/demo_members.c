/* The servers that take part, their operators, and the waiting for what one member has to learn of
 * another: by asking for it, never by time alone. */
#include "api/client/demo.h"

#include "api/client/files.h"
#include "api/client/home.h"

#include <stdio.h>

#define LIST_FILE_MAX 65536
#define AWAIT_S 30
#define AWAIT_PAUSE_MS 50

static enum err add_member(struct demo *d, const char *server, const char *key, struct problem *p)
{
    struct demo_member *m = &d->members[d->n_members];
    if (strlen(server) >= sizeof(m->server) || strlen(key) >= sizeof(m->operator_key))
        return problem_set(p, ERR_LIMIT, "", "A server's URL or a key's path is too long.");
    (void)snprintf(m->server, sizeof(m->server), "%s", server);
    (void)snprintf(m->operator_key, sizeof(m->operator_key), "%s", key);
    d->n_members++;
    return OK;
}

/* {"members": [{"server": URL, "operator_key": path}, ...]} */
static enum err read_list(struct demo *d, struct problem *p)
{
    json_t *file = NULL, *members;
    const struct field fields[] = { F_ARRAY("members", &members, 1, DEMO_MEMBERS_MAX) };
    enum err e = file_read_json(d->options.federation, LIST_FILE_MAX, &file, p);
    if (e == OK)
        e = fields_read(file, "", fields, COUNT(fields), p);
    for (size_t i = 0; e == OK && i < json_array_size(members); i++) {
        const char *server, *key;
        const struct field one[] = { F_TEXT("server", &server, 1, 255),
                                     F_TEXT("operator_key", &key, 1, DEMO_PATH_MAX - 1) };
        e = fields_read(json_array_get(members, i), "/members", one, COUNT(one), p);
        if (e == OK)
            e = add_member(d, server, key, p);
    }
    json_decref(file);
    return e;
}

enum err demo_read_members(struct demo *d, const char *server, struct problem *p)
{
    return server != NULL ? add_member(d, server, d->options.operator_key, p) : read_list(d, p);
}

enum err demo_open_crew(struct demo *d, struct problem *p)
{
    const char *servers[DEMO_MEMBERS_MAX];
    for (size_t i = 0; i < d->n_members; i++)
        servers[i] = d->members[i].server;
    return crew_new(servers, d->n_members, (unsigned)d->options.threads, &d->crew, p);
}

static enum err open_operator(struct demo *d, struct demo_member *m, struct problem *p)
{
    uint8_t root[ROOT_BYTES];
    size_t place = (size_t)(m - d->members);
    enum err e = root_read(m->operator_key, root, p);
    if (e != OK)
        return e;
    client_init(&m->operator, crew_links(d->crew)->to[place], root);
    bytes_wipe(root, sizeof(root));
    if (place > 0) /* one federation, or its first server's name stands against this one's */
        (void)snprintf(m->operator.federation, sizeof(m->operator.federation), "%s",
                       d->members[0].operator.federation);
    e = client_federation(&m->operator, p);
    for (size_t i = 0; e == OK && i < place; i++)
        if (d->members[i].operator.member == m->operator.member)
            e = problem_set(p, ERR_USAGE, "", "%s and %s are the same member.",
                            d->members[i].server, m->server);
    if (e == OK)
        e = call_register(&m->operator, NULL, p);
    m->operator_known = e == ERR_ACCOUNT_EXISTS;
    return e == OK || m->operator_known ? client_sign_in(&m->operator, p) : e;
}

enum err demo_open_operators(struct demo *d, struct problem *p)
{
    enum err e = OK;
    for (size_t i = 0; i < d->n_members && e == OK; i++)
        e = open_operator(d, &d->members[i], p);
    return e;
}

struct demo_member *demo_home(struct demo *d, const struct client *c)
{
    size_t i = 0;
    while (i + 1 < d->n_members && d->members[i].operator.member != c->member)
        i++;
    return &d->members[i];
}

struct client demo_with(struct demo *d, const struct client *c, const struct links *links)
{
    struct client copy = *c;
    copy.http = links->to[demo_home(d, c) - d->members];
    return copy;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Is it there yet? */
typedef enum err look_fn(struct demo *d, bool *ret_there, struct problem *p);

static enum err await(struct demo *d, look_fn *look, const char *what, struct problem *p)
{
    usec_t until = clock_monotonic() + AWAIT_S * USEC_PER_SEC;
    for (;;) {
        bool there = false;
        enum err e = look(d, &there, p);
        if (e != OK || there)
            return e;
        if (clock_monotonic() > until)
            return problem_set(p, ERR_IO, "", "%s after %d s.", what, AWAIT_S);
        http_pause(AWAIT_PAUSE_MS);
    }
}

static bool has_role(const json_t *account, const char *role)
{
    const json_t *roles = json_object_get(account, "roles");
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(roles, i), "role"));
        if (name != NULL && strcmp(name, role) == 0)
            return true;
    }
    return false;
}

static enum err look_for_reviewers(struct demo *d, bool *ret_there, struct problem *p)
{
    enum err e = OK;
    *ret_there = true;
    for (size_t i = 0; i < DEMO_REVIEWERS && e == OK && *ret_there; i++) {
        json_t *reply = NULL;
        e = call_account(&d->members[0].operator, & d->reviewers[i].client.account, &reply, p);
        *ret_there = e == OK && has_role(reply, "reviewer");
        json_decref(reply);
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err demo_await_reviewers(struct demo *d, struct problem *p)
{
    return await(d, look_for_reviewers, "The sponsor's member does not know the reviewers", p);
}

static enum err look_for_bounty(struct demo *d, bool *ret_there, struct problem *p)
{
    enum err e = OK;
    for (size_t i = 0; i < d->n_members && e == OK; i++)
        e = call_bounty(&d->members[i].operator, & d->offer.bounty, NULL, p);
    *ret_there = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err demo_await_bounty(struct demo *d, struct problem *p)
{
    return await(d, look_for_bounty, "The bounty is not known everywhere", p);
}

static enum err look_at_clearing(struct demo *d, bool *ret_there, struct problem *p)
{
    enum err e = OK;
    *ret_there = true;
    for (size_t i = 0; i < d->n_members && e == OK; i++) {
        e = demo_ask_books(&d->members[i], p);
        *ret_there = *ret_there && d->members[i].clearing_open_minor == 0;
    }
    return e;
}

enum err demo_await_clearing(struct demo *d, struct problem *p)
{
    return await(d, look_at_clearing, "Money is still on its way between members", p);
}
