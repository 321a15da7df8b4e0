/* POST /witness/add-checkpoint: C2SP tlog-witness, for logs of other federations */
#include "api/v1/handlers.h"
#include "server/witness/witness.h"

#include <inttypes.h>
#include <stdio.h>

/* What the specification says of the body: the size in decimal and a newline. */
static void reply_size(struct request *r, uint64_t size)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", size);
    reply_text(r, err_status(ERR_WITNESS_SIZE), "text/x.tlog.size", text, (size_t)len);
}

static void reply_verdict(struct request *r, const struct witness_answer *a)
{
    static const enum err refusals[WITNESS_VERDICTS] = {
        [WITNESS_MALFORMED] = ERR_WITNESS_FORM,
        [WITNESS_UNSIGNED] = ERR_WITNESS_SIGNATURE,
        [WITNESS_UNKNOWN] = ERR_WITNESS_ORIGIN,
        [WITNESS_UNPROVEN] = ERR_WITNESS_PROOF,
    };
    if (a->verdict == WITNESS_OTHER_SIZE || a->verdict == WITNESS_FORKED)
        reply_size(r, a->size);
    else if (refusals[a->verdict] != OK)
        api_fail(r, refusals[a->verdict]);
    else
        reply_text(r, 200, "text/plain; charset=utf-8", a->lines->data, a->lines->len);
}

void api_witness_add_post(struct request *r)
{
    struct buf lines;
    struct witness_answer a = { .lines = &lines };
    buf_init(&lines, CHECKPOINT_MAX);
    enum err e = witness_add(r->app->witness, r->db, r->body, r->body_len, &a);
    if (e != OK)
        api_fail(r, e);
    else
        reply_verdict(r, &a);
    buf_release(&lines);
}
