/* The journal on a disk whose power fails at any moment (tests/lib/power_cut.h), under a process
 * that dies at any moment: whatever was synced and not released is there afterwards, in order and
 * without gaps; nothing that was dropped ever comes back; and the journal can always be used again.
 * The moments lie before and after every write and sync, also those of opening, of going on to the
 * next segment and of trimming. */
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"
#include "tests/lib/power_cut.h"
#include "tests/lib/unprivileged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <ftw.h>
#include <string.h>
#include <unistd.h>

#define RECORDS_MAX 6000
#define SEGMENT 8192u
#define BODY_MAX 3000
#define LIVES 30
#define STEPS 60
#define CHAINS 2

static const uint8_t genesis[HASH_BYTES] = { 9 };
static char dir[64];

/* Record i has view i + 1. The stamp tells it from another one that had its place and was lost. */
struct known {
    struct journal_record r;
    uint64_t stamp;
    size_t sync;
    bool released;
};

static struct {
    struct prop prop;
    struct known known[RECORDS_MAX];
    size_t added, durable, syncs;
    uint64_t released[CHAINS + 1];
    struct journal *j; /* while it may be left in the middle */
    jmp_buf death;
    unsigned one_in; /* how often a moment is cut */
    unsigned long cuts, deaths, trims, torn;
} world;

static void body_of(uint64_t stamp, uint8_t *ret, size_t len)
{
    struct prop p = { .state = stamp };
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)prop_next(&p);
}

/* ---- what a journal holds -------------------------------------------------------------------- */
struct found {
    bool seen[RECORDS_MAX];
    size_t n; /* behind the highest */
};

static bool is_fact(uint8_t kind)
{
    return kind <= CORE_REC_FIN;
}

/* In order, but for votes that were carried forward; each as it was added. */
static enum err find(void *arg, const struct journal_record *r)
{
    struct found *f = arg;
    uint8_t body[BODY_MAX];
    uint64_t stamp;
    assert_in_range(r->view, 1, world.added);
    size_t i = (size_t)r->view - 1;
    const struct known *k = &world.known[i];
    memcpy(&stamp, r->id, sizeof(stamp));
    assert_int_equal(stamp, k->stamp);
    assert_int_equal(r->kind, k->r.kind);
    assert_int_equal(r->chain, k->r.chain);
    assert_int_equal(r->epoch, k->r.epoch);
    assert_int_equal(r->body_len, k->r.body_len);
    body_of(stamp, body, r->body_len);
    if (r->body_len > 0)
        assert_memory_equal(r->body, body, r->body_len);
    bool begun = false;
    for (size_t b = 0; b < f->n && !begun; b++)
        begun = f->seen[b] && !is_fact(world.known[b].r.kind);
    if (i >= f->n) {
        if (begun)
            assert_int_equal(i, f->n);
        f->n = i + 1;
    } else {
        assert_true(is_fact(r->kind));
    }
    f->seen[i] = true;
    return OK;
}

