/* POST /peer/v1/frames: bytes from another member into the inbox of the ledger. Runs on the
 * listener's own thread: the body is in memory, its signature and digest were checked, and nothing
 * here looks into it. */
#include "api/v1/handlers.h"
#include "server/ledger/io/peers.h"

void api_frames_post(struct request *r)
{
    enum err e = peers_receive(r->app->peers, r->peer, (const uint8_t *)r->body, r->body_len);
    if (e == ERR_NOT_FOUND)
        e = ERR_PEER_SIGNATURE; /* the member has left meanwhile */
    if (e != OK)
        api_fail(r, e);
    else
        reply_empty(r, 204);
}
