/* The home folder: who may read it, what is never replaced, what survives. */
#include "api/client/files.h"
#include "api/client/home.h"
#include "server/crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char base[64];
    char home[80];
    struct home h;
};

static void open_world(struct world *w)
{
    struct problem p = { 0 };
    memset(w, 0, sizeof(*w));
    (void)snprintf(w->base, sizeof(w->base), "/tmp/cairn-home-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    (void)snprintf(w->home, sizeof(w->home), "%s/home", w->base);
    assert_int_equal(home_open(w->home, &w->h, &p), OK);
}

static void close_world(struct world *w)
{
    static const char *const names[] = { "root.key", "config.json", "reviews", "" };
    char path[128];
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", w->home, names[i]);
        (void)remove(path);
    }
    assert_int_equal(rmdir(w->base), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void keys_are_private_and_never_replaced(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    uint8_t root[ROOT_BYTES], back[ROOT_BYTES] = { 0 }, other[ROOT_BYTES] = { 9 };
    char path[128];
    open_world(&w);
    random_bytes(root, sizeof(root));
    assert_int_equal(home_root(&w.h, back, &p), ERR_IO); /* none yet */
    assert_int_equal(home_root_create(&w.h, root, &p), OK);
    assert_int_equal(home_root(&w.h, back, &p), OK);
    assert_memory_equal(root, back, ROOT_BYTES);
    (void)snprintf(path, sizeof(path), "%s/root.key", w.home);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(w.home), 0700);
    assert_int_equal(home_root_create(&w.h, other, &p), ERR_ACCOUNT_EXISTS);
    assert_int_equal(home_root(&w.h, back, &p), OK);
    assert_memory_equal(root, back, ROOT_BYTES);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(home_root(&w.h, back, &p), ERR_IO);
    close_world(&w);
}

static void damaged_keys_are_told(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "00",
        "zz00000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000\n\n",
        "AA00000000000000000000000000000000000000000000000000000000000000",
    };
    struct world w;
    struct problem p = { 0 };
    uint8_t back[ROOT_BYTES];
    char path[128];
    open_world(&w);
    assert_int_equal(folder_make(w.home, 0700, &p), OK);
    (void)snprintf(path, sizeof(path), "%s/root.key", w.home);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(file_write(path, bad[i], strlen(bad[i]), 0600, false, &p), OK);
        assert_int_not_equal(home_root(&w.h, back, &p), OK);
    }
    close_world(&w);
}

static void config_is_remembered(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    struct home again;
    char path[128];
    open_world(&w);
    (void)snprintf(w.h.server, sizeof(w.h.server), "http://127.0.0.1:1");
    (void)snprintf(w.h.federation, sizeof(w.h.federation), "fed");
    assert_int_equal(home_save_config(&w.h, &p), OK);
    assert_int_equal(home_open(w.home, &again, &p), OK);
    assert_string_equal(again.server, w.h.server);
    assert_string_equal(again.federation, "fed");
    (void)snprintf(path, sizeof(path), "%s/config.json", w.home);
    assert_int_equal(file_write(path, "{\"server\":1}", 12, 0600, false, &p), OK);
    assert_int_equal(home_open(w.home, &again, &p), ERR_FIELD_TYPE);
    assert_string_equal(p.pointer, "/server");
    close_world(&w);
}

static void kept_values_round_trip(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    const struct id id = { { 1, [6] = 0x40, [8] = 0x80 } };
    json_t *value = json_pack("{s:s}", "nonce", "ab"), *back = NULL;
    char path[HOME_FILE_MAX];
    open_world(&w);
    assert_int_equal(home_kept(&w.h, "reviews", &id, &back, &p), ERR_NOT_FOUND);
    assert_int_equal(home_keep(&w.h, "reviews", &id, value, &p), OK);
    assert_int_equal(home_kept(&w.h, "reviews", &id, &back, &p), OK);
    assert_true(json_equal(value, back));
    json_decref(back);
    assert_int_equal(
        home_file(&w.h, "reviews", "01000000-0000-4000-8000-000000000000.json", false, path, &p),
        OK);
    assert_int_equal(mode_of(path), 0600);
    home_forget(&w.h, "reviews", &id);
    assert_false(file_exists(path));
    json_decref(value);
    close_world(&w);
}

static void files_are_bounded(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    char path[128];
    struct buf b;
    open_world(&w);
    (void)snprintf(path, sizeof(path), "%s/f", w.base);
    assert_int_equal(file_write(path, "12345", 5, 0644, true, &p), OK);
    for (size_t max = 4; max <= 6; max++) {
        buf_init(&b, max);
        assert_int_equal(file_read(path, &b, &p), max < 5 ? ERR_LIMIT : OK);
        if (max >= 5)
            assert_string_equal(buf_str(&b), "12345");
        buf_release(&b);
    }
    assert_int_equal(file_write("/nonexistent/f", "1", 1, 0644, false, &p), ERR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(folder_make(w.home, 0700, &p), OK);
    close_world(&w);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_private_and_never_replaced),
        cmocka_unit_test(damaged_keys_are_told),
        cmocka_unit_test(config_is_remembered),
        cmocka_unit_test(kept_values_round_trip),
        cmocka_unit_test(files_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
