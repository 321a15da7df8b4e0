/* Frames between members: bounded queues, one POST per peer and tick over kept-alive connections,
 * and the inbox that the HTTP edge fills. One thread of its own with one libcurl multi handle; the
 * ledger thread calls peers_send, the listener calls peers_receive. Nothing here believes anything:
 * it carries bytes between authenticated members (RFC 9421 signatures by the member key).
 *
 * Two lanes per peer, each with its own connection and queue, so that votes never wait behind bulk.
 * A queue that is full drops its oldest frame (newest first matters: the protocol re-sends). POST
 * /peer/v1/frames, Content-Type application/vnd.cairn.frames; answer 204. A peer that does not
 * answer is tried again with growing pauses (50 ms .. 2 s), with only the newest frames kept.
 * Thread-safe. docs/peers.md */
#ifndef CAIRN_LEDGER_PEERS_H
#define CAIRN_LEDGER_PEERS_H

#include "server/base/buf.h"
#include "server/ledger/members/members.h"
#include "server/ledger/wire/wire.h"

struct peers;

enum peers_lane { PEERS_VOTES, PEERS_BULK, PEERS_LANES };
#define PEERS_QUEUE_FRAMES 4096       /* per peer and lane */
#define PEERS_QUEUE_BYTES (16u << 20) /* per peer and lane */
#define PEERS_KEEP_FRAMES 512         /* the same while the peer does not answer */
#define PEERS_KEEP_BYTES (4u << 20)
/* All together, bodies that are still coming in included. One half is shared out evenly and kept
 * for each member, so that nobody can take away another one's way in; of the other half one member
 * may have PEERS_COMMON_EACH at a time. */
#define PEERS_INBOX_BYTES (128u << 20)
#define PEERS_COMMON_EACH (2u * WIRE_POST_MAX)
#define PEERS_TO_ALL 0

#define PEERS_PATH "/peer/v1/frames"
#define PEERS_TYPE "application/vnd.cairn.frames"

struct peers_config {
    uint8_t genesis[HASH_BYTES];
    uint16_t me;
    struct sign_key member_key; /* copied, wiped by peers_close */
    void (*wake)(void *arg);    /* frames are in the inbox; any thread */
    void *wake_arg;
    const char *ca_file; /* copied; NULL: the system's certificate authorities */
};
enum err peers_open(const struct peers_config *c, struct peers **ret) MUST_USE;
/* After the edge was stopped, which hands bodies to it, and after everyone else who uses it. */
void peers_close(struct peers *p);
/* Whom we talk to and whose signatures we accept: everyone in the list but me and those gone. */
void peers_set_members(struct peers *p, const struct members *m);

/* Queues one frame (wire_frame_add form is made here) to a member number or PEERS_TO_ALL (everyone
 * but me). Sent when peers_flush is called, or with the next tick. Copies. */
void peers_send(struct peers *p, uint16_t to, enum peers_lane lane, uint8_t type,
                const void *payload, size_t len);
void peers_flush(struct peers *p);

/* ---- who is who: for the edge and for calls -------------------------------------------------- */
uint16_t peers_me(const struct peers *p);
const uint8_t *peers_genesis(const struct peers *p);
/* False when the number is not a member's we talk to. */
bool peers_member_key(struct peers *p, uint16_t number, uint8_t ret[SIGN_PUBLIC_BYTES]) MUST_USE;
bool peers_endpoint(struct peers *p, uint16_t number, char ret[MEMBER_ENDPOINT_MAX + 1]) MUST_USE;
const char *peers_ca_file(const struct peers *p); /* NULL: the system's */
/* Remembers the nonce of a call. ERR_PEER_REPLAYED, ERR_BUSY (server/peer/nonces.h). */
enum err peers_nonce(struct peers *p, uint16_t from, uint64_t nonce) MUST_USE;

/* ---- inbox ---- */
/* A body of len bytes from this member is about to come in; ERR_BUSY when it has no room for it,
 * ERR_NOT_FOUND when it is no member. The room is kept until peers_expect_end. */
enum err peers_expect(struct peers *p, uint16_t from, size_t len) MUST_USE;
void peers_expect_end(struct peers *p, uint16_t from, size_t len);
/* The edge has verified that the body comes from this member. Copies; a body without a frame is
 * fine. ERR_BUSY, ERR_NOT_FOUND as above. */
enum err peers_receive(struct peers *p, uint16_t from, const uint8_t *frames, size_t len) MUST_USE;
/* Takes everything that arrived since, oldest first; calls fn per frame. Returns frames taken. What
 * follows a malformed frame in a POST is dropped and counted. One thread. */
size_t peers_take(struct peers *p,
                  void (*fn)(void *arg, uint16_t from, uint8_t type, const uint8_t *payload,
                             size_t len),
                  void *arg);

/* ---- what is counted ---- */
enum peers_refusal {
    PEERS_UNSIGNED,  /* no signature of ours */
    PEERS_FORM,      /* signature or Cairn-Member malformed */
    PEERS_COVERAGE,  /* it does not cover what it has to */
    PEERS_STRANGER,  /* no member, or one that is gone */
    PEERS_ADDRESSEE, /* meant for another member or federation */
    PEERS_SIGNATURE, /* not the member's */
    PEERS_DIGEST,    /* the body is another one */
    PEERS_STALE,     /* a call that is too old or too new */
    PEERS_REPLAYED,  /* a call that was seen before */
    PEERS_OVERSIZE,  /* announced more than a route takes */
    PEERS_RATE,      /* beyond the rate limit */
    PEERS_FULL,      /* no room in the inbox */
    PEERS_FRAME,     /* a POST with something in it that is no frame */
    PEERS_REFUSALS
};
void peers_refused(struct peers *p, enum peers_refusal why);
uint64_t peers_refusals(struct peers *p, enum peers_refusal why);

/* What is counted per peer, for /metrics, /v1/federation and the operator. */
struct peers_state {
    uint16_t member;
    bool reachable;
    uint64_t sent_frames, sent_bytes, dropped_frames, received_frames, received_bytes, failures;
    int64_t last_ok_us; /* monotonic time of the last good answer; 0: never */
};
size_t peers_states(struct peers *p, struct peers_state ret[MEMBERS_MAX]);
/* All of the above as OpenMetrics text. */
enum err peers_metrics(struct peers *p, struct buf *ret) MUST_USE;

#endif
