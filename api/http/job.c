/* One request: what its head decides, and its run through parser, sign-in and handler. */
#include "api/http/edge.h"

#include "api/http/auth.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct job *job_new(struct listener *l, struct conn *c, struct MHD_Connection *mhd, const char *uri)
{
    size_t len = strlen(uri);
    struct job *j = calloc(1, sizeof(*j));
    char *text = malloc(2 * (len + 1) + PATH_PARAMS_MAX);
    if (j == NULL || text == NULL) {
        free(j);
        free(text);
        return NULL;
    }
    memcpy(text, uri, len + 1);
    j->l = l;
    j->conn = c;
    j->mhd = mhd;
    j->target = text;
    j->scratch = text + len + 1;
    j->started = j->deadline = clock_monotonic();
    j->by_ip.allowed = j->by_token.allowed = true;
    j->r.app = l->app;
    j->reply.fd = j->body.fd = -1;
    return j;
}

void job_free(struct job *j)
{
    peer_release(j);
    body_release(j);
    reply_clear(&j->reply);
    json_decref(j->r.json);
    arena_free(j->r.arena);
    free(j->target);
    free(j);
}

/* ---- the head ------------------------------------------------------------------------- */

static bool lower_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") >= len;
}

/* W3C Trace Context 1: 00-<32 hex>-<16 hex>-<2 hex>, ids not all zero. Later versions may be
 * longer. */
static bool traceparent_valid(const char *t)
{
    static const char zeros[] = "00000000000000000000000000000000";
    size_t len = strlen(t);
    if (len < 55 || t[2] != '-' || t[35] != '-' || t[52] != '-')
        return false;
    if (!lower_hex(t, 2) || !lower_hex(t + 3, 32) || !lower_hex(t + 36, 16) ||
        !lower_hex(t + 53, 2))
        return false;
    if (memcmp(t, "ff", 2) == 0 || memcmp(t + 3, zeros, 32) == 0 || memcmp(t + 36, zeros, 16) == 0)
        return false;
    return memcmp(t, "00", 2) == 0 ? len == 55 : len <= 256 && (t[55] == '\0' || t[55] == '-');
}

static void name_request(struct job *j)
{
    const char *trace = req_header(&j->r, "traceparent");
    j->traced = trace != NULL && traceparent_valid(trace);
    if (j->traced) {
        memcpy(j->r.id, trace + 3, 32);
        return;
    }
    /* Random for each connection, counted within it: a system call less for each request. */
    uint8_t id[16];
    memcpy(id, j->conn->id, sizeof(id));
    for (unsigned i = 0; i < 4; i++)
        id[15 - i] ^= (uint8_t)(j->conn->begun >> 8 * i);
    hex_encode(id, sizeof(id), j->r.id);
}

static enum err check_rate(struct job *j, const char *token)
{
    struct listener *l = j->l;
    const struct conn *c = j->conn;
    const struct rate_policy *by_ip = c->local ? &l->policy_local : &l->policy_ip;
    rate_take(l->rate, 'i', c->address, sizeof(c->address), by_ip, j->started, &j->by_ip);
    if (!j->by_ip.allowed)
        return ERR_RATE;
    if (token == NULL)
        return OK;
    j->has_token = true;
    rate_take(l->rate, 't', token, strlen(token), &l->policy_token, j->started, &j->by_token);
    return j->by_token.allowed ? OK : ERR_RATE;
}

/* NULL without Authorization; *ret_valid tells whether it is a bearer token of RFC 6750. */
static const char *bearer(const struct request *r, bool *ret_valid)
{
    const char *value = req_header(r, "Authorization");
    *ret_valid = value == NULL;
    if (value == NULL)
        return NULL;
    if (strncasecmp(value, "Bearer ", 7) != 0)
        return value;
    value += 7;
    size_t len =
        strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");
    size_t pad = strspn(value + len, "=");
    *ret_valid = len > 0 && len + pad <= TOKEN_MAX && value[len + pad] == '\0';
    return value;
}

static enum err find_route(struct job *j, const char *method)
{
    static const char *const names[] = { "GET", "POST", "PUT", "DELETE" };
    enum method m = (enum method)COUNT(names);
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(method, names[i]) == 0)
            m = (enum method)i;
    if (strcmp(method, "HEAD") == 0)
        m = M_GET;
    j->options = strcmp(method, "OPTIONS") == 0;
    struct match match;
    router_match(j->l->router, m, j->target, j->scratch, &match);
    j->allow = match.allow;
    j->r.route = match.route;
    memcpy(j->r.path_params, match.params, sizeof(match.params));
    if (match.route == NULL)
        return match.allow != 0 ? ERR_METHOD : ERR_ROUTE_UNKNOWN;
    return OK;
}

