/* Load for the benchmarks, from one thread over keep-alive sockets, as fast as the answers come:
 *   load KIND SERVER WORLD CLIENTS MILLISECONDS FIRST COUNT
 * KIND is submission or deposit (writes; COUNT of them are signed before the clock starts, FIRST is
 * the first pair of patient and bounty that is still unused) or the name of a file with one path a
 * line (GET, in a circle, by the first sponsor). WORLD comes from world.c. Prints one JSON object;
 * fails if any answer is not a success. */
#include "api/client/calls.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 256
#define REPLY_MAX (256u << 10)
#define LINE_MAX_BYTES 512

struct person {
    uint8_t root[ROOT_BYTES];
    char token[CLIENT_TOKEN_MAX];
};

struct offered {
    struct id bounty;
    uint8_t terms_hash[HASH_BYTES];
};

struct load {
    const char *kind;
    struct person *patients, *sponsors;
    struct offered *bounties;
    size_t n_patients, n_sponsors, n_bounties;
    /* the requests, whole */
    struct buf *requests;
    size_t n, next;
    bool circle; /* start again behind the last */
    /* the run */
    usec_t stop_at, last;
    size_t running, good, bad;
    uint32_t *latency; /* microseconds of each good answer */
    size_t latency_max;
};

struct connection {
    int fd;
    const struct buf *out;
    size_t sent, got, need; /* need: bytes of the whole answer, 0 while its head is incomplete */
    usec_t begun;
    char *in;
};

_Noreturn static void give_up(const char *what)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the world ------------------------------------------------------------------------------- */

static void *grown(void *array, size_t n, size_t size)
{
    void *more = n % 256 == 0 ? reallocarray(array, n + 256, size) : array;
    if (more == NULL)
        give_up("memory");
    return more;
}

static void read_person(char *text, struct person **list, size_t *n)
{
    char *save = NULL, *root = strtok_r(text, " \n", &save), *token = strtok_r(NULL, " \n", &save);
    *list = grown(*list, *n, sizeof(**list));
    struct person *p = &(*list)[*n];
    if (root == NULL || token == NULL || !hex_decode(root, strlen(root), p->root, ROOT_BYTES))
        give_up("a person of the world is malformed");
    (void)snprintf(p->token, sizeof(p->token), "%s", token);
    (*n)++;
}

static void read_bounty(char *text, struct load *l)
{
    char *save = NULL, *id = strtok_r(text, " \n", &save), *hash = strtok_r(NULL, " \n", &save);
    l->bounties = grown(l->bounties, l->n_bounties, sizeof(*l->bounties));
    struct offered *o = &l->bounties[l->n_bounties];
    if (id == NULL || hash == NULL || !id_parse(id, &o->bounty) ||
        !hex_decode(hash, strlen(hash), o->terms_hash, HASH_BYTES))
        give_up("a bounty of the world is malformed");
    l->n_bounties++;
}

static void read_world(const char *path, struct load *l)
{
    char line[LINE_MAX_BYTES];
    FILE *f = fopen(path, "re");
    if (f == NULL)
        give_up(path);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "bounty ", 7) == 0)
            read_bounty(line + 7, l);
        else if (strncmp(line, "patient ", 8) == 0)
            read_person(line + 8, &l->patients, &l->n_patients);
        else if (strncmp(line, "sponsor ", 8) == 0)
            read_person(line + 8, &l->sponsors, &l->n_sponsors);
    }
    (void)fclose(f);
    if (l->n_patients == 0 || l->n_sponsors == 0 || l->n_bounties == 0)
        give_up("the world is empty");
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static json_t *random_b64(size_t len)
{
    uint8_t bytes[64];
    assert(len <= sizeof(bytes));
    random_bytes(bytes, len);
    return json_of_bytes(bytes, len);
}

/* The server sees hashes alone when a submission is opened, so any will do. */
static json_t *submission_extras(const struct offered *o, const struct box_key *receive)
{
    json_t *content = random_b64(HASH_BYTES);
    struct id record = new_id();
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:{s:i, s:s, s:i, s:o, s:o, s:O}, s:{s:s, s:i, s:i, s:o},"
        " s:{s:i, s:i}}",
        "bounty", json_of_id(&o->bounty), "terms_hash", json_of_bytes(o->terms_hash, HASH_BYTES),
        "receive_key", json_of_bytes(receive->public, BOX_PUBLIC_BYTES), "record",
        json_of_id(&record), "manifest", "suite", 1, "schema", "cairn-timeline/1", "size", 8192,
        "ciphertext_hash", random_b64(HASH_BYTES), "key_commitment", random_b64(HASH_BYTES),
        "content_commitment", content, "certificate", "checks", "cairn-checks/1", "errors", 0,
        "warnings", 0, "content_commitment", content, "claims", "visits", 5, "months", 24);
}

