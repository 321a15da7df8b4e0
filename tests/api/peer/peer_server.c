/* One member's end of the transport as a program, without a database, for the raw tests of this
 * folder. Usage: peer_server --me N --seed HEX --genesis HEX [--member N,KEY,ENDPOINT]...
 * [--port N] [--tmp DIR] [--rate-local N] [--now-offset SECONDS] [--quiet]; prints
 * {"event":"listening",...} and one line for each frame that comes in; SIGTERM stops it. */
#include "api/v1/handlers.h"
#include "server/base/json.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/ledger/io/peers.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- routes ---------------------------------------------------------------------------- */

/* /send/{to}/{lane}/{payload in hex} */
static void get_send(struct request *r)
{
    uint8_t payload[512];
    uint64_t to = 0, lane = 0;
    size_t len = strlen(r->path_params[2]);
    if (!u64_parse(r->path_params[0], strlen(r->path_params[0]), &to) || to > UINT16_MAX ||
        !u64_parse(r->path_params[1], strlen(r->path_params[1]), &lane) || lane >= PEERS_LANES ||
        len / 2 > sizeof(payload) || !hex_decode(r->path_params[2], len, payload, len / 2)) {
        api_fail(r, ERR_QUERY);
        return;
    }
    peers_send(r->app->peers, (uint16_t)to, (enum peers_lane)lane, WIRE_VOTE, payload, len / 2);
    peers_flush(r->app->peers);
    reply_empty(r, 204);
}

/* A call on behalf of people: it has to be fresh, and comes once. */
static void post_echo(struct request *r)
{
    reply_value(r, 200, json_pack("{s:i, s:O}", "peer", (int)r->peer, "body", r->json));
}

static void get_metrics(struct request *r)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    enum err e = peers_metrics(r->app->peers, &text);
    if (e == OK)
        e = listener_metrics(r->app->listener, &text);
    if (e != OK)
        api_fail(r, e);
    else
        reply_text(r, 200, "application/openmetrics-text", text.data, text.len);
    buf_release(&text);
}

const struct route api_routes[] = {
    { M_POST, PEERS_PATH, "postFrames", api_frames_post, WHO_PEER, BODY_FRAMES, WIRE_POST_MAX,
      10000, true, true, NULL },
    { M_POST, "/peer/v1/echo", "echo", post_echo, WHO_PEER, BODY_JSON, 65536, 5000, false, true,
      "q" },
    { M_GET, "/send/{to}/{lane}/{payload}", "send", get_send, WHO_ANYONE, BODY_NONE, 0, 5000, true,
      false, NULL },
    { M_GET, "/metrics", "metrics", get_metrics, WHO_ANYONE, BODY_NONE, 0, 5000, true, false,
      NULL },
};
const size_t api_routes_n = COUNT(api_routes);

/* ---- the inbox ------------------------------------------------------------------------- */

struct mail {
    struct peers *peers;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stop;
};