static bool type_is(const char *value, const char *type)
{
    size_t len = strlen(type);
    if (value == NULL || strncasecmp(value, type, len) != 0)
        return false;
    value += len;
    value += strspn(value, " \t");
    return *value == '\0' || *value == ';';
}

static enum err check_body(struct job *j)
{
    static const char *const types[] = { [BODY_JSON] = "application/json",
                                         [BODY_FILE] = "application/octet-stream",
                                         [BODY_TEXT] = NULL,
                                         [BODY_FRAMES] = "application/vnd.cairn.frames" };
    const struct route *route = j->r.route;
    if (route->body == BODY_NONE)
        return j->body.expected > 0 ? ERR_BODY_TOO_LARGE : OK;
    if (req_header(&j->r, "Content-Length") == NULL)
        return ERR_HTTP_LENGTH_REQUIRED;
    const char *type = types[route->body];
    if (type != NULL && !type_is(req_header(&j->r, "Content-Type"), type))
        return ERR_BODY_TYPE;
    return j->body.expected > route->body_max ? ERR_BODY_TOO_LARGE : OK;
}

/* The route names what it takes; anything else is refused, so that a misspelt filter is not
 * ignored. */
static enum err check_query(struct job *j)
{
    const char *known = j->r.route->query != NULL ? j->r.route->query : "";
    for (unsigned i = 0; i < j->query.n; i++)
        if (!query_named(known, j->query.names[i]))
            return problem_set(&j->r.problem, ERR_QUERY, "",
                               "The query parameter %s is not known here.", j->query.names[i]);
    return OK;
}

enum err job_check_head(struct job *j, const char *method)
{
    const char *length = req_header(&j->r, "Content-Length");
    j->body.expected =
        length != NULL ? strtoull(length, NULL, 10) : 0; /* the guard saw 1..18 digits */
    name_request(j);
    char *query = strchr(j->target, '?');
    if (query != NULL)
        *query++ = '\0';
    j->r.path = j->target;
    bool valid;
    const char *token = bearer(&j->r, &valid);
    enum err found = find_route(j, method);
    bool peer = found == OK && j->r.route->who == WHO_PEER;
    enum err e = peer ? peer_check_head(j, method, query) : check_rate(j, token);
    if (e == OK)
        e = found;
    if (e == OK)
        e = query_parse(query, &j->query);
    if (e == OK)
        e = check_query(j);
    if (e == OK && token != NULL && !valid)
        e = ERR_AUTH_INVALID;
    if (e == OK && token == NULL && j->r.route->who != WHO_ANYONE && !peer)
        e = ERR_AUTH_MISSING;
    if (e == OK)
        e = check_body(j);
    if (e == OK && atomic_load(&j->l->jobs.draining))
        e = ERR_BUSY;
    if (e == OK)
        j->deadline = j->started + (usec_t)j->r.route->deadline_ms * 1000;
    return e;
}

/* ---- the run -------------------------------------------------------------------------- */

static enum err sign_in(struct job *j, struct db *db)
{
    bool valid;
    const char *token = bearer(&j->r, &valid);
    if (token == NULL || db == NULL)
        return j->r.route->who == WHO_ANYONE ? OK : ERR_AUTH_MISSING;
    struct caller caller = { 0 };
    enum err e = auth_session(db, j->l->app, token, &caller);
    if (e != OK)
        return e;
    j->r.caller = caller;
    j->r.signed_in = true;
    return OK;
}

static enum err prepare(struct job *j, struct db *db)
{
    struct request *r = &j->r;
    memset(&r->problem, 0, sizeof(r->problem));
    r->signed_in = false;
    r->arena = arena_new(ARENA_MAX);
    if (r->arena == NULL)
        return ERR_NO_MEMORY;
    enum err e = r->route->who == WHO_PEER ? peer_check_body(j) : sign_in(j, db);
    if (e != OK)
        return e;
    unsigned who = (unsigned)r->route->who;
    if (who > WHO_SIGNED_IN && who != WHO_PEER && (r->caller.roles & 1u << who) == 0)
        return ERR_ROLE;
    return r->route->body == BODY_JSON ? json_read(r->body, r->body_len, &r->json, &r->problem)
                                       : OK;
}

void job_run(struct job *j, struct db *db)
{
    struct request *r = &j->r;
    reply_reset(&j->reply);
    j->wait = false;
    r->db = db;
    enum err e = prepare(j, db);
    if (e != OK)
        api_fail(r, e);
    else
        r->route->handler(r);
    if (j->wait && (j->reply.status != 0 || r->waited || r->route->inline_ok)) {
        log_bug("%s waits though it may not", r->route->operation);
        j->wait = false;
    }
    if (j->reply.status == 0 && !j->wait) {
        log_bug("%s ended without a reply", r->route->operation);
        api_fail(r, ERR_INTERNAL);
    }
    json_decref(r->json);
    r->json = NULL;
    arena_free(r->arena);
    r->arena = NULL;
    r->db = NULL;
}
