/* Ciphertext files: under their name only when whole, the same twice, nothing half done on failure.
 */
#include "server/vault/blobs.h"
#include "tests/lib/unprivileged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool holds(const char *path, const char *text)
{
    char got[256] = "";
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
    (void)fclose(f);
    return strcmp(got, text) == 0;
}

static struct blobs *opened(const char *sub)
{
    struct blobs *b = NULL;
    assert_true(mkdir(sub, 0700) == 0 || access(sub, F_OK) == 0);
    assert_int_equal(blobs_open(sub, &b), OK);
    return b;
}

static void hash_of(const char *text, uint8_t ret[HASH_BYTES])
{
    blake2b_256(text, strlen(text), NULL, 0, ret);
}

static void test_layout(void **state)
{
    (void)state;
    struct blobs *b = opened("layout");
    struct stat st;
    uint8_t hash[HASH_BYTES] = { 0xab, 0xcd };
    char path[BLOB_PATH_MAX];
    hash[31] = 0x0f;
    blobs_path(b, hash, path);
    assert_string_equal(path, "layout/blobs/ab/abcd0000000000000000000000000000"
                              "0000000000000000000000000000000f");
    for (unsigned i = 0; i < 256; i++) {
        (void)snprintf(path, sizeof(path), "layout/blobs/%02x", i);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
    }
    blobs_close(b);
    b = opened("layout"); /* again is fine */
    blobs_close(b);
}

static void test_put(void **state)
{
    (void)state;
    struct blobs *b = opened("put");
    uint8_t hash[HASH_BYTES];
    char path[BLOB_PATH_MAX];
    hash_of("one", hash);
    blobs_path(b, hash, path);
    assert_int_equal(access(path, F_OK), -1);
    put_file("upload", "one");
    assert_int_equal(blobs_put(b, "upload", hash), OK);
    assert_true(holds(path, "one"));
    assert_int_equal(access("upload", F_OK), -1); /* it was moved */
    put_file("upload", "one");
    assert_int_equal(blobs_put(b, "upload", hash), OK); /* an equal one is there */
    assert_true(holds(path, "one"));
    blobs_close(b);
}

static void test_failures_leave_nothing(void **state)
{
    (void)state;
    struct blobs *b = opened("fail");
    uint8_t hash[HASH_BYTES];
    char path[BLOB_PATH_MAX], shard[BLOB_PATH_MAX], aside[BLOB_PATH_MAX + 8];
    hash_of("two", hash);
    blobs_path(b, hash, path);
    assert_int_equal(blobs_put(b, "missing", hash), ERR_IO);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(shard, sizeof(shard), "fail/blobs/%02x", hash[0]);
    (void)snprintf(aside, sizeof(aside), "%s.away", shard);
    assert_int_equal(rename(shard, aside), 0);
    put_file("upload", "two");
    assert_int_equal(blobs_put(b, "upload", hash), ERR_IO);
    assert_true(holds("upload", "two")); /* the caller's file is still the caller's */
    assert_int_equal(rename(aside, shard), 0);
    assert_int_equal(blobs_put(b, "upload", hash), OK);
    assert_true(holds(path, "two"));
    blobs_close(b);
    struct blobs *none = NULL;
    assert_int_equal(blobs_open("no/such/folder", &none), ERR_IO);
    assert_null(none);
}

struct putter {
    struct blobs *b;
    unsigned n;
};

static void *put_all(void *arg)
{
    struct putter *p = arg;
    for (unsigned i = 0; i < 40; i++) {
        char file[32], text[32];
        uint8_t hash[HASH_BYTES];
        (void)snprintf(file, sizeof(file), "upload-%u-%u", p->n, i);
        (void)snprintf(text, sizeof(text), "content %u", i);
        hash_of(text, hash);
        put_file(file, text);
        if (blobs_put(p->b, file, hash) != OK)
            return p;
    }
    return NULL;
}

/* Several writers of the same blobs, through handles of their own. */
static void test_writers(void **state)
{
    (void)state;
    struct putter all[4];
    pthread_t threads[4];
    void *failed = NULL;
    char path[BLOB_PATH_MAX], text[32];
    for (unsigned i = 0; i < 4; i++) {
        all[i] = (struct putter){ opened("many"), i };
        assert_int_equal(pthread_create(&threads[i], NULL, put_all, &all[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    for (unsigned i = 0; i < 40; i++) {
        uint8_t hash[HASH_BYTES];
        (void)snprintf(text, sizeof(text), "content %u", i);
        hash_of(text, hash);
        blobs_path(all[0].b, hash, path);
        assert_true(holds(path, text));
    }
    for (unsigned i = 0; i < 4; i++)
        blobs_close(all[i].b);
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
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_failures_leave_nothing),
        cmocka_unit_test(test_writers),
    };
    return cmocka_run_group_tests_name("blobs", tests, up, down);
}
