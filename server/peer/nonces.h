/* Which nonces of signed calls were seen lately, so that a call is not taken twice: two generations
 * of fixed tables, the older one is dropped when the newer one is NONCES_PERIOD old, so a nonce is
 * known for one to two periods. Time is monotonic: a wall clock that jumps cannot make it forget.
 * Each member has a share, so that one that floods refuses nobody but itself. One thread at a time;
 * the clock is the caller's. */
#ifndef CAIRN_PEER_NONCES_H
#define CAIRN_PEER_NONCES_H

#include "server/base/clock.h"

#define NONCES_SKEW_S 300 /* clocks of members may differ by this much */
/* Longer than a signature can be of use: its life and the skew on both ends. */
#define NONCES_PERIOD (700 * USEC_PER_SEC)
#define NONCES_MAX (1u << 17)   /* per generation, all members */
#define NONCES_SHARE (1u << 15) /* per generation and member */

struct nonces;

enum err nonces_new(struct nonces **ret) MUST_USE;
void nonces_free(struct nonces *n);
/* OK and remembered; ERR_PEER_REPLAYED when it was seen; ERR_BUSY when there is no room. */
enum err nonces_take(struct nonces *n, uint16_t member, uint64_t nonce, usec_t monotonic) MUST_USE;
/* Both clocks in seconds since 1970: the signature is of now, give or take the skew. */
bool nonces_fresh(int64_t created, int64_t expires, int64_t now);

#endif
