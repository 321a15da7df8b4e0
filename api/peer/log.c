/* /log: the static files of the transparency logs (C2SP tlog-tiles), and final views for forensics.
 */
#include "api/v1/handlers.h"
#include "server/base/text.h"
#include "server/ledger/io/ledger.h"

#include <string.h>

#define VIEW_MAX (8u << 20)

void api_checkpoint_get(struct request *r)
{
    enum chain chain;
    struct buf note;
    buf_init(&note, CHECKPOINT_MAX);
    enum err e = chain_parse(r->path_params[0], &chain) ? OK : ERR_NOT_FOUND;
    if (e == OK)
        e = ledger_checkpoint(r->app->ledger, chain, &note);
    if (e != OK) {
        api_fail(r, e);
    } else {
        reply_header(r, "Cache-Control", "no-cache");
        reply_text(r, 200, "text/plain; charset=utf-8", buf_str(&note), note.len);
    }
    buf_release(&note);
}

void api_tile_get(struct request *r)
{
    enum chain chain;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    enum err e = chain_parse(r->path_params[0], &chain) ? OK : ERR_NOT_FOUND;
    if (e == OK)
        e = ledger_tile(r->app->ledger, r->db, chain, r->path_params[1], r->arena, &bytes, &len);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_header(r, "Cache-Control", "public, max-age=31536000, immutable");
    reply_text(r, 200, "application/octet-stream", bytes, len);
}

void api_view_get(struct request *r)
{
    enum chain chain;
    uint64_t height = 0;
    struct buf text;
    const char *at = r->path_params[1];
    buf_init(&text, VIEW_MAX);
    enum err e = chain_parse(r->path_params[0], &chain) && u64_parse(at, strlen(at), &height) &&
                         height >= 1 && height <= INT64_MAX
                     ? OK
                     : ERR_NOT_FOUND;
    if (e == OK)
        e = ledger_view(r->app->ledger, r->db, chain, height, r->arena, &text);
    if (e != OK) {
        api_fail(r, e);
    } else {
        reply_header(r, "Cache-Control", "public, max-age=31536000, immutable");
        reply_text(r, 200, "text/plain; charset=utf-8", buf_str(&text), text.len);
    }
    buf_release(&text);
}
