/* Joining: what founders and later members make of their cards, and that a directory whose keys are
 * not those of the genesis does not start. */
#include "server/config.h"

#include "server/base/log.h"
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char dir[64];

#define CARDS 4

/* What `cairn federation init` does with the cards of four directories m1..m4. */
static void found_four(void)
{
    static struct genesis g;
    struct buf b;
    memset(&g, 0, sizeof(g));
    (void)snprintf(g.federation, sizeof(g.federation), "cairn.test");
    g.t0_ms = 500;
    assert_int_equal(mkdir("founding", 0700), 0);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t seed[SIGN_SEED_BYTES];
        struct sign_key k;
        memset(seed, (int)i + 1, sizeof(seed));
        sign_key_from_seed(seed, &k);
        memcpy(g.log_key[i], k.public, SIGN_PUBLIC_BYTES);
        FILE *f = fopen(i == 0 ? "founding/log-account.seed" : "founding/log-tx.seed", "we");
        assert_non_null(f);
        assert_int_equal(fchmod(fileno(f), 0600), 0);
        assert_int_equal(fwrite(seed, 1, sizeof(seed), f), sizeof(seed));
        assert_int_equal(fclose(f), 0);
    }
    for (unsigned i = 1; i <= CARDS; i++) {
        char path[64], text[MEMBER_CARD_MAX];
        (void)snprintf(path, sizeof(path), "m%u/card.json", i);
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        size_t len = fread(text, 1, sizeof(text), f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(member_card_parse(text, len, &g.members[g.n], NULL), OK);
        g.members[g.n++].role = MEMBER_VALIDATOR;
    }
    buf_init(&b, GENESIS_MAX);
    assert_int_equal(genesis_print(&g, &b), OK);
    FILE *f = fopen("founding/genesis.json", "we");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    buf_release(&b);
}

static void make_card(unsigned number, const char *folder)
{
    char path[200], name[32], endpoint[64], operator_b64[BASE64_SIZE(32)];
    struct sign_key k = sample_key(number, SAMPLE_OPERATOR, 0);
    base64_encode(k.public, SIGN_PUBLIC_BYTES, operator_b64);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, folder);
    (void)snprintf(name, sizeof(name), "clinic-%u", number);
    (void)snprintf(endpoint, sizeof(endpoint), "http://10.0.0.%u:900%u", number % 200, number % 10);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(config_init_member(path, (uint16_t)number, name, endpoint, operator_b64), OK);
    assert_int_equal(access("card.json", F_OK), -1);
}

static enum err join(const char *folder)
{
    static struct join_files j;
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, folder);
    join_files_init(&j);
    enum err e = join_files_read("founding/genesis.json", "founding", &j);
    if (e == OK)
        e = config_join(path, &j);
    join_files_release(&j);
    return e;
}

static void test_join(void **state)
{
    (void)state;
    struct config c;
    struct secrets s, first;
    struct stat st;
    char path[200], folder[8];
    for (unsigned i = 1; i <= CARDS; i++) {
        (void)snprintf(folder, sizeof(folder), "m%u", i);
        make_card(i, folder);
    }
    assert_int_equal(stat("m1/keys/log-tx.seed", &st), -1); /* those of a log come with joining */
    found_four();
    for (unsigned i = 1; i <= CARDS; i++) {
        (void)snprintf(folder, sizeof(folder), "m%u", i);
        (void)snprintf(path, sizeof(path), "%s/m%u", dir, i);
        assert_int_equal(config_read(path, &c), ERR_USAGE);
        assert_int_equal(join(folder), OK);
        assert_int_equal(config_read(path, &c), OK);
        assert_int_equal(secrets_read(path, &s), OK);
        assert_int_equal(config_check_keys(&c, &s), OK);
        assert_int_equal(c.member, i);
        assert_string_equal(c.federation, "cairn.test");
        (void)snprintf(path, sizeof(path), "10.0.0.%u", i);
        assert_string_equal(c.address, path);
        assert_int_equal(c.port, 9000 + i);
        (void)snprintf(path, sizeof(path), "m%u/ledger.mark", i);
        assert_int_equal(stat(path, &st), 0);
        if (i == 1)
            first = s;
        assert_memory_equal(s.ledger.log, first.ledger.log, sizeof(s.ledger.log));
        config_release(&c);
    }
    assert_memory_not_equal(s.member.public, first.member.public, SIGN_PUBLIC_BYTES);
    assert_int_equal(join("m1"), ERR_IO); /* never over what is there */
    make_card(77, "late");                /* not a founder: the others will decide */
    assert_int_equal(join("late"), OK);
    make_card(3, "false"); /* another with a founder's number */
    assert_int_equal(join("false"), ERR_USAGE);
    assert_int_equal(access("false/genesis.json", F_OK), -1);
}

