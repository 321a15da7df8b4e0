/* cairn federation init: from cards to a genesis that parses, with keys that are those it names;
 * and every set of cards from which no federation can start leaves nothing behind. */
#include "api/client/cmd.h"
#include "api/client/files.h"
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS_MAX 120

static char dir[64];

static void put_card(const struct member *m, const char *path)
{
    struct buf b;
    struct problem p = { 0 };
    buf_init(&b, MEMBER_CARD_MAX);
    assert_int_equal(member_card_print(m, &b), OK);
    assert_int_equal(file_write(path, b.data, b.len, 0644, false, &p), OK);
    buf_release(&b);
}

static void card(unsigned number)
{
    struct member m = sample_member(number, 0);
    char path[32];
    (void)snprintf(path, sizeof(path), "card-%u", number);
    put_card(&m, path);
}

/* Runs the command with the arguments between spaces. */
static int run(const char *line)
{
    static const char *const words[] = { "federation", "init" };
    struct env env = { .json = true, .words = words };
    char text[4096], *argv[ARGUMENTS_MAX] = { NULL };
    int argc = 0;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *at = text; *at != '\0' && argc < ARGUMENTS_MAX;) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    int status = cmd_federation_init(&env, argc, argv);
    env_close(&env);
    return status;
}

static void check_seed(const char *path, const uint8_t public_key[SIGN_PUBLIC_BYTES])
{
    struct stat st;
    struct buf b;
    struct sign_key k;
    buf_init(&b, 64);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_read(path, &b, NULL), OK);
    assert_int_equal(b.len, SIGN_SEED_BYTES);
    sign_key_from_seed(b.data, &k);
    assert_memory_equal(k.public, public_key, SIGN_PUBLIC_BYTES);
    buf_release(&b);
}

static void read_genesis(const char *path, struct genesis *ret)
{
    struct buf b;
    struct problem p = { 0 };
    buf_init(&b, GENESIS_MAX);
    assert_int_equal(file_read(path, &b, &p), OK);
    if (genesis_parse(buf_str(&b), b.len, ret, &p) != OK)
        fail_msg("%s: %s", p.pointer, p.detail);
    buf_release(&b);
}

static void founds(void **state)
{
    (void)state;
    static struct genesis g;
    for (unsigned i = 1; i <= 7; i++)
        card(i);
    /* In any order of the cards. */
    assert_int_equal(run("--name a.example/b --out x/four card-3 card-1 card-4 card-2"), EXIT_DONE);
    read_genesis("x/four/genesis.json", &g);
    assert_string_equal(g.federation, "a.example/b");
    assert_int_equal(g.n, 4);
    assert_int_equal(g.t0_ms, 500);
    for (size_t i = 0; i < 4; i++) {
        struct member m = sample_member((unsigned)i + 1, MEMBER_VALIDATOR);
        assert_int_equal(g.members[i].number, i + 1);
        assert_int_equal(g.members[i].role, MEMBER_VALIDATOR);
        assert_memory_equal(g.members[i].vote_key, m.vote_key, SIGN_PUBLIC_BYTES);
        assert_string_equal(g.members[i].endpoint, m.endpoint);
    }
    check_seed("x/four/log-account.seed", g.log_key[0]);
    check_seed("x/four/log-tx.seed", g.log_key[1]);
    assert_int_equal(run("--first-timeout 75 --name a --out one card-6"), EXIT_DONE);
    read_genesis("one/genesis.json", &g);
    assert_int_equal(g.n, 1);
    assert_int_equal(g.t0_ms, 75);
    assert_int_equal(run("--name a --out seven card-1 card-2 card-3 card-4 card-5 card-6 card-7"),
                     EXIT_DONE);
    read_genesis("seven/genesis.json", &g);
    assert_int_equal(g.n, 7);
}

static void never_over_another(void **state)
{
    (void)state;
    static struct genesis before, after;
    read_genesis("x/four/genesis.json", &before);
    assert_int_equal(run("--name a --out x/four card-1 card-2 card-3 card-4"), EXIT_INPUT);
    assert_int_equal(unlink("x/four/genesis.json"), 0);
    assert_int_equal(run("--name a --out x/four card-1 card-2 card-3 card-4"), EXIT_INPUT);
    check_seed("x/four/log-tx.seed", before.log_key[1]);
    assert_int_equal(unlink("x/four/log-account.seed"), 0);
    assert_int_equal(unlink("x/four/log-tx.seed"), 0);
    assert_int_equal(run("--name a --out x/four card-1 card-2 card-3 card-4"), EXIT_DONE);
    read_genesis("x/four/genesis.json", &after);
    assert_memory_not_equal(before.log_key, after.log_key, sizeof(after.log_key));
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
    } rows[] = {
        { "", EXIT_USE },
        { "--name a --out none", EXIT_USE },
        { "--out none card-1", EXIT_USE },
        { "--name a card-1", EXIT_USE },
        { "--name A --out none card-1", EXIT_USE },
        { "--name a --out none --first-timeout 49 card-1", EXIT_USE },
        { "--name a --out none --first-timeout 60001 card-1", EXIT_USE },
        { "--name a --out none --first-timeout x card-1", EXIT_USE },
        { "--name a --out none card-1 card-2", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3 card-3", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3 card-99", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3 broken", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3 long", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3 twin", EXIT_INPUT },
        { "--name a --out none card-1 card-2 card-3 operator", EXIT_INPUT },
    };
    static char much[MEMBER_CARD_MAX + 1];
    struct problem p = { 0 };
    memset(much, ' ', sizeof(much));
    assert_int_equal(file_write("broken", "{}", 2, 0644, false, &p), OK);
    assert_int_equal(file_write("long", much, sizeof(much), 0644, false, &p), OK);
    struct member twin = sample_member(4, 0), other = sample_member(1, 0);
    memcpy(twin.name, other.name, sizeof(twin.name));
    put_card(&twin, "twin");
    twin = sample_member(4, 0); /* one person for two members would be two votes in a quorum */
    memcpy(twin.operator_key, other.operator_key, SIGN_PUBLIC_BYTES);
    put_card(&twin, "operator");
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (run(rows[i].line) != rows[i].status)
            fail_msg("%s", rows[i].line);
        assert_false(file_exists("none"));
    }
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    unprivileged_become();
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
        cmocka_unit_test(founds),
        cmocka_unit_test(never_over_another),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("federation", tests, up, down);
}
