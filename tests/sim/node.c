/* A node: the loop that server/ledger/io runs around the core. It takes what arrived as one batch
 * of events, does the actions in order, makes what must be durable so in one sync, and only then
 * lets the frames out. A crash can come at every one of these points. */
#include "tests/sim/mutants.h"

enum gate_crash { GATE_WHOLE, GATE_BEFORE, GATE_MIDDLE, GATE_SYNC_FAILS, GATE_SYNCED, GATE_HALF };

uint32_t node_delay(const struct node *n, uint64_t us)
{
    return (uint32_t)(us * 1000 / n->rate);
}

void node_later(struct world *w, struct node *n, uint64_t after_us, struct event e)
{
    e.node = n->index;
    e.life = n->life;
    e.epoch = n->epoch;
    queue_add(w, w->now + after_us, &e);
}

/* ---- the core -----------------------------------------------------------------------------------
 */

void node_step(struct world *w, struct node *n, const struct core_event *e)
{
    uint64_t final_view = n->core->final_view;
    w->out.n = 0;
    core_step(n->core, e, &w->out);
    w->steps++;
    oracle_step(w, n, e);
    for (size_t i = 0; i < w->out.n && !w->failed; i++) {
        trace_action(w, n, &w->out.a[i]);
        action_do(w, n, &w->out.a[i]);
    }
    if (n->core->final_view != final_view)
        n->final_moved = w->now;
}

void node_send(struct node *n, uint8_t to, const struct event *e)
{
    if (n->outbox_n == OUTBOX_MAX)
        return; /* a bounded queue: what is newer is lost here, the protocol says it again */
    struct frame *f = &n->outbox[n->outbox_n++];
    f->to = to;
    f->event = *e;
    if (f->event.type != FRAME_VOTE && f->event.type != FRAME_CERT)
        f->event.epoch = n->epoch;
}

/* ---- the gate
 * ------------------------------------------------------------------------------------ */

static void let_out(struct world *w, struct node *n, uint32_t count)
{
    for (uint32_t i = 0; i < count && !w->failed; i++) {
        const struct frame *f = &n->outbox[i];
        if (f->event.type == FRAME_VOTE)
            oracle_vote(w, n, f->event.a);
        if (f->event.type == FRAME_PROPOSAL)
            oracle_proposal(w, n, f->event.a);
        if (n->byzantine)
            liar_send(w, n, f->to, &f->event);
        else
            net_send(w, n->index, f->to, &f->event);
    }
    n->outbox_n = 0;
    n->deliver_open = n->deliver_n;
    deliver_next(w, n);
}

/* FIN is durable: what was signed at or below it is not needed any more. */
static void prune(struct node *n, uint64_t view)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->records_n; i++) {
        const struct record *r = &n->records[i];
        if (r->epoch == n->epoch && (r->view > view || r->kind == CORE_REC_FIN))
            n->records[kept++] = *r;
    }
    n->records_n = kept;
    while (n->records_n > RECORDS_MAX / 2) { /* only old floors can be that many */
        n->records_n--;
        memmove(&n->records[0], &n->records[1], n->records_n * sizeof(n->records[0]));
    }
}

static void make_durable(struct node *n, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct record *r = &n->unsynced[i];
        n->records[n->records_n++] = *r;
        if (r->block != NONE)
            n->has_block[r->block] |= HAS_JOURNAL;
        if (r->kind == CORE_REC_FIN && r->epoch == n->epoch)
            prune(n, r->view);
    }
    n->unsynced_n = 0;
}

/* How this gate will end. Nothing fails once the world is healed. */
static uint8_t draw_end(struct world *w)
{
    if (w->healed || !chance(w, w->plan.crash_gate))
        return GATE_WHOLE;
    uint8_t end = (uint8_t)(GATE_BEFORE + chance_below(w, 5));
    return end == GATE_SYNC_FAILS && !w->plan.sync_fails ? (uint8_t)GATE_MIDDLE : end;
}

static void open_gate(struct world *w, struct node *n)
{
    if (DRIVER_MUTANT(w, PRUNEDEARLY))
        prune(n, n->core->final_view);
    if (DRIVER_MUTANT(w, VOTEFIRST))
        let_out(w, n, n->outbox_n);
    n->gate_crash = draw_end(w);
    n->busy = true;
    uint64_t sync = w->plan.sync_us / 2 + chance_below(w, w->plan.sync_us);
    node_later(w, n, sync + n->lag_us, (struct event){ .type = NODE_GATE });
}

