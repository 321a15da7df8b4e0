/* What the files of api/http share and nobody else sees: the listener, the job (one request on its
 * way through the threads) and the reply. A job belongs to exactly one thread at a time: the
 * connection's libmicrohttpd thread, then (while the connection is suspended) the queue and a
 * worker, then the libmicrohttpd thread again, which frees it in the completion callback. */
#ifndef CAIRN_API_HTTP_EDGE_H
#define CAIRN_API_HTTP_EDGE_H

#include "api/http/conns.h"
#include "api/http/http.h"
#include "api/http/query.h"
#include "api/http/rate.h"
#include "api/http/router.h"
#include "server/base/buf.h"
#include "server/crypto/hash.h"

#include <microhttpd.h>
#include <pthread.h>

/* Deadlines (docs/limits.md). */
#define HEAD_DEADLINE (8 * USEC_PER_SEC)
#define IDLE_DEADLINE (60 * USEC_PER_SEC)
#define LINGER_DEADLINE (2 * USEC_PER_SEC)
#define REPLY_GRACE (5 * USEC_PER_SEC)
#define WAIT_MARGIN (1 * USEC_PER_SEC) /* a long poll answers this long before its deadline */
#define BODY_GRACE (5 * USEC_PER_SEC)
#define BODY_BYTES_PER_SEC 2048
#define DRAIN_DEADLINE (10 * USEC_PER_SEC)

#define ARENA_MAX ((size_t)16 << 20)
#define BODY_MEMORY_MAX ((size_t)64 << 20) /* JSON bodies under way, all requests together */
#define INLINE_BODY_MAX                                                                            \
    ((size_t)1 << 20)    /* a larger one is hashed by a worker: 0.7 ms for this one */
#define PEER_RATE 10000u /* requests per second of one member */
#define LINGER_BYTES ((size_t)1 << 20)
#define PARKED_MAX 4096u
#define TOKEN_MAX 256u
#define REPLY_HEADERS_MAX 16u
#define REPLY_TEXT_MAX 1536u
#define REPLY_BODY_MAX ((size_t)16 << 20)

struct reply {
    int status; /* 0 = none yet */
    enum err error;
    char *body; /* malloc */
    size_t len;
    int fd; /* of reply_file, else -1 */
    uint64_t fd_size;
    bool close; /* Connection: close */
    unsigned n;
    const char *names[REPLY_HEADERS_MAX], *values[REPLY_HEADERS_MAX]; /* in text */
    size_t text_len;
    char text[REPLY_TEXT_MAX];
};

struct body {
    struct buf bytes; /* BODY_JSON, BODY_TEXT, BODY_FRAMES */
    int fd;           /* -1 = no file */
    char path[300];
    struct blake2b hash;
    uint64_t received, expected;
    size_t charged;             /* against listener.body_memory */
    size_t expected_of_peer;    /* against the member's part of the inbox */
    uint8_t digest[HASH_BYTES]; /* WHO_PEER: what it must have, if there is a body */
};

struct job {
    struct request r; /* first, so that a struct request * of ours is a struct job * */
    struct listener *l;
    struct conn *conn;
    struct MHD_Connection *mhd;
    char *target;  /* as sent; cut at the question mark */
    char *scratch; /* decoded path parameters */
    struct query query;
    bool known_method, options;
    unsigned allow;
    usec_t started, deadline;
    enum err refusal; /* decided before the body, answered after it or at once */
    bool begun;       /* the access handler was called once */
    bool answered;    /* by us, past libmicrohttpd: nothing may follow */
    bool traced;      /* traceparent was valid: echo it */
    bool wait;        /* api_wait was called */
    usec_t wait_until;
    uint64_t wakes; /* listener_wake calls seen before the handler ran */
    bool again;     /* was parked once */
    struct rate_state by_ip, by_token;
    bool has_token;
    struct body body;
    struct reply reply;
    struct job *next;
};

struct worker {
    struct listener *l;
    pthread_t thread;
    struct db *db;
};

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t ready;    /* a job was pushed, or stop */
    pthread_cond_t quiet;    /* out reached 0, or open reached 0 */
    struct job *head, *tail; /* waiting for a worker */
    struct job *parked;
    unsigned queued, reserved, parked_n;
    unsigned
        out; /* jobs not with their libmicrohttpd thread: reserved, queued, running or parked */
    uint64_t wakes;
    atomic_bool draining;
    bool stop;
    unsigned workers_n;
    struct worker *workers;
};

