/* WHO_PEER: the caller is another member, known by its signature over the request. All of it but
 * the body is decided from the head, so that nothing of an unsigned body is read or kept. */
#include "api/http/edge.h"
#include "server/ledger/io/peers.h"
#include "server/peer/httpsig.h"
#include "server/peer/nonces.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *field(void *arg, const char *name)
{
    return req_header(arg, name);
}

/* The problem that goes with what is counted. */
static enum err refuse(struct job *j, enum peers_refusal why)
{
    static const enum err errors[PEERS_REFUSALS] = {
        [PEERS_UNSIGNED] = ERR_PEER_SIGNATURE,
        [PEERS_FORM] = ERR_PEER_SIGNATURE,
        [PEERS_COVERAGE] = ERR_PEER_SIGNATURE,
        [PEERS_STRANGER] = ERR_PEER_SIGNATURE,
        [PEERS_ADDRESSEE] = ERR_PEER_SIGNATURE,
        [PEERS_SIGNATURE] = ERR_PEER_SIGNATURE,
        [PEERS_DIGEST] = ERR_PEER_DIGEST,
        [PEERS_STALE] = ERR_PEER_STALE,
        [PEERS_REPLAYED] = ERR_PEER_REPLAYED,
        [PEERS_OVERSIZE] = ERR_BODY_TOO_LARGE,
        [PEERS_RATE] = ERR_RATE,
        [PEERS_FULL] = ERR_BUSY,
        [PEERS_FRAME] = ERR_SYNTAX,
    };
    peers_refused(j->r.app->peers, why);
    return errors[why];
}

/* Who signed, and that this request was meant for us. */
static enum err check_signature(struct job *j, const struct httpsig_message *m,
                                struct httpsig_claim *ret)
{
    static const enum peers_refusal faults[] = { [HTTPSIG_UNSIGNED] = PEERS_UNSIGNED,
                                                 [HTTPSIG_FORM] = PEERS_FORM,
                                                 [HTTPSIG_COVERAGE] = PEERS_COVERAGE };
    struct peers *p = j->r.app->peers;
    uint8_t key[SIGN_PUBLIC_BYTES];
    enum httpsig_fault fault = httpsig_read(m, ret);
    if (fault != HTTPSIG_GOOD)
        return refuse(j, faults[fault]);
    if (ret->member.to != peers_me(p) ||
        memcmp(ret->member.genesis, peers_genesis(p), HASH_BYTES) != 0)
        return refuse(j, PEERS_ADDRESSEE);
    if (!peers_member_key(p, ret->member.from, key))
        return refuse(j, PEERS_STRANGER);
    return httpsig_verify(m, ret, key) ? OK : refuse(j, PEERS_SIGNATURE);
}

/* Frames need no date (BODY_FRAMES); whatever is done on behalf of people does. */
static enum err check_fresh(struct job *j, const struct httpsig_claim *c)
{
    const struct app *app = j->r.app;
    if (j->r.route->body == BODY_FRAMES)
        return OK;
    usec_t now = app->now != NULL ? app->now(app) : clock_now();
    if (!nonces_fresh(c->created, c->expires, now / USEC_PER_SEC))
        return refuse(j, PEERS_STALE);
    enum err e = peers_nonce(app->peers, c->member.from, c->nonce);
    return e == ERR_PEER_REPLAYED ? refuse(j, PEERS_REPLAYED) : e;
}

static enum err check_digest_field(struct job *j)
{
    const char *digest = req_header(&j->r, "Content-Digest");
    if (j->r.route->body == BODY_NONE)
        return OK;
    return digest != NULL && httpsig_digest_parse(digest, j->body.digest) ? OK
                                                                          : refuse(j, PEERS_FORM);
}

/* A request that proves to be a member's is paid for out of the member's own budget; all others out
 * of their address's, and before the proof is looked at. */
static enum err check_member(struct job *j, const struct httpsig_message *m, uint16_t *ret_from)
{
    struct listener *l = j->l;
    const struct conn *c = j->conn;
    const struct rate_policy *by_ip = c->local ? &l->policy_local : &l->policy_ip;
    struct httpsig_claim claim;
    rate_take(l->rate, 'i', c->address, sizeof(c->address), by_ip, j->started, &j->by_ip);
    if (!j->by_ip.allowed)
        return refuse(j, PEERS_RATE);
    enum err e = check_signature(j, m, &claim);
    if (e != OK)
        return e;
    rate_return(l->rate, 'i', c->address, sizeof(c->address), by_ip);
    *ret_from = claim.member.from;
    rate_take(l->rate, 'm', ret_from, sizeof(*ret_from), &l->policy_peer, j->started, &j->by_ip);
    if (!j->by_ip.allowed)
        return refuse(j, PEERS_RATE);
    return check_fresh(j, &claim);
}

enum err peer_check_head(struct job *j, const char *method, const char *query)
{
    struct request *r = &j->r;
    const struct httpsig_message m = {
        .method = method, .path = r->path, .query = query, .field = field, .arg = r
    };
    uint16_t from = 0;
    if (r->app->peers == NULL)
        return ERR_NOT_READY;
    if (j->body.expected > r->route->body_max)
        return refuse(j, PEERS_OVERSIZE);
    enum err e = check_member(j, &m, &from);
    if (e == OK)
        e = check_digest_field(j);
    if (e == OK && r->route->body == BODY_FRAMES)
        e = peers_expect(r->app->peers, from, (size_t)j->body.expected);
    if (e == ERR_NOT_FOUND)
        e = refuse(j, PEERS_STRANGER); /* it has left since the signature was looked at */
    if (e != OK)
        return e;
    r->peer = from;
    if (r->route->body == BODY_FRAMES)
        j->body.expected_of_peer = (size_t)j->body.expected;
    return OK;
}

/* Of a body that went to disk. */
static enum err file_hash(const char *path, uint8_t ret[HASH_BYTES])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ERR_IO;
    void *bytes = NULL;
    bool ok = fstat(fd, &st) == 0;
    if (ok && st.st_size > 0) {
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = bytes != MAP_FAILED;
    }
    (void)close(fd);
    if (!ok)
        return ERR_IO;
    sha256(bytes, (size_t)st.st_size, ret);
    if (bytes != NULL)
        (void)munmap(bytes, (size_t)st.st_size);
    return OK;
}

enum err peer_check_body(struct job *j)
{
    const struct request *r = &j->r;
    uint8_t hash[HASH_BYTES];
    enum err e = OK;
    if (r->route->body == BODY_NONE)
        return OK;
    if (r->route->body == BODY_FILE)
        e = file_hash(r->body_file, hash);
    else
        sha256(r->body, r->body_len, hash);
    if (e == OK && memcmp(hash, j->body.digest, sizeof(hash)) != 0)
        e = refuse(j, PEERS_DIGEST);
    peer_release(j); /* the handler hands it to the inbox, which counts it then */
    return e;
}

void peer_release(struct job *j)
{
    if (j->body.expected_of_peer > 0)
        peers_expect_end(j->r.app->peers, j->r.peer, j->body.expected_of_peer);
    j->body.expected_of_peer = 0;
}
