/* Random worlds: some members sign everything, the others obey the rules of ledger.md 4.1 (and may
 * see anything in any order). Of all final blocks that come out, forensics finds every two that
 * conflict, names more than f members for it, and never one that obeyed. */
#include "tests/lib/prop.h"
#include "tests/unit/ledger/wire/fork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define VIEWS 7
#define BLOCKS 24
#define WORLDS 120
#define STEPS 60 /* per member */
#define NONE (-1)

struct born {   /* one block of the world */
    int parent; /* NONE: the genesis */
    bool bad;   /* without a valid justification */
    struct wire_block block;
    struct core_id id;
    struct buf just;
    unsigned n_votes, f_votes; /* who signed */
};

struct world {
    struct prop prop;
    struct sample s;
    uint16_t q;
    unsigned liars;
    unsigned side; /* a member hears rather of blocks with odd numbers, or with even ones */
    size_t n;
    struct born born[BLOCKS];
    unsigned s_votes[VIEWS + 1];
    /* what an honest member signed, per member and view */
    int n_of[8][VIEWS + 1];
    bool s_of[8][VIEWS + 1], f_of[8][VIEWS + 1];
};

struct tally {
    size_t how[CORE_FAULT_PROPOSAL], agreed, apart;
};

static bool quorum(const struct world *w, unsigned votes)
{
    return (uint16_t)__builtin_popcount(votes) >= w->q;
}

/* Any q of those who signed. */
static struct wire_cert any_cert(struct world *w, uint8_t kind, uint64_t view,
                                 const struct core_id *id, unsigned votes)
{
    while ((uint16_t)__builtin_popcount(votes) > w->q)
        votes &= ~ONE(prop_int(&w->prop, 0, w->s.scope.n - 1));
    return fork_cert(&w->s, kind, view, id, votes);
}

/* ---- what may happen ---- */

/* Adds the certificate of that view on the way from the parent, if there is one. */
static bool add_cert(struct world *w, int parent, uint64_t view, struct buf *just)
{
    struct wire_cert c;
    const struct born *p = parent == NONE ? NULL : &w->born[parent];
    if (p != NULL && view == p->block.view) {
        bool final = quorum(w, p->f_votes) && prop_int(&w->prop, 0, 1) == 0;
        if (!final && !quorum(w, p->n_votes))
            return false;
        c = any_cert(w, final ? CORE_F : CORE_N, view, &p->id, final ? p->f_votes : p->n_votes);
    } else {
        if (!quorum(w, w->s_votes[view]))
            return false;
        c = any_cert(w, CORE_S, view, NULL, w->s_votes[view]);
    }
    enum err e = wire_cert_print(&c, just);
    assert(e == OK);
    just->data[1]++;
    return true;
}

/* A leader, or several, propose whatever they can show certificates for. When there are liars
 * enough to certify anything by themselves, some blocks lack what they should show. */
static void propose(struct world *w)
{
    uint64_t view = (uint64_t)prop_int(&w->prop, 1, VIEWS);
    int parent = (int)prop_int(&w->prop, NONE, (int64_t)w->n - 1);
    uint64_t from = parent == NONE ? 0 : w->born[parent].block.view;
    if (w->n == BLOCKS || from >= view)
        return;
    struct born *b = &w->born[w->n];
    memset(b, 0, sizeof(*b));
    buf_init(&b->just, WIRE_FRAME_MAX);
    enum err e = buf_add(&b->just, "\0\0", 2);
    assert(e == OK);
    bool may_lack = quorum(w, w->liars) && prop_int(&w->prop, 0, 2) == 0;
    for (uint64_t u = from > 0 ? from : 1; u < view; u++) {
        bool lacks = may_lack && prop_int(&w->prop, 0, 1) == 0;
        if (!lacks && add_cert(w, parent, u, &b->just))
            continue;
        if (!may_lack) {
            buf_release(&b->just);
            return;
        }
        b->bad = true;
    }
    struct core_id genesis = sample_id(0);
    b->parent = parent;
    b->block = sample_block(&w->s, view, from, parent == NONE ? &genesis : &w->born[parent].id,
                            &b->just, 0);
    b->block.time = w->n; /* no two are the same */
    e = wire_block_id(&b->block, &b->id);
    assert(e == OK);
    b->n_votes = b->f_votes = w->liars;
    w->n++;
}

/* An honest member does what the rules allow it at this moment. */
static void vote(struct world *w)
{
    if (w->n == 0)
        return;
    int who = (int)prop_int(&w->prop, 0, w->s.scope.n - 1);
    int which = (int)prop_int(&w->prop, 0, (int64_t)w->n - 1);
    if ((w->liars & ONE(who)) != 0)
        return;
    struct born *b = &w->born[which];
    uint64_t view = b->block.view;
    switch (prop_int(&w->prop, 0, 6)) {
    case 0:
        view = (uint64_t)prop_int(&w->prop, 1, VIEWS);
        if (!w->f_of[who][view]) {
            w->s_of[who][view] = true;
            w->s_votes[view] |= ONE(who);
        }
        break;
    case 1:
    case 2:
    case 3:
        if (w->n_of[who][view] == NONE && !b->bad &&
            ((unsigned)which % 2 == (w->side >> who & 1) || prop_int(&w->prop, 0, 5) == 0)) {
            w->n_of[who][view] = which;
            b->n_votes |= ONE(who);
        }
        break;
    default:
        if (w->n_of[who][view] == which && quorum(w, b->n_votes) && !w->s_of[who][view]) {
            w->f_of[who][view] = true;
            b->f_votes |= ONE(who);
        }
    }
}

/* ---- what comes out ---- */
static bool stands_on(const struct world *w, int above, int below)
{
    while (above != NONE && above != below)
        above = w->born[above].parent;
    return above == below;
}