void node_gate(struct world *w, struct node *n)
{
    n->busy = false;
    switch (n->gate_crash) {
    case GATE_BEFORE:
        break;
    case GATE_MIDDLE: /* some records are whole, the next is torn: its checksum ends the log */
    case GATE_SYNC_FAILS:
        if (n->gate_crash == GATE_SYNC_FAILS && DRIVER_MUTANT(w, SYNCIGNORED)) {
            n->unsynced_n = 0;
            let_out(w, n, n->outbox_n);
            return;
        }
        make_durable(n, chance_below(w, n->unsynced_n + 1));
        break;
    case GATE_SYNCED:
        make_durable(n, n->unsynced_n);
        break;
    case GATE_HALF:
        make_durable(n, n->unsynced_n);
        let_out(w, n, chance_below(w, n->outbox_n + 1));
        break;
    default:
        make_durable(n, n->unsynced_n);
        let_out(w, n, n->outbox_n);
        if (n->inbox_n > 0 && !n->wake_set) {
            n->wake_set = true;
            node_later(w, n, 0, (struct event){ .type = NODE_WAKE });
        }
        return;
    }
    node_crash(w, n);
}

/* ---- the loop
 * -------------------------------------------------------------------------------------- */

void node_receive(struct world *w, struct node *n, const struct event *e)
{
    bool own = e->type >= OWN_TIMER && e->type <= OWN_DELIVERED;
    if (!n->up || n->inbox_n == OUTBOX_MAX || (own && (e->life != n->life || e->epoch != n->epoch)))
        return;
    n->inbox[n->inbox_n++] = *e;
    if (n->busy || n->wake_set)
        return;
    n->wake_set = true;
    node_later(w, n, n->lag_us + chance_below(w, MS), (struct event){ .type = NODE_WAKE });
}

static void take_own(struct world *w, struct node *n, const struct event *e)
{
    struct core_event c = { .view = e->view, .flag = e->flag };
    switch (e->type) {
    case OWN_TIMER:
        if (e->a != n->timer_number)
            return; /* replaced */
        c.type = CORE_EV_TIMER;
        break;
    case OWN_RETRY:
        node_later(w, n, node_delay(n, w->plan.retry_ms * MS), (struct event){ .type = OWN_RETRY });
        if (w->now - n->final_moved < w->plan.retry_ms * MS)
            return;
        c.type = CORE_EV_RETRY;
        break;
    case OWN_BUILT:
        c.type = CORE_EV_BUILT;
        block_core(w, e->a, &c.block);
        break;
    default:
        c.type = e->type == OWN_CHECKED ? CORE_EV_CHECKED : CORE_EV_DELIVERED;
        c.view = w->blocks[e->a].view;
        c.id = w->blocks[e->a].id;
        break;
    }
    node_step(w, n, &c);
}

void node_wake(struct world *w, struct node *n)
{
    n->wake_set = false;
    if (n->busy)
        return;
    for (uint32_t i = 0; i < n->inbox_n && !w->failed; i++) {
        const struct event *e = &n->inbox[i];
        if (e->type < OWN_TIMER)
            frame_take(w, n, e);
        else if (e->epoch == n->epoch)
            take_own(w, n, e);
    }
    n->inbox_n = 0;
    checks_answer(w, n);
    work_tell(w, n);
    if (n->unsynced_n > 0)
        open_gate(w, n);
    else
        let_out(w, n, n->outbox_n);
}

/* ---- life and death
 * ---------------------------------------------------------------------------------- */

/* The seat that the node may vote from in its epoch. One that lost its log signs nothing until a
 * list names its new key. */
static uint16_t own_seat(const struct world *w, const struct node *n)
{
    uint16_t seat = seat_of(w, n->epoch, n->identity);
    return seat != CORE_NOBODY && w->epochs[n->epoch].key[seat] == n->key ? seat : CORE_NOBODY;
}

static void init_core(struct world *w, struct node *n)
{
    const struct epoch *e = &w->epochs[n->epoch];
    const struct block *tip = &w->blocks[n->tip];
    struct core_config config = { .n = e->n,
                                  .schedule_len = e->schedule_len,
                                  .t0_ms = w->plan.t0_ms,
                                  .in_flight_max = w->plan.in_flight };
    memcpy(config.schedule, e->schedule, e->schedule_len);
    n->seat = config.me = own_seat(w, n);
    core_init(n->core, &config, n->tip == e->start ? 0 : tip->view, &tip->id, tip->height);
    n->handed_height = tip->height;
    n->seen_floor = n->seen_view = 0;
    n->final_moved = w->now;
    n->work = false;
}

static void replay_one(struct world *w, struct node *n, const struct record *r)
{
    struct core_event e = { .type = CORE_EV_RECORD, .kind = r->kind, .view = r->view };
    if (r->block != NONE)
        e.id = w->blocks[r->block].id;
    node_step(w, n, &e);
}