/* Everything that was durable and is needed was found. */
static void check_found(const struct found *f)
{
    size_t fin[CHAINS + 1] = { 0 };
    assert_true(f->n >= world.durable && f->n <= world.added);
    for (size_t i = 0; i < f->n; i++) {
        const struct known *k = &world.known[i];
        if (k->r.kind == CORE_REC_FIN)
            fin[k->r.chain] = i + 1;
        else if (!k->released && !f->seen[i])
            fail_msg("record %zu of %zu is lost, kind %d", i, f->n, k->r.kind);
    }
    for (size_t c = 0; c <= CHAINS; c++)
        assert_true(fin[c] == 0 || f->seen[fin[c] - 1]);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_all(const char *folder)
{
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- moments --------------------------------------------------------------------------------- */

/* The state after a cut opens, has what it must, takes more, and opens again with that. */
static void check_cut(void)
{
    struct found first = { .n = 0 }, second = { .n = 0 };
    struct journal *j = NULL;
    struct journal_counters counters;
    power_cut_state(&world.prop, "cut");
    assert_int_equal(journal_open("cut", genesis, 0, find, &first, &j), OK);
    check_found(&first);
    world.torn += first.n > world.durable && first.n < world.added;
    size_t more = 1 + prop_next(&world.prop) % 3, was = world.added;
    uint64_t before = journal_seq(j);
    struct known kept[4];
    memcpy(kept, &world.known[first.n], sizeof(kept));
    world.added = first.n + more;
    for (size_t i = first.n; i < world.added; i++) {
        struct known *k = &world.known[i];
        *k = (struct known){ .stamp = prop_next(&world.prop),
                             .r = { .kind = CORE_REC_N, .chain = 1, .epoch = 1, .view = i + 1 } };
        memcpy(k->r.id, &k->stamp, sizeof(k->stamp));
        journal_add(j, &k->r);
    }
    journal_sync(j);
    journal_counters(j, &counters);
    assert_int_equal(journal_seq(j), before + more);
    assert_int_equal(counters.records, more);
    journal_close(j);
    assert_int_equal(journal_open("cut", genesis, before + more, find, &second, &j), OK);
    assert_int_equal(second.n, world.added);
    assert_int_equal(journal_seq(j), before + more);
    journal_close(j);
    memcpy(&world.known[first.n], kept, sizeof(kept));
    world.added = was;
    remove_all("cut");
    world.cuts++;
}

static void moment(void *arg, enum power_cut_call call, bool before)
{
    (void)arg;
    if (prop_next(&world.prop) % world.one_in == 0)
        check_cut();
    unsigned one_in = call == POWER_CUT_DATASYNC ? 150 : call == POWER_CUT_NAMES ? 25 : 0;
    if (world.j == NULL || one_in == 0 || prop_next(&world.prop) % one_in != 0)
        return;
    if (before && prop_next(&world.prop) % 2 == 0)
        power_cut_fail_sync();
    longjmp(world.death, 1);
}

/* ---- a member at work ------------------------------------------------------------------------ */
static void add_one(struct journal *j)
{
    static const uint8_t kinds[] = { CORE_REC_N, CORE_REC_N,       CORE_REC_S,   CORE_REC_F,
                                     CORE_REC_N, CORE_REC_PROP,    CORE_REC_FIN, JOURNAL_BATCH,
                                     CORE_REC_F, JOURNAL_PROPOSAL, JOURNAL_BATCH };
    struct known *k = &world.known[world.added];
    uint8_t body[BODY_MAX];
    *k = (struct known){ .stamp = prop_next(&world.prop), .sync = world.syncs };
    k->r.kind = kinds[prop_next(&world.prop) % COUNT(kinds)];
    k->r.chain = (uint8_t)(1 + (prop_next(&world.prop) % 8 == 0)); /* one is busy, one is not */
    k->r.epoch = 1;
    k->r.view = world.added + 1;
    memcpy(k->r.id, &k->stamp, sizeof(k->stamp));
    if (k->r.kind >= JOURNAL_PROPOSAL)
        k->r.body_len = (size_t)prop_edge(&world.prop, 0, BODY_MAX);
    body_of(k->stamp, body, k->r.body_len);
    k->r.body = body;
    journal_add(j, &k->r);
    k->r.body = NULL;
    world.added++;
}

static void release_some(struct journal *j)
{
    uint8_t chain = (uint8_t)(1 + (prop_next(&world.prop) % 16 == 0));
    uint64_t view = world.durable > 6 ? world.durable - prop_next(&world.prop) % 6 : 0;
    if (view > world.released[chain])
        world.released[chain] = view;
    journal_release(j, chain, 1, world.released[chain]);
    for (size_t i = 0; i < world.added; i++) {
        struct known *k = &world.known[i];
        if (k->r.kind == JOURNAL_BATCH && i + 30 < world.durable && !k->released) {
            journal_release_batch(j, k->r.id);
            k->released = true;
        } else if (k->r.kind != JOURNAL_BATCH && k->r.chain == chain) {
            k->released = k->released || k->r.view <= world.released[chain];
        }
    }
}

static void step(struct journal *j)
{
    struct journal_counters before, after;
    size_t burst = (size_t)prop_edge(&world.prop, 1, 12);
    for (size_t i = 0; i < burst && world.added + 16 < RECORDS_MAX; i++)
        add_one(j);
    world.j = j;
    if (prop_next(&world.prop) % 4 == 0) {
        release_some(j);
        journal_counters(j, &before);
        journal_trim(j);
        journal_counters(j, &after);
        world.trims += before.segments - after.segments;
    }
    journal_sync(j);
    world.j = NULL;
    world.durable = world.added;
    world.syncs++;
    assert_false(journal_pending(j));
}

/* One life of the process: it ends by itself or dies in a sync. Then the power may fail as well; if
 * not, what it wrote is still in memory, and not on the disk. */
static void live(void)
{
    struct found f = { .n = 0 };
    struct journal *j = NULL;
    assert_int_equal(journal_open("live", genesis, 0, find, &f, &j), OK);
    check_found(&f);
    world.added = world.durable = f.n;
    for (size_t i = 0; i < f.n; i++) { /* as the owner does after each start */
        if (world.known[i].released && world.known[i].r.kind == JOURNAL_BATCH)
            journal_release_batch(j, world.known[i].r.id);
    }
    if (setjmp(world.death) == 0) {
        for (size_t i = 0; i < STEPS; i++)
            step(j);
    } else {
        power_cut_go_on();
        world.deaths++;
        world.j = NULL;
    }
    journal_close(j);
}

static void run_seed(uint64_t seed, unsigned one_in)
{
    unsigned long cuts = world.cuts, deaths = world.deaths, trims = world.trims, torn = world.torn;
    memset(&world, 0, sizeof(world));
    world.prop.state = seed;
    world.one_in = one_in;
    world.cuts = cuts;
    world.deaths = deaths;
    world.trims = trims;
    world.torn = torn;
    assert_int_equal(journal_create_sized("live", genesis, SEGMENT), OK);
    power_cut_watch("live", moment, NULL);
    for (size_t i = 0; i < LIVES; i++) {
        live();
        if (prop_next(&world.prop) % 3 == 0) { /* from now on, this is the disk */
            power_cut_state(&world.prop, "next");
            power_cut_stop();
            remove_all("live");
            assert_int_equal(rename("next", "live"), 0);
            power_cut_watch("live", moment, NULL);
        }
    }
    power_cut_stop();
    remove_all("live");
}

static void test_cuts(void **state)
{
    (void)state;
    const char *seeds = getenv("SEEDS"), *first = getenv("SEED");
    uint64_t n = 4, from = 1;
    assert_true(seeds == NULL || u64_parse(seeds, strlen(seeds), &n));
    assert_true(first == NULL || u64_parse(first, strlen(first), &from));
    for (uint64_t seed = from; seed < from + n; seed++) {
        printf("seed %llu\n", (unsigned long long)seed);
        run_seed(seed, 16);
    }
    printf("%lu cuts, %lu deaths, %lu torn batches, %lu segments removed\n", world.cuts,
           world.deaths, world.torn, world.trims);
    assert_true(world.cuts > 500 && world.deaths > 0 && world.trims > 0 && world.torn > 0);
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    unprivileged_become();
    /* No sync is real here, so memory will do where there is a file system of it. */
    memcpy(dir, "/dev/shm/cairn-test-XXXXXX", 27);
    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        unprivileged_folder(dir, sizeof(dir));
    return 0;
}

static int down(void **state)
{
    (void)state;
    unprivileged_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("journal cut", tests, up, down);
}
