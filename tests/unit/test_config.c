/* The configuration: what init writes can be read; every malformed line, every key file that others
 * may read and every other genesis than the right one is refused. */
#include "server/config.h"

#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define BASE "federation = cairn.test\noperator = " KEY "\n"

static char dir[64];

static void put(const char *text)
{
    FILE *f = fopen("cairn.conf", "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* A federation of four in which this directory need not have a place. */
static void found(const char *federation, const char *file)
{
    static struct genesis g;
    struct buf b;
    sample_genesis(4, 0, 0, &g);
    (void)snprintf(g.federation, sizeof(g.federation), "%s", federation);
    buf_init(&b, GENESIS_MAX);
    assert_int_equal(genesis_print(&g, &b), OK);
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    buf_release(&b);
}

/* What is read, apart from the genesis, which is freed again. */
static enum err read_text(const char *text, struct config *ret)
{
    put(text);
    enum err e = config_read(dir, ret);
    if (e == OK) {
        assert_non_null(ret->genesis);
        assert_string_equal(ret->genesis->federation, ret->federation);
        config_release(ret);
    }
    return e;
}

static void test_defaults(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(read_text(BASE, &c), OK);
    assert_string_equal(c.federation, "cairn.test");
    assert_string_equal(c.data_dir, dir);
    assert_string_equal(c.shared_dir, dir);
    assert_string_equal(c.address, "127.0.0.1");
    assert_string_equal(c.database, "");
    assert_int_equal(c.member, 1);
    assert_int_equal(c.port, 8480);
    assert_int_equal(c.workers, 16);
    assert_int_equal(c.threads, 2);
    assert_int_equal(c.in_flight, 8);
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(c.operator_key[i], i);
}

static void test_every_key(void **state)
{
    (void)state;
    struct config c;
    found("a.b", "genesis.json");
    assert_int_equal(mkdir("srv", 0700), 0);
    found("a.b", "srv/genesis.json"); /* a second process reads it where the keys are */
    assert_int_equal(unlink("genesis.json"), 0);
    char text[600];
    (void)snprintf(
        text, sizeof(text),
        "# a comment\n\n  federation=a.b  \r\n\toperator =" KEY "\nmember = 65535\n"
        "address = ::1\nport=0\ndatabase = host=/x dbname=y\nrekeyed = yes\n"
        "database_owner = user=z\nworkers = 1\nthreads = 64\nin_flight = 64\nshared = %s/srv",
        dir);
    assert_int_equal(read_text(text, &c), OK);
    assert_string_equal(c.federation, "a.b");
    assert_int_equal(c.member, 65535);
    assert_string_equal(c.address, "::1");
    assert_int_equal(c.port, 0);
    assert_string_equal(c.database, "host=/x dbname=y"); /* a value may hold equals signs */
    assert_string_equal(c.database_owner, "user=z");
    assert_int_equal(c.workers, 1);
    assert_int_equal(c.threads, 64);
    assert_int_equal(c.in_flight, 64);
    (void)snprintf(text, sizeof(text), "%s/srv", dir);
    assert_string_equal(c.shared_dir, text);
    assert_true(c.rekeyed);
    found("cairn.test", "genesis.json");
}

static void test_malformed_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "federation",
        "federation =",
        "= x",
        "unknown = 1",
        "Federation = x",
        "operator = ",
        "operator = AAAA",
        "operator = " KEY "=",
        "member = 0",
        "member = 65536",
        "member = -1",
        "member = 1x",
        "member = 01",
        "member =",
        "port = 65536",
        "port = x",
        "port = 80 80",
        "port = +1",
        "workers = 0",
        "workers = 65",
        "threads = 0",
        "threads = 65",
        "threads = 1.5",
        "in_flight = 0",
        "in_flight = 65",
        "shared = relative",
        "shared = /elsewhere", /* without a database that they share */
        "port 80",
        "[section]",
        "rekeyed = ",
        "rekeyed = true",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct config c = { .port = 7 };
        char text[600];
        (void)snprintf(text, sizeof(text), BASE "%s\n", lines[i]);
        if (read_text(text, &c) != ERR_USAGE)
            fail_msg("was taken: %s", lines[i]);
        assert_int_equal(c.port, 7);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    static const char *const keys[] = { "federation", "address", "database", "database_owner",
                                        "shared" };
    static const size_t most[] = { FEDERATION_NAME_MAX, 63, 399, 399, 199 };
    for (size_t i = 0; i < COUNT(keys); i++)
        for (size_t more = 0; more < 2; more++) {
            struct config c;
            char value[401], text[700];
            memset(value, 'a', sizeof(value));
            value[0] = '/';
            value[most[i] + more] = '\0';
            found(i == 0 && more == 0 ? value : "cairn.test", "genesis.json");
            if (i == 4) { /* a folder with so long a name, with a genesis in it */
                char file[420];
                memcpy(value, dir, strlen(dir));
                value[strlen(dir)] = '/';
                assert_int_equal(mkdir(value, 0700), 0);
                (void)snprintf(file, sizeof(file), "%s/genesis.json", value);
                found("cairn.test", file);
            }
            (void)snprintf(text, sizeof(text), BASE "database = x\n%s = %s\n", keys[i], value);
            assert_int_equal(read_text(text, &c), more == 0 ? OK : ERR_USAGE);
        }
}

/* A line that is longer than any may be is refused whole: its end is not another line. */
static void test_overlong_line(void **state)
{
    (void)state;
    struct config c;
    found("cairn.test", "genesis.json");
    char text[1200] = BASE "# ";
    for (size_t pad = 480; pad < 540; pad++) {
        size_t len = strlen(BASE);
        (void)memset(text + len, '#', pad);
        (void)snprintf(text + len + pad, sizeof(text) - len - pad, "port = 9\n");
        enum err e = read_text(text, &c);
        assert_true(e == ERR_USAGE || (e == OK && c.port == 8480)); /* a comment is a comment */
    }
}

static void test_missing(void **state)
{
    (void)state;
    struct config c;
    found("cairn.test", "genesis.json");
    assert_int_equal(read_text("operator = " KEY "\n", &c), ERR_USAGE);
    assert_int_equal(read_text("federation = cairn.test\n", &c), ERR_USAGE);
    assert_int_equal(read_text("", &c), ERR_USAGE);
    assert_int_equal(config_read("/nonexistent", &c), ERR_USAGE);
    char deep[260];
    memset(deep, 'd', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(config_read(deep, &c), ERR_USAGE);
}

/* ---- the genesis -------------------------------------------------------------------------- */

static void test_genesis(void **state)
{
    (void)state;
    struct config c = { .port = 7 };
    uint8_t hash[HASH_BYTES];
    char text[GENESIS_MAX / 16];
    put(BASE);
    assert_int_equal(unlink("genesis.json"), 0);
    assert_int_equal(config_read(dir, &c), ERR_USAGE);
    found("cairn.other", "genesis.json");
    assert_int_equal(config_read(dir, &c), ERR_USAGE);
    assert_int_equal(c.port, 7);
    found("cairn.test", "genesis.json");
    assert_int_equal(config_read(dir, &c), OK);
    assert_int_equal(c.genesis->n, 4);
    FILE *f = fopen("genesis.json", "re");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof(text), f);
    assert_int_equal(fclose(f), 0);
    sha256(text, len, hash);
    assert_memory_equal(c.genesis_hash, hash, sizeof(hash));
    config_release(&c);
    config_release(&c);
    f = fopen("genesis.json", "ae"); /* one byte more */
    assert_non_null(f);
    assert_int_equal(fputc('\n', f), '\n');
    assert_int_equal(fclose(f), 0);
    assert_int_equal(config_read(dir, &c), ERR_USAGE);
    assert_int_equal(truncate("genesis.json", 0), 0);
    assert_int_equal(config_read(dir, &c), ERR_USAGE);
    assert_int_equal(truncate("genesis.json", 10 * GENESIS_MAX), 0);
    assert_int_equal(config_read(dir, &c), ERR_USAGE);
    found("cairn.test", "genesis.json");
}

/* ---- init and keys ----------------------------------------------------------------------------
 */

static const char *const key_names[] = { "member", "vote",     "log-account",
                                         "log-tx", "cosigner", "session" };

static void test_init(void **state)
{
    (void)state;
    struct config c;
    struct secrets s, again;
    struct stat st;
    char path[200];
    assert_int_equal(mkdir("one", 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/one", dir);
    assert_int_equal(config_init(path, "fed.example/north-1", KEY), OK);
    assert_int_equal(config_read(path, &c), OK);
    assert_string_equal(c.federation, "fed.example/north-1");
    assert_int_equal(c.operator_key[31], 31);
    assert_int_equal(secrets_read(path, &s), OK);
    assert_int_equal(config_check_keys(&c, &s), OK);
    assert_int_equal(c.genesis->n, 1);
    assert_int_equal(c.genesis->members[0].number, 1);
    assert_int_equal(c.genesis->members[0].role, MEMBER_VALIDATOR);
    assert_memory_equal(c.genesis->members[0].vote_key, s.ledger.vote.public, SIGN_PUBLIC_BYTES);
    config_release(&c);
    assert_int_equal(secrets_read(path, &again), OK);
    assert_memory_equal(&s, &again, sizeof(s));
    assert_memory_not_equal(s.member.public, s.ledger.cosigner.public, SIGN_PUBLIC_BYTES);
    assert_memory_not_equal(s.ledger.log[0].public, s.ledger.log[1].public, SIGN_PUBLIC_BYTES);
    for (size_t i = 0; i < COUNT(key_names); i++) {
        char key[300];
        (void)snprintf(key, sizeof(key), "one/keys/%s.seed", key_names[i]);
        assert_int_equal(stat(key, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(st.st_size, 32);
    }
    assert_int_equal(stat("one/ledger.mark", &st), 0);
    assert_int_equal(stat("one/journal", &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(config_init(path, "fed.example/north-1", KEY),
                     ERR_IO); /* never over another */
    assert_int_equal(secrets_read(path, &again), OK);
    assert_memory_equal(&s, &again, sizeof(s));
    secrets_wipe(&s);
    for (size_t i = 0; i < sizeof(s); i++)
        assert_int_equal(((const uint8_t *)&s)[i], 0);
}

static void test_init_refusals(void **state)
{
    (void)state;
    static const char *const names[] = { "", "Cairn", "a b", "a+b", "a\n", "caf\xc3\xa9", "a_b" };
    char path[200], longest[FEDERATION_NAME_MAX + 2];
    assert_int_equal(mkdir("two", 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/two", dir);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(config_init(path, names[i], KEY), ERR_USAGE);
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(config_init(path, longest, KEY), ERR_USAGE);
    assert_int_equal(config_init(path, "cairn.test", "AAAA"), ERR_USAGE);
    assert_int_equal(access("two/keys", F_OK), -1); /* nothing half done */
    assert_int_equal(config_init(path, "cairn.test", KEY), OK);
}

static void test_key_files(void **state)
{
    (void)state;
    static const mode_t open_to_others[] = { 0640, 0604, 0620, 0602, 0610, 0601 };
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/two", dir);
    for (size_t i = 0; i < COUNT(key_names); i++) {
        struct secrets s, untouched;
        char key[300], aside[310];
        (void)snprintf(key, sizeof(key), "two/keys/%s.seed", key_names[i]);
        (void)snprintf(aside, sizeof(aside), "%s.away", key);
        memset(&s, 0x6b, sizeof(s));
        memset(&untouched, 0x6b, sizeof(untouched));
        for (size_t m = 0; m < COUNT(open_to_others); m++) {
            assert_int_equal(chmod(key, open_to_others[m]), 0);
            assert_int_equal(secrets_read(path, &s), ERR_USAGE);
        }
        assert_int_equal(chmod(key, 0600), 0);
        assert_int_equal(truncate(key, 31), 0);
        assert_int_equal(secrets_read(path, &s), ERR_USAGE);
        assert_int_equal(truncate(key, 33), 0);
        assert_int_equal(secrets_read(path, &s), ERR_USAGE);
        assert_int_equal(truncate(key, 32), 0);
        assert_int_equal(rename(key, aside), 0);
        assert_int_equal(secrets_read(path, &s), ERR_USAGE);
        assert_memory_equal(&s, &untouched, sizeof(s));
        assert_int_equal(rename(aside, key), 0);
        assert_int_equal(secrets_read(path, &s), OK);
    }
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    unprivileged_become();
    unprivileged_folder(dir, sizeof(dir));
    found("cairn.test", "genesis.json");
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
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_malformed_lines), cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_overlong_line),   cmocka_unit_test(test_missing),
        cmocka_unit_test(test_genesis),         cmocka_unit_test(test_init),
        cmocka_unit_test(test_init_refusals),   cmocka_unit_test(test_key_files),
    };
    return cmocka_run_group_tests_name("config", tests, up, down);
}
