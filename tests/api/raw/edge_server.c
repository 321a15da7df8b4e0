/* The HTTP edge with a small table of routes and no database, for the raw probes, the slow clients,
 * the stress runs and the benchmark. It stands in for server/store and api/routes.c with the few
 * symbols below. Usage: edge_server [--port N] [--threads N] [--workers N] [--queue N] [--tmp DIR]
 * [--rate-local N] [--rate-token N] [--big FILE] [--quiet]; prints {"event":"listening",...};
 * SIGTERM stops it. */
#include "api/http/auth.h"
#include "api/http/http.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAST                                                                                       \
    "{\"items\":[{\"id\":\"00000000-0000-4000-8000-000000000001\",\"title\":\"fixed\"}],\"next\":" \
    "null}"

struct db {
    int unused;
};

static atomic_bool database_down;
static atomic_ulong handled;

enum err db_open(struct store *s, struct db **ret)
{
    static struct db one;
    (void)s;
    if (atomic_load(&database_down))
        return ERR_DB_DOWN;
    *ret = &one;
    return OK;
}

enum err db_check(struct db *db)
{
    (void)db;
    return atomic_load(&database_down) ? ERR_DB_DOWN : OK;
}

void db_close(struct db *db)
{
    (void)db;
}

enum err auth_session(struct db *db, const struct app *app, const char *token, struct caller *ret)
{
    (void)app;
    if (db == NULL || strncmp(token, "token-", 6) != 0)
        return ERR_AUTH_INVALID;
    *ret = (struct caller){ .roles = 1u << WHO_SIGNED_IN };
    if (strncmp(token + 6, "patient", 7) == 0)
        ret->roles |= 1u << WHO_PATIENT;
    return OK;
}

/* ---- handlers
 * ------------------------------------------------------------------------------------ */

static void get_fast(struct request *r)
{
    reply_json(r, 200, FAST, sizeof(FAST) - 1);
}

static void get_echo(struct request *r)
{
    const char *q = req_query(r, "q");
    atomic_fetch_add(&handled, 1);
    reply_value(r, 200,
                json_pack("{s:s, s:s, s:b, s:s}", "param", r->path_params[0], "q",
                          q != NULL ? q : "", "signed_in", r->signed_in, "path", r->path));
}

static void get_id(struct request *r)
{
    struct id id;
    char text[ID_TEXT_SIZE];
    enum err e = req_id(r, 0, &id);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    id_text(&id, text);
    reply_text(r, 200, "text/plain", text, strlen(text));
}

static void post_json(struct request *r)
{
    struct write_key key;
    char hash[HEX_SIZE(32)];
    enum err e = req_write_key(r, &key);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    hex_encode(key.request_hash, 32, hash);
    atomic_fetch_add(&handled, 1);
    reply_value(r, 201,
                json_pack("{s:O, s:s, s:I}", "body", r->json, "hash", hash, "bytes",
                          (json_int_t)r->body_len));
}

static void put_file(struct request *r)
{
    char hash[HEX_SIZE(32)];
    hex_encode(r->body_hash, 32, hash);
    if (access(r->body_file, R_OK) != 0) {
        api_fail(r, ERR_INTERNAL);
        return;
    }
    reply_text(r, 201, "text/plain", hash, strlen(hash));
}

static void get_file(struct request *r)
{
    reply_file(r, 200, "application/octet-stream", "/etc/services");
}

/* Takes the time of a short statement. */
static void get_work(struct request *r)
{
    const struct timespec time = { .tv_nsec = 2 * 1000 * 1000 };
    (void)nanosleep(&time, NULL);
    atomic_fetch_add(&handled, 1);
    reply_text(r, 200, "text/plain", "done", 4);
}

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_open = PTHREAD_COND_INITIALIZER;
static unsigned gate_generation;

