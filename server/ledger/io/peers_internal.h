/* What the files of the transport share. One mutex guards the list of peers, the queues and the
 * inbox; it is never held while bytes are copied, signed or sent. What is marked "thread" belongs
 * to the transport thread alone. */
#ifndef CAIRN_LEDGER_PEERS_INTERNAL_H
#define CAIRN_LEDGER_PEERS_INTERNAL_H

#include "server/base/clock.h"
#include "server/ledger/io/peers.h"
#include "server/peer/nonces.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

/* Those that left keep their place until their last POST is over, hence twice as many. */
#define PEERS_PLACES (2 * MEMBERS_MAX)

/* One frame as it goes on the wire, shared by the queues it stands in. */
struct frame {
    atomic_uint holders;
    struct buf bytes;
};
struct frame *frame_new(uint8_t type, const void *payload, size_t len);
void frame_hold(struct frame *f);
void frame_drop(struct frame *f);

/* A ring of frames, oldest first. */
struct queue {
    struct frame *ring[PEERS_QUEUE_FRAMES];
    size_t head, n, bytes;
};
/* At the new end; takes over one hold. Drops from the old end what is beyond the bounds, and
 * returns how many that were. */
size_t queue_push(struct queue *q, struct frame *f, size_t frames_max, size_t bytes_max);
/* At the old end, if it fits within the bounds; takes over the hold if so. */
bool queue_put_back(struct queue *q, struct frame *f, size_t frames_max, size_t bytes_max) MUST_USE;
struct frame *queue_pop(struct queue *q); /* the oldest, or NULL */
/* Drops the oldest until the bounds are met; returns how many. */
size_t queue_trim(struct queue *q, size_t frames_max, size_t bytes_max);

struct peer;

struct lane {
    struct peer *peer;
    struct queue queue;
    bool busy;    /* a POST is under way */
    bool failing; /* the last one failed: the bounds are the narrow ones */
    usec_t not_before;
    /* thread: */
    CURL *easy;
    struct curl_slist *headers;
    struct frame **post; /* frames of the POST under way, oldest first; PEERS_QUEUE_FRAMES places */
    size_t post_n, post_bytes, post_max;
    struct buf body; /* them joined; empty for a single frame */
    unsigned pause_ms;
    size_t answered; /* bytes of the answer so far */
    char url[MEMBER_ENDPOINT_MAX + sizeof(PEERS_PATH)];
    char error[CURL_ERROR_SIZE];
};

struct peer {
    bool listed; /* a member we talk to */
    char endpoint[MEMBER_ENDPOINT_MAX + 1];
    uint8_t key[SIGN_PUBLIC_BYTES];
    struct peers_state state;
    size_t inbox_bytes; /* of PEERS_INBOX_BYTES, in use */
    struct lane lane[PEERS_LANES];
};

struct post { /* one body in the inbox */
    struct post *next;
    uint16_t from;
    size_t len;
    uint8_t bytes[];
};

struct peers {
    uint8_t genesis[HASH_BYTES];
    uint16_t me;
    struct sign_key member_key;
    void (*wake)(void *arg);
    void *wake_arg;
    char *ca_file;
    pthread_mutex_t lock;
    size_t n, listed; /* places in use, peers listed */
    struct peer *place[PEERS_PLACES];
    struct post *first, *last;
    size_t common_bytes; /* of the half that is not kept for anyone */
    struct nonces *nonces;
    atomic_ulong refused[PEERS_REFUSALS];
    CURLM *multi;
    pthread_t thread;
    bool started;
    atomic_bool stop, flushed;
};

/* Under the lock; NULL when the number is not listed. */
struct peer *peers_find(struct peers *p, uint16_t number);
void lane_bounds(const struct lane *l, size_t *ret_frames, size_t *ret_bytes);

/* peers_post.c: the transport thread. */
void *peers_main(void *arg);
/* Frees what a lane has from libcurl and its frames; the thread has ended. */
void lane_release(struct peers *p, struct lane *l);
/* peers_inbox.c */
void inbox_release(struct peers *p);

#endif