static enum err submission(const struct load *l, size_t i, struct statement *ret,
                           const char **ret_token, const char **ret_path)
{
    const struct person *patient = &l->patients[i % l->n_patients];
    const struct offered *o = &l->bounties[i / l->n_patients % l->n_bounties];
    struct sign_key key;
    struct box_key receive;
    keys_bounty(patient->root, &o->bounty, &key, &receive);
    *ret_token = patient->token;
    *ret_path = "/v1/submissions";
    return client_statement("submission.open", 1, submission_extras(o, &receive), &key, ret, NULL);
}

static enum err deposit(const struct load *l, size_t i, struct statement *ret,
                        const char **ret_token, const char **ret_path)
{
    const struct person *sponsor = &l->sponsors[i % l->n_sponsors];
    struct sign_key key;
    keys_identity(sponsor->root, &key);
    *ret_token = sponsor->token;
    *ret_path = "/v1/deposits";
    return client_statement(
        "deposit.request", 1,
        json_pack("{s:i, s:s, s:s}", "amount_minor", 100, "currency", "EUR", "reference", "bench"),
        &key, ret, NULL);
}

static void make_write(const struct load *l, size_t i, struct buf *ret)
{
    struct statement s;
    const char *token = NULL, *path = NULL;
    char key[HTTP_KEY_SIZE];
    enum err e = strcmp(l->kind, "deposit") == 0 ? deposit(l, i, &s, &token, &path)
                                                 : submission(l, i, &s, &token, &path);
    if (e == OK) {
        http_key(key);
        e = buf_addf(ret,
                     "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                     "Idempotency-Key: %s\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n{\"statement\":%s}",
                     path, token, key, s.canonical_len + 14, s.canonical);
        statement_release(&s);
    }
    if (e != OK)
        give_up(err_text(e));
}

static void make_writes(struct load *l, size_t first, size_t count)
{
    l->n = count;
    if (strcmp(l->kind, "submission") == 0 && first + count > l->n_patients * l->n_bounties)
        give_up("the world has no more pairs of patient and bounty");
    l->requests = calloc(count, sizeof(*l->requests));
    for (size_t i = 0; i < count && l->requests != NULL; i++) {
        buf_init(&l->requests[i], 64u << 10);
        make_write(l, first + i, &l->requests[i]);
    }
}

static void make_reads(struct load *l)
{
    char line[LINE_MAX_BYTES];
    FILE *f = fopen(l->kind, "re");
    if (f == NULL)
        give_up(l->kind);
    for (l->circle = true; fgets(line, sizeof(line), f) != NULL; l->n++) {
        line[strcspn(line, "\n")] = '\0';
        l->requests = grown(l->requests, l->n, sizeof(*l->requests));
        buf_init(&l->requests[l->n], 4096);
        if (buf_addf(&l->requests[l->n],
                     "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n", line,
                     l->sponsors[0].token) != OK)
            give_up("a path is too long");
    }
    (void)fclose(f);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void connect_to(struct connection *c, const char *host, uint16_t port)
{
    const int on = 1;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    c->in = malloc(REPLY_MAX + 1);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->in == NULL || c->fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        give_up("connect");
}

/* A request fits the socket's buffer, so that writing it never waits. */
static void send_next(struct load *l, struct connection *c)
{
    c->out = NULL;
    if (l->circle && l->next == l->n)
        l->next = 0;
    c->begun = clock_monotonic();
    if (l->next == l->n || c->begun >= l->stop_at) {
        l->running--;
        return;
    }
    c->out = &l->requests[l->next++];
    c->got = c->need = 0;
    if (send(c->fd, c->out->data, c->out->len, MSG_NOSIGNAL) != (ssize_t)c->out->len)
        give_up("send");
}

/* Bytes of the whole answer, 0 while its head is incomplete. */
static size_t answer_size(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length: ");
    if (end == NULL)
        return 0;
    if (length == NULL || length > end)
        give_up("an answer without Content-Length");
    return (size_t)(end + 4 - text) + (size_t)strtoul(length + 18, NULL, 10);
}

static void take_answer(struct load *l, struct connection *c)
{
    l->last = clock_monotonic();
    if (strncmp(c->in, "HTTP/1.1 2", 10) == 0) {
        if (l->good < l->latency_max)
            l->latency[l->good] = (uint32_t)(l->last - c->begun);
        l->good++;
    } else if (l->bad++ == 0) {
        (void)fprintf(stderr, "load: %s\n", c->in);
    }
    send_next(l, c);
}

static void receive(struct load *l, struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->got, REPLY_MAX - c->got, 0);
    if (n == 0) {
        (void)fprintf(stderr,
                      "load: the server closed a connection, %zu bytes into the answer to: %.60s\n",
                      c->got, (const char *)c->out->data);
        exit(1);
    }
    if (n < 0)
        give_up("recv");
    c->got += (size_t)n;
    c->in[c->got] = '\0';
    if (c->need == 0)
        c->need = answer_size(c->in);
    if (c->need > REPLY_MAX)
        give_up("an answer is too long");
    if (c->need > 0 && c->got >= c->need)
        take_answer(l, c);
}

static void run(struct load *l, struct connection *clients, size_t n)
{
    struct epoll_event events[CLIENTS_MAX];
    int queue = epoll_create1(EPOLL_CLOEXEC);
    if (queue < 0)
        give_up("epoll");
    for (size_t i = 0; i < n; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &clients[i] };
        if (epoll_ctl(queue, EPOLL_CTL_ADD, clients[i].fd, &e) != 0)
            give_up("epoll");
    }
    l->running = n;
    for (size_t i = 0; i < n; i++)
        send_next(l, &clients[i]);
    while (l->running > 0) {
        int got = epoll_wait(queue, events, CLIENTS_MAX, -1);
        for (int i = 0; i < got; i++)
            receive(l, events[i].data.ptr);
    }
    (void)close(queue);
}