/* Blocks its worker until POST /release. */
static void get_block(struct request *r)
{
    (void)pthread_mutex_lock(&gate_lock);
    unsigned seen = gate_generation;
    while (gate_generation == seen)
        (void)pthread_cond_wait(&gate_open, &gate_lock);
    (void)pthread_mutex_unlock(&gate_lock);
    reply_text(r, 200, "text/plain", "released", 8);
}

static void get_release(struct request *r)
{
    (void)pthread_mutex_lock(&gate_lock);
    gate_generation++;
    (void)pthread_cond_broadcast(&gate_open);
    (void)pthread_mutex_unlock(&gate_lock);
    reply_empty(r, 204);
}

static atomic_ulong event_number;

/* Long poll: answers when the event has reached ?q=N, or after 2 s with what there is. */
static void get_wait(struct request *r)
{
    const char *q = req_query(r, "q");
    uint64_t wanted = 0;
    char text[64];
    if (q != NULL && !u64_parse(q, strlen(q), &wanted)) {
        api_fail(r, ERR_QUERY);
        return;
    }
    unsigned long now = atomic_load(&event_number);
    if (now < wanted && !r->waited) {
        api_wait(r, clock_monotonic() + 2 * USEC_PER_SEC);
        return;
    }
    (void)snprintf(text, sizeof(text), "%lu %s", now, now < wanted ? "late" : "in time");
    reply_text(r, 200, "text/plain", text, strlen(text));
}

/* A wake that comes after the handler has looked and before it is parked: it must run again at
 * once. */
static void get_race(struct request *r)
{
    static atomic_ulong runs;
    if (!r->waited && atomic_fetch_add(&runs, 1) % 2 == 0) {
        listener_wake(r->app->listener);
        api_wait(r, clock_monotonic() + 2 * USEC_PER_SEC);
        return;
    }
    reply_text(r, 200, "text/plain", r->waited ? "late" : "in time", r->waited ? 4 : 7);
}

static void get_wake(struct request *r)
{
    atomic_fetch_add(&event_number, 1);
    listener_wake(r->app->listener);
    reply_empty(r, 204);
}

static void get_database(struct request *r)
{
    atomic_store(&database_down, strcmp(r->path_params[0], "down") == 0);
    reply_empty(r, 204);
}

static const char *big_file;

static void get_big(struct request *r)
{
    if (big_file == NULL)
        api_fail(r, ERR_NOT_FOUND);
    else
        reply_file(r, 200, "application/octet-stream", big_file);
}

static void get_etag(struct request *r)
{
    reply_etag_version(r, 7);
    reply_header(r, "Cache-Control", "no-cache");
    reply_json(r, 200, FAST, sizeof(FAST) - 1);
}

static void delete_thing(struct request *r)
{
    int64_t version;
    enum err e = req_if_match(r, &version);
    if (e == OK && version != 7)
        e = ERR_IF_MATCH;
    if (e != OK)
        api_fail(r, e);
    else
        reply_empty(r, 204);
}

static void get_broken(struct request *r)
{
    (void)r; /* forgets to reply: the edge must answer 500 */
}

static void get_split(struct request *r)
{
    reply_header(r, "X-Bad", "a\r\nSet-Cookie: b"); /* must not reach the wire */
    reply_empty(r, 204);
}

static void get_count(struct request *r)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%lu", atomic_load(&handled));
    reply_text(r, 200, "text/plain", text, strlen(text));
}

static void get_metrics(struct request *r)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    enum err e = listener_metrics(r->app->listener, &text);
    if (e != OK)
        api_fail(r, e);
    else
        reply_text(r, 200, "application/openmetrics-text", text.data, text.len);
    buf_release(&text);
}

#define ROUTE(m, t, h)                                                                             \
    .method = (m), .template = (t), .operation = #h, .handler = (h), .deadline_ms = 5000