static void wake(void *arg)
{
    struct mail *m = arg;
    (void)pthread_mutex_lock(&m->lock);
    m->woken = true;
    (void)pthread_cond_signal(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
}

static void print_frame(void *arg, uint16_t from, uint8_t type, const uint8_t *payload, size_t len)
{
    uint8_t hash[HASH_BYTES];
    char text[HEX_SIZE(HASH_BYTES)];
    (void)arg;
    sha256(payload, len, hash);
    hex_encode(hash, sizeof(hash), text);
    printf("{\"event\":\"frame\",\"from\":%u,\"type\":%u,\"len\":%zu,\"sha256\":\"%s\"}\n", from,
           type, len, text);
    (void)fflush(stdout);
}

static void *read_mail(void *arg)
{
    struct mail *m = arg;
    for (;;) {
        (void)pthread_mutex_lock(&m->lock);
        while (!m->woken && !m->stop)
            (void)pthread_cond_wait(&m->changed, &m->lock);
        bool stop = m->stop;
        m->woken = false;
        (void)pthread_mutex_unlock(&m->lock);
        if (stop)
            return NULL;
        (void)peers_take(m->peers, print_frame, NULL);
    }
}

/* ---- program --------------------------------------------------------------------------- */

struct options {
    struct listener_config listen;
    struct peers_config peers;
    struct members members;
    usec_t now_offset;
};

static bool add_member(struct members *m, const char *text)
{
    struct member *at = &m->list[m->n];
    const char *key = strchr(text, ','), *endpoint = key != NULL ? strchr(key + 1, ',') : NULL;
    uint64_t number = 0;
    if (endpoint == NULL || m->n == MEMBERS_MAX || strlen(endpoint) > MEMBER_ENDPOINT_MAX ||
        !u64_parse(text, (size_t)(key - text), &number) || number > UINT16_MAX ||
        !hex_decode(key + 1, (size_t)(endpoint - key - 1), at->member_key, sizeof(at->member_key)))
        return false;
    at->number = (uint16_t)number;
    at->role = MEMBER_VALIDATOR;
    (void)snprintf(at->endpoint, sizeof(at->endpoint), "%s", endpoint + 1);
    m->n++;
    return true;
}

static bool option(struct options *o, const char *name, const char *value)
{
    uint8_t seed[SIGN_SEED_BYTES];
    uint64_t n = 0;
    size_t len = strlen(value);
    bool number = u64_parse(value, len, &n) && n <= UINT32_MAX;
    if (strcmp(name, "--tmp") == 0) {
        o->listen.tmp_dir = value;
    } else if (strcmp(name, "--member") == 0) {
        return add_member(&o->members, value);
    } else if (strcmp(name, "--genesis") == 0) {
        return hex_decode(value, len, o->peers.genesis, HASH_BYTES);
    } else if (strcmp(name, "--seed") == 0) {
        if (!hex_decode(value, len, seed, sizeof(seed)))
            return false;
        sign_key_from_seed(seed, &o->peers.member_key);
    } else if (!number) {
        return false;
    } else if (strcmp(name, "--me") == 0) {
        o->peers.me = (uint16_t)n;
    } else if (strcmp(name, "--port") == 0) {
        o->listen.port = (uint16_t)n;
    } else if (strcmp(name, "--rate-local") == 0) {
        o->listen.rate_local = (unsigned)n;
    } else if (strcmp(name, "--now-offset") == 0) {
        o->now_offset = (usec_t)n * USEC_PER_SEC;
    }
    return true;
}

static usec_t now(const struct app *app)
{
    return clock_now() + app->now_offset;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0)
            log_set_level(LOG_ERROR);
        else if (i + 1 >= argc || !option(o, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return o->peers.me > 0;
}

int main(int argc, char **argv)
{
    static struct options o = { .listen = { .address = "127.0.0.1", .threads = 2, .workers = 2 } };
    struct app app = { .now = now };
    struct mail mail = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    pthread_t reader;
    sigset_t signals;
    int got = 0;
    crypto_setup();
    json_setup();
    if (!parse(argc, argv, &o))
        return 2;
    app.now_offset = o.now_offset;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    o.peers.wake = wake;
    o.peers.wake_arg = &mail;
    if (peers_open(&o.peers, &app.peers) != OK)
        return 1;
    mail.peers = app.peers;
    peers_set_members(app.peers, &o.members);
    if (pthread_create(&reader, NULL, read_mail, &mail) != 0 ||
        listener_start(&app, &o.listen, &app.listener) != OK)
        return 1;
    printf("{\"event\":\"listening\",\"port\":%u}\n", listener_port(app.listener));
    (void)fflush(stdout);
    (void)sigwait(&signals, &got);
    listener_stop(app.listener);
    (void)pthread_mutex_lock(&mail.lock);
    mail.stop = true;
    (void)pthread_cond_signal(&mail.changed);
    (void)pthread_mutex_unlock(&mail.lock);
    (void)pthread_join(reader, NULL);
    peers_close(app.peers);
    printf("{\"event\":\"stopped\"}\n");
    return 0;
}
