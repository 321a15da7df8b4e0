/* `cairn forensics A B`: names the guilty of two files with what they signed, and nobody otherwise.
 */
#include "api/client/cmd.h"
#include "server/base/text.h"
#include "server/ledger/wire/view_file.h"
#include "tests/unit/ledger/wire/fork.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define LEFT (ONE(0) | ONE(1) | ONE(2))
#define RIGHT (ONE(1) | ONE(2) | ONE(3))

static char folder[] = "/tmp/cairn-forensics-XXXXXX";
static struct sample s;

static void path_of(const char *name, char ret[64])
{
    (void)snprintf(ret, 64, "%s/%s", folder, name);
}

static void save(const char *name, const struct buf *text)
{
    char path[64];
    path_of(name, path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text->data, 1, text->len, f), text->len);
    assert_int_equal(fclose(f), 0);
}

static void save_view(const char *name, const struct fork *f)
{
    struct buf text;
    buf_init(&text, VIEW_FILE_MAX);
    assert_int_equal(view_file_print(&f->s->scope, &f->view, &text), OK);
    save(name, &text);
    buf_release(&text);
}

/* left: 1, 2 final; right: 1, 4 final, which skips 2; next: 1, 2, 3 final; wild: certified without
 * its justification; other: of another epoch. */