#define STATUS_CLASSES 6
#define LATENCY_BUCKETS 10

struct metrics {
    atomic_ulong *requests; /* [(route, or one more for "none") * STATUS_CLASSES + class] */
    atomic_ulong refused[ERR_COUNT];
    atomic_ulong latency[LATENCY_BUCKETS + 1], latency_us;
    atomic_ulong accepted, closed, cut[PHASE_COUNT], broken;
};

struct listener {
    struct app *app;
    struct listener_config config;
    const struct route *routes;
    size_t routes_n;
    struct router *router;
    struct rate *rate;
    struct rate_policy policy_ip, policy_token, policy_local, policy_peer;
    char policy_text[2][2][80]; /* RateLimit-Policy: [from loopback][with a token] */
    char policy_text_peer[80];
    struct metrics metrics;
    struct jobs jobs;
    atomic_size_t body_memory;
    atomic_uint open; /* requests under way */
    struct MHD_Daemon *daemon;
    atomic_bool started;
    int socket;
    uint16_t port;
    char tmp_dir[256];
    pthread_t reaper;
    pthread_mutex_t reaper_lock;
    pthread_cond_t reaper_wake;
    bool reaper_stop;
};

/* access.c: libmicrohttpd's callbacks; cls is the listener. */
void *access_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result access_request(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context);
void access_completed(void *cls, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode code);
void access_connection(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code);

/* job.c */
struct job *job_new(struct listener *l, struct conn *c, struct MHD_Connection *mhd,
                    const char *uri);
void job_free(struct job *j);
/* Everything that can be decided from the head. */
enum err job_check_head(struct job *j, const char *method) MUST_USE;
/* Parses, authenticates, runs the handler; leaves a reply or a wish to wait. db may be NULL. */
void job_run(struct job *j, struct db *db);
struct job *job_of(const struct request *r);

/* peer.c: WHO_PEER. The head says who calls and proves it; the query is as sent, without the
 * question mark, or NULL. */
enum err peer_check_head(struct job *j, const char *method, const char *query) MUST_USE;
/* The body is the one that was signed. */
enum err peer_check_body(struct job *j) MUST_USE;
/* Gives back what the head reserved. */
void peer_release(struct job *j);

/* body.c */
enum err body_begin(struct job *j) MUST_USE;
enum err body_add(struct job *j, const void *bytes, size_t len) MUST_USE;
enum err body_end(struct job *j) MUST_USE;
/* Frees, and removes the file if the handler has not renamed it. */
void body_release(struct job *j);
/* Removes what an earlier process left behind. */
void body_sweep(const char *dir);

/* workers.c */
enum err workers_start(struct listener *l) MUST_USE;
/* Takes a place in the queue; ERR_BUSY when there is none. Then suspend, then push. */
enum err workers_reserve(struct listener *l) MUST_USE;
void workers_push(struct job *j);
/* Answers what waited too long; puts parked jobs back whose time has come. */
void workers_tick(struct listener *l, usec_t now);
/* No new job is taken; returns when none is out. */
void workers_drain(struct listener *l);
void workers_stop(struct listener *l);

/* reaper.c */
enum err reaper_start(struct listener *l) MUST_USE;
void reaper_stop(struct listener *l);

/* reply.c */
void reply_reset(struct reply *r);
void reply_clear(struct reply *r); /* frees */
/* Adds the headers that every reply carries; then hands it to libmicrohttpd. */
enum MHD_Result reply_send(struct job *j);
/* Writes it past libmicrohttpd, for refusals while a body is still coming; then nothing follows. */
void reply_send_raw(struct job *j);

/* problem.c: the JSON of RFC 9457; ret is a string of at most size bytes. */
size_t problem_json(enum err e, const struct problem *p, const char *request, char *ret,
                    size_t size);

/* recv_guard.c: refuses the connection's current head, with the reply built here. */
void guard_refuse(struct conn *c, enum err e);
/* Sends a complete reply, ends our side, drains theirs. */
void guard_send(struct conn *c, const char *bytes, size_t len);

/* metrics.c */
enum err metrics_init(struct metrics *m, size_t routes_n) MUST_USE;
void metrics_release(struct metrics *m);
void metrics_request(struct listener *l, const struct job *j, usec_t now);

#endif