#define INLINE .who = WHO_ANYONE, .inline_ok = true
const struct route api_routes[] = {
    { ROUTE(M_GET, "/fast", get_fast), INLINE },
    { ROUTE(M_GET, "/count", get_count), INLINE },
    { ROUTE(M_GET, "/metrics", get_metrics), INLINE },
    { ROUTE(M_GET, "/release", get_release), INLINE },
    { ROUTE(M_GET, "/wake", get_wake), INLINE },
    { ROUTE(M_GET, "/database/{state}", get_database), INLINE },
    { ROUTE(M_GET, "/etag", get_etag), INLINE },
    { ROUTE(M_GET, "/broken", get_broken), INLINE },
    { ROUTE(M_GET, "/split", get_split), INLINE },
    { ROUTE(M_GET, "/echo/{param}", get_echo), .query = "q limit" },
    { ROUTE(M_GET, "/rest/{path...}", get_echo), .no_db = true, .query = "q limit" },
    { ROUTE(M_GET, "/id/{id}", get_id) },
    { ROUTE(M_GET, "/file", get_file) },
    { ROUTE(M_GET, "/work", get_work) },
    { ROUTE(M_GET, "/block", get_block) },
    { ROUTE(M_GET, "/wait", get_wait), .query = "q" },
    { ROUTE(M_GET, "/race", get_race) },
    { ROUTE(M_GET, "/big", get_big) },
    { ROUTE(M_GET, "/me/{param}", get_echo), .who = WHO_SIGNED_IN, .query = "q limit" },
    { ROUTE(M_GET, "/patient/{param}", get_echo), .who = WHO_PATIENT, .query = "q limit" },
    { ROUTE(M_POST, "/json", post_json), .body = BODY_JSON, .body_max = 65536 },
    { ROUTE(M_POST, "/me/{param}", post_json), .who = WHO_SIGNED_IN, .body = BODY_JSON,
      .body_max = 1024 },
    { ROUTE(M_PUT, "/file/{name}", put_file), .body = BODY_FILE, .body_max = 64u << 20 },
    { ROUTE(M_DELETE, "/thing/{id}", delete_thing) },
};
const size_t api_routes_n = COUNT(api_routes);

/* ---- program
 * --------------------------------------------------------------------------------------- */

static bool option(struct listener_config *c, const char *name, const char *value)
{
    const struct {
        const char *name;
        unsigned *ret;
    } numbers[] = {
        { "--threads", &c->threads },       { "--workers", &c->workers },
        { "--queue", &c->queue_max },       { "--rate-local", &c->rate_local },
        { "--rate-token", &c->rate_token }, { "--connections-per-ip", &c->connections_per_ip },
    };
    uint64_t n = 0;
    bool number = u64_parse(value, strlen(value), &n) && n <= UINT32_MAX;
    if (strcmp(name, "--tmp") == 0)
        c->tmp_dir = value;
    else if (strcmp(name, "--big") == 0)
        big_file = value;
    else if (strcmp(name, "--address") == 0)
        c->address = value;
    else if (strcmp(name, "--port") == 0 && number && n <= UINT16_MAX)
        c->port = (uint16_t)n;
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (strcmp(name, numbers[i].name) == 0 && number)
            *numbers[i].ret = (unsigned)n;
    return true;
}

int main(int argc, char **argv)
{
    struct listener_config config = { .address = "127.0.0.1", .tmp_dir = "/tmp" };
    struct app app = { 0 };
    sigset_t signals;
    int got = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0)
            log_set_level(LOG_WARN);
        else if (i + 1 < argc && option(&config, argv[i], argv[i + 1]))
            i++;
    }
    crypto_setup();
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (listener_start(&app, &config, &app.listener) != OK)
        return 1;
    printf("{\"event\":\"listening\",\"port\":%u}\n", listener_port(app.listener));
    (void)fflush(stdout);
    (void)sigwait(&signals, &got);
    listener_stop(app.listener);
    printf("{\"event\":\"stopped\"}\n");
    return 0;
}