static int setup(void **state)
{
    static struct fork f;
    static struct sample later;
    (void)state;
    assert_non_null(mkdtemp(folder));
    sample_init(&s, 4, CHAIN_TX, 3);
    sample_init(&later, 4, CHAIN_TX, 4);
    fork_init(&f, &s);
    fork_block(&f, 1, 0, 1);
    fork_block(&f, 2, LEFT, 1);
    fork_final(&f, LEFT);
    save_view("left", &f);
    fork_block(&f, 3, LEFT, 1);
    fork_final(&f, LEFT);
    save_view("next", &f);
    f.view.final.signature[0][0] ^= 1;
    save_view("false", &f);
    fork_release(&f);
    fork_block(&f, 1, 0, 1);
    fork_block(&f, 4, RIGHT, 2);
    fork_final(&f, RIGHT);
    save_view("right", &f);
    fork_release(&f);
    fork_block(&f, 1, 0, 1);
    fork_block_by(&f, 5, CORE_N, RIGHT, RIGHT, ONE(3), 2);
    fork_final(&f, RIGHT);
    save_view("wild", &f);
    fork_release(&f);
    fork_init(&f, &later);
    fork_block(&f, 1, 0, 2);
    fork_final(&f, RIGHT);
    save_view("other", &f);
    fork_release(&f);
    struct buf text;
    buf_init(&text, 64);
    assert_int_equal(buf_add_str(&text, "cairn-view/1\nnothing\n"), OK);
    save("broken", &text);
    buf_release(&text);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = { "left", "next",  "false",  "right",
                                         "wild", "other", "broken", "said" };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[64];
        path_of(names[i], path);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* Runs the command with its standard output kept. */
static int run(const char *one, const char *two, bool json, struct buf *ret)
{
    static const char *const words[] = { "forensics", NULL };
    struct env env = { .json = json, .words = words };
    char paths[2][64], said[64];
    char *argv[] = { paths[0], paths[1] };
    path_of(one, paths[0]);
    path_of(two != NULL ? two : "", paths[1]);
    path_of("said", said);
    (void)fflush(stdout);
    int old = dup(STDOUT_FILENO), fd = open(said, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(old >= 0 && fd >= 0);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    int status = cmd_forensics(&env, two != NULL ? 2 : 1, argv);
    (void)fflush(stdout);
    assert_true(dup2(old, STDOUT_FILENO) >= 0);
    char text[16384];
    ssize_t n = pread(fd, text, sizeof(text), 0);
    assert_true(n >= 0 && (size_t)n < sizeof(text));
    buf_init(ret, sizeof(text));
    assert_int_equal(buf_add(ret, text, (size_t)n), OK);
    (void)close(old);
    (void)close(fd);
    return status;
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct buf out;
        json_t *v = NULL;
        assert_int_equal(run(order ? "right" : "left", order ? "left" : "right", true, &out),
                         EXIT_DONE);
        assert_int_equal(json_read(buf_str(&out), out.len - 1, &v, NULL), OK);
        assert_string_equal(json_string_value(json_object_get(v, "fault")), "SF");
        assert_string_equal(json_string_value(json_object_get(v, "chain")), "tx");
        assert_int_equal(json_integer_value(json_object_get(v, "view")), 2);
        assert_int_equal(json_integer_value(json_object_get(v, "tolerated")), 1);
        json_t *guilty = json_object_get(v, "guilty");
        assert_int_equal(json_array_size(guilty), 2);
        for (uint16_t i = 0; i < 2; i++) {
            json_t *one = json_array_get(guilty, i), *votes = json_object_get(one, "votes");
            const char *record = json_string_value(json_object_get(one, "evidence"));
            uint8_t bytes[EVIDENCE_MAX], fault = 0;
            uint16_t who = 0;
            size_t len = 0;
            /* Indices 1 and 2 signed on both sides; each with a record that stands by itself. */
            assert_int_equal(json_integer_value(json_object_get(one, "member")),
                             s.scope.member[i + 1]);
            assert_int_equal(json_array_size(votes), 2);
            assert_true(base64_decode_any(record, strlen(record), bytes, sizeof(bytes), &len));
            assert_int_equal(evidence_verify(&s.scope, bytes, len, &who, &fault), OK);
            assert_int_equal(who, s.scope.member[i + 1]);
            assert_int_equal(fault, CORE_FAULT_SF);
        }
        json_decref(v);
        buf_release(&out);
    }
}

/* Both signatures of each member stand in what people read. */
static void test_for_people(void **state)
{
    (void)state;
    struct buf out;
    assert_int_equal(run("left", "right", false, &out), EXIT_DONE);
    assert_non_null(strstr(buf_str(&out), "in view 2 of the tx chain, epoch 3"));
    for (uint16_t i = 1; i <= 2; i++) {
        struct wire_vote v = sample_vote(&s, i, CORE_S, 2, NULL);
        char signature[HEX_SIZE(SIGN_BYTES)], name[32];
        hex_encode(v.signature, SIGN_BYTES, signature);
        (void)snprintf(name, sizeof(name), "\nmember %u, ", s.scope.member[i]);
        assert_non_null(strstr(buf_str(&out), name));
        assert_non_null(strstr(buf_str(&out), signature));
    }
    assert_null(strstr(buf_str(&out), "member 11"));
    assert_null(strstr(buf_str(&out), "member 20"));
    buf_release(&out);

    assert_int_equal(run("left", "wild", false, &out), EXIT_DONE);
    assert_non_null(strstr(buf_str(&out), "without a valid justification"));
    assert_null(strstr(buf_str(&out), "member 11"));
    assert_non_null(strstr(buf_str(&out), "member 20"));
    buf_release(&out);
}

static void test_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *one, *two;
        int status;
    } cases[] = {
        { "left", "left", EXIT_REFUSED }, { "left", "next", EXIT_REFUSED },
        { "next", "left", EXIT_REFUSED }, { "false", "right", EXIT_REFUSED },
        { "left", "other", EXIT_INPUT },  { "left", "broken", EXIT_INPUT },
        { "broken", "left", EXIT_INPUT }, { "left", "absent", EXIT_INPUT },
        { "left", NULL, EXIT_USE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        assert_int_equal(run(cases[i].one, cases[i].two, i % 2 == 1, &out), cases[i].status);
        assert_int_equal(out.len, 0);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_for_people),
        cmocka_unit_test(test_nobody),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, setup, teardown);
}