/* The blocks up to top, from some block of the way on. */
static void view_of(struct world *w, int top, bool whole, struct fork *ret)
{
    int way[VIEWS], n = 0;
    for (int i = top; i != NONE; i = w->born[i].parent)
        way[n++] = i;
    if (!whole)
        n = (int)prop_int(&w->prop, 1, n);
    fork_init(ret, &w->s);
    for (int i = n - 1; i >= 0; i--) {
        const struct born *b = &w->born[way[i]];
        fork_push(ret, &b->block, &b->just); /* borrows; nobody releases the fork */
    }
    ret->view = (struct forensic_view){ .blocks = ret->block, .n = ret->n };
    ret->view.final =
        any_cert(w, CORE_F, w->born[top].block.view, &w->born[top].id, w->born[top].f_votes);
}

static void judge(struct world *w, int x, int y, struct tally *t)
{
    static struct fork a, b;
    bool conflict = !stands_on(w, x, y) && !stands_on(w, y, x);
    bool whole = prop_int(&w->prop, 0, 2) > 0;
    struct forensic_finding f;
    view_of(w, x, whole, &a);
    view_of(w, y, whole, &b);
    enum err e = forensics_run(&w->s.scope, &a.view, &b.view, &f);
    if (!conflict) {
        assert_int_equal(e, ERR_FIELD_RANGE);
        t->agreed++;
        return;
    }
    /* Views that do not overlap say nothing about each other. */
    if (a.block[0].block.parent_view > b.view.final.view ||
        b.block[0].block.parent_view > a.view.final.view) {
        assert_int_equal(e, ERR_FIELD_RANGE);
        t->apart++;
        return;
    }
    assert_int_equal(e, OK);
    assert_true(f.how < COUNT(t->how));
    assert_int_equal(f.guilty.bits[0] & ~(uint64_t)w->liars, 0);
    assert_int_equal(f.guilty.bits[1], 0);
    assert_true(__builtin_popcountll(f.guilty.bits[0]) > core_faults(w->s.scope.n));
    t->how[f.how]++;
}

static void run_world(struct world *w, struct tally *t)
{
    int final[BLOCKS], n = 0;
    for (size_t i = 0; i < COUNT(w->n_of); i++)
        for (size_t v = 0; v <= VIEWS; v++)
            w->n_of[i][v] = NONE;
    for (size_t v = 0; v <= VIEWS; v++)
        w->s_votes[v] = w->liars;
    for (unsigned i = 0; i < STEPS * (unsigned)w->s.scope.n; i++) {
        if (prop_int(&w->prop, 0, 3) == 0)
            propose(w);
        else
            vote(w);
    }
    for (size_t i = 0; i < w->n; i++) {
        if (quorum(w, w->born[i].f_votes))
            final[n++] = (int)i;
    }
    for (unsigned i = 0; i < 4 && n >= 2; i++) {
        int x = final[prop_int(&w->prop, 0, n - 1)], y = final[prop_int(&w->prop, 0, n - 1)];
        judge(w, x, y, t);
    }
    for (size_t i = 0; i < w->n; i++)
        buf_release(&w->born[i].just);
}

static void run(uint16_t n, unsigned n_liars, struct tally *t)
{
    static struct world w;
    memset(t, 0, sizeof(*t));
    for (uint64_t seed = 0; seed < WORLDS; seed++) {
        memset(&w, 0, sizeof(w));
        w.prop.state = seed << 16 | (uint64_t)n << 8 | n_liars;
        sample_init(&w.s, n, CHAIN_TX, 2);
        w.q = core_quorum(n);
        while ((unsigned)__builtin_popcount(w.liars) < n_liars)
            w.liars |= ONE(prop_int(&w.prop, 0, n - 1));
        w.side = (unsigned)prop_next(&w.prop);
        run_world(&w, t);
    }
    print_message("n=%u, %u liars: %zu NN, %zu FF, %zu SF, %zu NF, %zu unfounded; %zu agree, %zu "
                  "do not overlap\n",
                  n, n_liars, t->how[CORE_FAULT_NN], t->how[CORE_FAULT_FF], t->how[CORE_FAULT_SF],
                  t->how[CORE_FAULT_NF], t->how[0], t->agreed, t->apart);
}

/* Up to f liars: whatever they do, no two final blocks conflict (ledger.md 4.2). */
static void test_few_liars(void **state)
{
    (void)state;
    static const uint16_t cases[][2] = { { 4, 1 }, { 7, 2 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tally t;
        run(cases[i][0], cases[i][1], &t);
        for (size_t how = 0; how < COUNT(t.how); how++)
            assert_int_equal(t.how[how], 0);
        assert_true(t.agreed > 20);
    }
}

/* One more than f, and the rules of the others do not hold them together any longer. */
static void test_forks(void **state)
{
    (void)state;
    static const uint16_t cases[][2] = { { 4, 2 }, { 7, 3 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tally t;
        run(cases[i][0], cases[i][1], &t);
        assert_int_equal(t.how[0], 0);
        assert_true(t.how[CORE_FAULT_NF] + t.how[CORE_FAULT_FF] >= 10);
        assert_true(t.how[CORE_FAULT_SF] >= 2 && t.agreed >= 20);
    }
}

/* A quorum of liars certifies what it likes. */
static void test_quorum_of_liars(void **state)
{
    (void)state;
    static const uint16_t cases[][2] = { { 4, 3 }, { 7, 5 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tally t;
        run(cases[i][0], cases[i][1], &t);
        for (size_t how = 0; how < COUNT(t.how); how++)
            assert_true(t.how[how] >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_liars),
        cmocka_unit_test(test_forks),
        cmocka_unit_test(test_quorum_of_liars),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
