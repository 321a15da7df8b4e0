#include "server/app_peering.h"

#include "server/crypto/hash.h"
#include "server/peer/call.h"
#include "server/peering/peering.h"
#include "server/schedule/courier.h"
#include "server/vault/format.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct wired {
    struct peering peering; /* first */
    struct app *app;
    struct calls *calls;
};

static enum err key_of(const struct peering *p, uint16_t number, uint8_t ret[SIGN_PUBLIC_BYTES])
{
    const struct wired *w = p->arg;
    if (number == w->app->member || !peers_member_key(w->app->peers, number, ret))
        return ERR_MEMBER_UNKNOWN;
    return OK;
}

static bool is_alone(const struct peering *p)
{
    const struct wired *w = p->arg;
    struct peers_state states[MEMBERS_MAX];
    return peers_states(w->app->peers, states) == 0;
}

/* An uploaded body, as memory; it was written by the edge and is not changed any more. */
static enum err map_file(const char *path, const void **ret, size_t *ret_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ERR_IO;
    bool ok = fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= (off_t)VAULT_ENVELOPE_MAX;
    void *bytes = ok ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    (void)close(fd);
    if (bytes == MAP_FAILED)
        return ok ? ERR_NO_MEMORY : ERR_MANIFEST_MISMATCH; /* no manifest names nothing */
    *ret = bytes;
    *ret_len = (size_t)st.st_size;
    return OK;
}

static enum err make_call(struct calls *calls, const struct call *call, struct peer_answer *ret)
{
    struct call_header headers[] = {
        { "Content-Type", ret->content_type, sizeof(ret->content_type) },
        { "ETag", ret->etag, sizeof(ret->etag) },
        { "Retry-After", ret->retry_after, sizeof(ret->retry_after) },
        { "Cache-Control", ret->cache_control, sizeof(ret->cache_control) },
        { "Link", ret->link, sizeof(ret->link) },
        { "Idempotency-Replayed", ret->replayed, sizeof(ret->replayed) },
    };
    struct call_answer answer = { .headers = headers,
                                  .headers_n = COUNT(headers),
                                  .body = ret->body };
    enum err e = calls_make(calls, call, &answer);
    ret->body = answer.body;
    ret->status = answer.status;
    return e;
}

/* The domain's form of a call into that of server/peer. */
static enum err call(const struct peering *p, uint16_t number, const struct peer_call *c,
                     struct peer_answer *ret)
{
    const struct wired *w = p->arg;
    char path[2048];
    usec_t left = c->deadline - clock_monotonic();
    if (left < 1000)
        return ERR_MEMBER_DOWN;
    if ((size_t)snprintf(path, sizeof(path), "%s", c->target) >= sizeof(path))
        return ERR_LIMIT;
    char *query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    const void *bytes = c->body;
    size_t len = c->body_len;
    enum err e = c->body_file != NULL ? map_file(c->body_file, &bytes, &len) : OK;
    const struct call call = { .to = number,
                               .method = c->method,
                               .path = path,
                               .query = query,
                               .type = c->content_type,
                               .body = bytes,
                               .body_len = len,
                               .on_behalf_of = c->on_behalf_of,
                               .idempotency_key = c->idempotency_key,
                               .if_match = c->if_match,
                               .timeout_ms = (unsigned)(left / 1000),
                               .now = w->app->now(w->app) / USEC_PER_SEC };
    if (e == OK)
        e = make_call(w->calls, &call, ret);
    if (c->body_file != NULL && bytes != NULL)
        (void)munmap((void *)(uintptr_t)bytes, len);
    return e;
}

enum err app_peering_open(struct app *app, unsigned workers)
{
    if (app->peers == NULL)
        return OK;
    struct wired *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NO_MEMORY;
    w->app = app;
    w->peering = (struct peering){ .key = key_of, .alone = is_alone, .call = call, .arg = w };
    w->peering.forwards_max = workers > 1 ? workers / 2 : 1;
    enum err e = calls_open(app->peers, &w->calls);
    if (e != OK) {
        free(w);
        return e;
    }
    app->peering = &w->peering;
    return courier_start(app, &app->courier);
}

void app_peering_close(struct app *app)
{
    struct wired *w = app->peering != NULL ? app->peering->arg : NULL;
    courier_stop(app->courier);
    app->courier = NULL;
    if (w == NULL)
        return;
    app->peering = NULL;
    calls_close(w->calls);
    free(w);
}