/* Every record once, in random order; then the blocks of the log and the certificates in it. */
static void replay(struct world *w, struct node *n)
{
    for (uint32_t i = n->records_n; i-- > 1;) {
        uint32_t j = chance_below(w, i + 1);
        struct record swap = n->records[i];
        n->records[i] = n->records[j];
        n->records[j] = swap;
    }
    uint64_t newest = 0;
    for (uint32_t i = 0; i < n->records_n; i++)
        newest = n->records[i].view > newest ? n->records[i].view : newest;
    for (uint32_t i = 0; i < n->records_n; i++)
        if (n->records[i].epoch == n->epoch &&
            (!DRIVER_MUTANT(w, LASTRECORD) || n->records[i].view == newest))
            replay_one(w, n, &n->records[i]);
    for (uint32_t i = 0; i < n->records_n && !w->failed; i++) {
        const struct record *r = &n->records[i];
        if (r->epoch != n->epoch || r->block == NONE || r->kind == CORE_REC_FIN)
            continue;
        give_block(w, n, r->block, HAS_JOURNAL);
        if (r->kind == CORE_REC_F && r->mask != 0)
            give_cert(w, n, fact_of(w, n->epoch, CORE_N, r->view, r->block), r->mask);
    }
}

static void forget(struct world *w, struct node *n)
{
    n->inbox_n = n->outbox_n = n->unsynced_n = n->checks_n = 0;
    n->deliver_n = n->deliver_open = 0;
    n->busy = n->wake_set = n->committing = n->range_wanted = false;
    n->timer_number++;
    for (uint32_t i = 0; i < w->blocks_n; i++)
        n->has_block[i] &= (uint8_t)~HAS_MEMORY;
    memset(n->seen, 0, w->facts_n * sizeof(n->seen[0]));
    memset(n->cert, 0, w->facts_n * sizeof(n->cert[0]));
}

static void start_core(struct world *w, struct node *n)
{
    init_core(w, n);
    if (n->proof.mask != 0)
        n->cert[n->proof.fact] = n->proof.mask;
    if (n->tip_cert.mask != 0)
        n->cert[n->tip_cert.fact] = n->tip_cert.mask;
    replay(w, n);
    struct core_event start = { .type = CORE_EV_START };
    node_step(w, n, &start);
    work_tell(w, n);
    node_later(w, n, 1, (struct event){ .type = NODE_TICK });
    node_later(w, n, node_delay(n, chance_below(w, w->plan.retry_ms * MS)),
               (struct event){ .type = OWN_RETRY });
    if (n->unsynced_n > 0)
        open_gate(w, n);
    else
        let_out(w, n, n->outbox_n);
}

void node_start(struct world *w, struct node *n)
{
    n->up = true;
    forget(w, n);
    start_core(w, n);
}

/* The tip ends an epoch: another instance starts from it. What the old one still had to send
 * leaves. */
void node_new_epoch(struct world *w, struct node *n)
{
    n->epoch = epoch_after(w, n->tip);
    n->deliver_n = n->deliver_open = n->checks_n = 0;
    n->committing = n->range_wanted = false;
    n->timer_number++;
    trace_say(w, "node %u enters epoch %u", n->index, n->epoch);
    init_core(w, n);
    struct core_event start = { .type = CORE_EV_START };
    node_step(w, n, &start);
    node_later(w, n, node_delay(n, chance_below(w, w->plan.retry_ms * MS)),
               (struct event){ .type = OWN_RETRY });
    if (!n->busy && !n->wake_set) {
        n->wake_set = true;
        node_later(w, n, 0, (struct event){ .type = NODE_WAKE });
    }
}

/* How many more may be without a vote besides the faulty: beyond f nothing can go on. */
static bool may_lose_log(const struct world *w)
{
    uint16_t newest = (uint16_t)(w->epochs_n - 1), silent = w->plan.byzantine;
    for (uint32_t i = 0; i < w->nodes_n; i++) {
        const struct node *n = w->nodes[i];
        uint16_t seat = seat_of(w, newest, n->identity);
        if (!n->byzantine && seat != CORE_NOBODY && w->epochs[newest].key[seat] != n->key)
            silent++;
    }
    return w->change != CHANGE_LEAVE && silent < core_faults(w->epochs[newest].n);
}

static void lose_log(struct world *w, struct node *n)
{
    n->records_n = 0;
    for (uint32_t i = 0; i < w->blocks_n; i++)
        n->has_block[i] &= (uint8_t)~HAS_JOURNAL;
    uint16_t seat = seat_of(w, n->epoch, n->identity);
    if (seat == CORE_NOBODY || DRIVER_MUTANT(w, LOGLOST))
        return;
    n->key = (uint8_t)(w->epochs[n->epoch].key[seat] + 1);
    trace_say(w, "node %u lost its log; it waits for its new key", n->index);
}

/* Down until the faults end. */
void node_away(struct world *w, struct node *n)
{
    trace_say(w, "node %u goes away", n->index);
    n->up = false;
    n->life++;
}

void node_crash(struct world *w, struct node *n)
{
    if (!n->up)
        return;
    trace_say(w, "node %u crashes", n->index);
    n->up = false;
    n->life++;
    w->crashes++;
    if (n->byzantine && chance(w, 300))
        n->records_n = 0;
    else if (!n->byzantine && w->plan.disk_loss && chance(w, 200) && may_lose_log(w))
        lose_log(w, n);
    node_later(w, n, 1 + chance_below(w, chance(w, 700) ? 300 * MS : 5000 * MS),
               (struct event){ .type = NODE_RESTART });
}