static void test_join_refusals(void **state)
{
    (void)state;
    static struct join_files j;
    make_card(9, "m9");
    assert_int_equal(chmod("founding/log-tx.seed", 0644), 0);
    assert_int_equal(join("m9"), ERR_USAGE);
    assert_int_equal(chmod("founding/log-tx.seed", 0600), 0);
    assert_int_equal(rename("founding/log-tx.seed", "founding/x"), 0);
    assert_int_equal(join("m9"), ERR_USAGE);
    assert_int_equal(rename("founding/log-account.seed", "founding/log-tx.seed"), 0);
    assert_int_equal(rename("founding/x", "founding/log-account.seed"), 0);
    assert_int_equal(join("m9"), ERR_USAGE); /* the one for the other */
    assert_int_equal(rename("founding/log-tx.seed", "founding/x"), 0);
    assert_int_equal(rename("founding/log-account.seed", "founding/log-tx.seed"), 0);
    assert_int_equal(rename("founding/x", "founding/log-account.seed"), 0);
    join_files_init(&j);
    assert_int_equal(join_files_read("founding/none.json", "founding", &j), ERR_USAGE);
    join_files_release(&j);
    /* A card that was edited, or is not there. */
    assert_int_equal(rename("m9/card.json", "m9/away"), 0);
    assert_int_equal(join("m9"), ERR_USAGE);
    assert_int_equal(link("late/card.json", "m9/card.json"), 0);
    assert_int_equal(join("m9"), ERR_USAGE);
    assert_int_equal(unlink("m9/card.json"), 0);
    assert_int_equal(rename("m9/away", "m9/card.json"), 0);
    assert_int_equal(access("m9/keys/log-tx.seed", F_OK), -1);
    assert_int_equal(join("m9"), OK);
}

static void test_card_refusals(void **state)
{
    (void)state;
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/none", dir);
    assert_int_equal(mkdir("none", 0700), 0);
    assert_int_equal(config_init_member(path, 0, "a", "http://a:1", KEY), ERR_USAGE);
    assert_int_equal(config_init_member(path, 1, "A", "http://a:1", KEY), ERR_USAGE);
    assert_int_equal(config_init_member(path, 1, "a", "http://a", KEY), ERR_USAGE);
    assert_int_equal(config_init_member(path, 1, "a", "http://a:1", "AAAA"), ERR_USAGE);
    assert_int_equal(access("none/keys", F_OK), -1);
}

/* Every key of the genesis is compared, and its own ones are not after a re-key. */
static void test_check_keys(void **state)
{
    (void)state;
    struct config c;
    struct secrets s;
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/m2", dir);
    assert_int_equal(config_read(path, &c), OK);
    assert_int_equal(secrets_read(path, &s), OK);
    uint8_t *const own[] = { s.member.public, s.ledger.vote.public, s.ledger.cosigner.public,
                             c.operator_key };
    uint8_t *const logs[] = { s.ledger.log[0].public, s.ledger.log[1].public };
    for (size_t i = 0; i < COUNT(own); i++) {
        own[i][0] ^= 1;
        assert_int_equal(config_check_keys(&c, &s), ERR_USAGE);
        c.rekeyed = true;
        assert_int_equal(config_check_keys(&c, &s), OK);
        c.rekeyed = false;
        own[i][0] ^= 1;
    }
    for (size_t i = 0; i < COUNT(logs); i++) {
        logs[i][0] ^= 1;
        c.rekeyed = true;
        assert_int_equal(config_check_keys(&c, &s), ERR_USAGE);
        c.rekeyed = false;
        logs[i][0] ^= 1;
    }
    c.member = 3;
    assert_int_equal(config_check_keys(&c, &s), ERR_USAGE);
    c.member = 99;
    assert_int_equal(config_check_keys(&c, &s), OK);
    config_release(&c);
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
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_join_refusals),
        cmocka_unit_test(test_card_refusals),
        cmocka_unit_test(test_check_keys),
    };
    return cmocka_run_group_tests_name("joining", tests, up, down);
}
