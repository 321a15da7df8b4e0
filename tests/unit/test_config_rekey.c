/* Re-keying a member's directory: a new vote key with an empty journal, the old seed gone, and that
 * it may stop anywhere and be run again. */
#include "server/config.h"

#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

static char dir[64], data[128];

/* A member of the sample federation with keys of its own: "rekeyed" is what lets it start. */
static void make_member(void)
{
    static struct join_files j;
    char operator_b64[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
    struct sign_key k = sample_key(9, SAMPLE_OPERATOR, 0);
    base64_encode(k.public, SIGN_PUBLIC_BYTES, operator_b64);
    assert_int_equal(mkdir("m9", 0700), 0);
    assert_int_equal(config_init_member(data, 9, "clinic-9", "http://10.0.0.9:9009", operator_b64),
                     OK);
    join_files_init(&j);
    sample_genesis(4, 0, 0, &j.genesis);
    assert_int_equal(genesis_print(&j.genesis, &j.genesis_bytes), OK);
    assert_int_equal(config_join(data, &j), OK);
    join_files_release(&j);
}

static struct config read_config(void)
{
    struct config c;
    assert_int_equal(config_read(data, &c), OK);
    return c;
}

static void read_seed(uint8_t ret[SIGN_SEED_BYTES])
{
    FILE *f = fopen("m9/keys/vote.seed", "re");
    assert_non_null(f);
    assert_int_equal(fread(ret, 1, SIGN_SEED_BYTES, f), SIGN_SEED_BYTES);
    assert_int_equal(fclose(f), 0);
}

static size_t lines_with(const char *word)
{
    char line[512];
    size_t n = 0;
    FILE *f = fopen("m9/cairn.conf", "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        n += strstr(line, word) != NULL;
    assert_int_equal(fclose(f), 0);
    return n;
}

static void test_new_key_and_empty_journal(void **state)
{
    (void)state;
    uint8_t before[SIGN_SEED_BYTES], after[SIGN_SEED_BYTES];
    struct stat old_journal, st;
    make_member();
    read_seed(before);
    assert_int_equal(stat("m9/journal", &old_journal), 0);
    struct config c = read_config();
    assert_false(c.rekeyed);
    assert_int_equal(config_rekey(&c), OK);
    config_release(&c);
    read_seed(after);
    assert_memory_not_equal(before, after, sizeof(before));
    assert_int_equal(stat("m9/keys/vote.seed", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat("m9/journal.1", &st), 0); /* the old one, as it was */
    assert_int_equal(st.st_ino, old_journal.st_ino);
    assert_int_equal(stat("m9/journal", &st), 0);
    assert_int_not_equal(st.st_ino, old_journal.st_ino);
    c = read_config();
    assert_true(c.rekeyed);
    assert_int_equal(c.member, 9);
    assert_string_equal(c.address, "10.0.0.9");
    config_release(&c);
}

/* Whatever is missing or left over from a try that was cut short. */
static void test_again(void **state)
{
    (void)state;
    uint8_t before[SIGN_SEED_BYTES], after[SIGN_SEED_BYTES];
    struct stat st;
    read_seed(before);
    assert_int_equal(rename("m9/journal", "m9/elsewhere"), 0); /* lost */
    FILE *f = fopen("m9/keys/vote.seed.new", "we");
    assert_non_null(f);
    assert_int_equal(fputs("half", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    struct config c = read_config();
    assert_int_equal(config_rekey(&c), OK);
    assert_int_equal(config_rekey(&c), OK);
    config_release(&c);
    read_seed(after);
    assert_memory_not_equal(before, after, sizeof(before));
    assert_int_equal(stat("m9/keys/vote.seed.new", &st), -1);
    assert_int_equal(stat("m9/journal.2", &st),
                     0); /* of the first of the two; there was none before */
    assert_int_equal(stat("m9/journal.3", &st), -1);
    assert_int_equal(lines_with("rekeyed"), 1);
    c = read_config();
    assert_true(c.rekeyed);
    config_release(&c);
}

static void test_alone_keeps_its_key(void **state)
{
    (void)state;
    uint8_t before[SIGN_SEED_BYTES], after[SIGN_SEED_BYTES];
    struct config c = read_config();
    c.genesis->n = 1;
    read_seed(before);
    assert_int_equal(config_rekey(&c), ERR_USAGE);
    read_seed(after);
    assert_memory_equal(before, after, sizeof(before));
    config_release(&c);
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    unprivileged_become();
    unprivileged_folder(dir, sizeof(dir));
    (void)snprintf(data, sizeof(data), "%s/m9", dir);
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
        cmocka_unit_test(test_new_key_and_empty_journal),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_alone_keeps_its_key),
    };
    return cmocka_run_group_tests_name("re-keying", tests, up, down);
}