/* ---- the report ------------------------------------------------------------------------------ */

static double cpu_seconds(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(struct load *l, double seconds, double cpu)
{
    size_t n = l->good < l->latency_max ? l->good : l->latency_max;
    qsort(l->latency, n, sizeof(*l->latency), by_size);
    (void)printf(
        "{\"good\": %zu, \"bad\": %zu, \"used\": %zu, \"seconds\": %.4f, \"per_second\": %.1f,"
        " \"p50_us\": %u, \"p99_us\": %u, \"cpu_share\": %.3f}\n",
        l->good, l->bad, l->circle ? 0 : l->next, seconds, (double)l->good / seconds,
        n > 0 ? l->latency[n / 2] : 0, n > 0 ? l->latency[n * 99 / 100] : 0, cpu / seconds);
}

static bool number(const char *text, uint64_t most, uint64_t *ret)
{
    return u64_parse(text, strlen(text), ret) && *ret <= most;
}

int main(int argc, char **argv)
{
    struct load l = { 0 };
    static struct connection clients[CLIENTS_MAX];
    uint64_t n = 0, ms = 0, first = 0, count = 0, port = 0;
    char host[32] = "";
    const char *colon = argc == 8 ? strrchr(argv[2], ':') : NULL;
    if (colon == NULL || strncmp(argv[2], "http://", 7) != 0 || (size_t)(colon - argv[2]) > 38 ||
        !number(colon + 1, 65535, &port) || !number(argv[4], CLIENTS_MAX, &n) ||
        !number(argv[5], 600000, &ms) || !number(argv[6], 100000000, &first) ||
        !number(argv[7], 1000000, &count)) {
        (void)fprintf(stderr, "usage: load KIND SERVER WORLD CLIENTS MILLISECONDS FIRST COUNT\n");
        return 2;
    }
    memcpy(host, argv[2] + 7, (size_t)(colon - argv[2]) - 7);
    crypto_setup();
    json_setup();
    l.kind = argv[1];
    read_world(argv[3], &l);
    if (strcmp(l.kind, "submission") == 0 || strcmp(l.kind, "deposit") == 0)
        make_writes(&l, (size_t)first, (size_t)count);
    else
        make_reads(&l);
    l.latency_max = 1u << 20;
    l.latency = calloc(l.latency_max, sizeof(*l.latency));
    if (l.requests == NULL || l.n == 0 || l.latency == NULL)
        give_up("nothing to send");
    for (size_t i = 0; i < n; i++)
        connect_to(&clients[i], host, (uint16_t)port);
    double cpu = cpu_seconds();
    usec_t begun = clock_monotonic();
    l.stop_at = begun + (usec_t)ms * 1000;
    run(&l, clients, (size_t)n);
    report(&l, (double)(l.last - begun) / 1e6, cpu_seconds() - cpu);
    return l.bad == 0 ? 0 : 1;
}
