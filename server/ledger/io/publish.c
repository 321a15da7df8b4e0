/* A checkpoint that a quorum has cosigned: its row, then the mark, then the readers. */
#include "server/base/failpoint.h"
#include "server/ledger/io/ledger_internal.h"
#include "server/store/log.h"

struct put_note {
    struct ledger *l;
    const struct final_note *n;
};

static enum err put_tx(struct db *db, void *arg)
{
    struct put_note *p = arg;
    /* What was published is known here: after a COMMIT of unknown outcome it is read again first.
     */
    return store_checkpoint_insert(db, p->n->chain, p->n->size, &p->n->root, buf_str(&p->n->note),
                                   p->l->app->now(p->l->app));
}

enum err ledger_publish(struct ledger *l, const struct final_note *n)
{
    struct chain_log *log = &l->logs[n->chain - 1];
    struct put_note p = { l, n };
    if (n->size <= log->published_size)
        return OK;
    enum err e = db_transact(l->db, "checkpoint", put_tx, &p);
    if (e == OK)
        e = FP("ledger_after_checkpoint");
    if (e == OK) {
        log->mark.size = n->size;
        log->mark.root = n->root;
        e = mark_write(l->mark_fd, n->chain, &log->mark);
    }
    if (e == OK)
        e = FP("ledger_after_mark");
    if (e != OK)
        return e;
    (void)pthread_mutex_lock(&l->lock);
    buf_clear(&log->published_note);
    e = buf_add(&log->published_note, n->note.data, n->note.len);
    log->published_size = n->size;
    log->published_root = n->root;
    (void)pthread_mutex_unlock(&l->lock);
    l->on_publish(l->on_publish_arg);
    return e;
}
