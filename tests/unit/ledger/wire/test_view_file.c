/* Views as files: one spelling, read back to the same view, and nothing else is taken. */
#include "tests/unit/ledger/wire/fork.h"

#include "server/base/text.h"
#include "server/ledger/wire/view_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct sample s;
static struct fork a, b;

static void text_of(const struct fork *f, struct buf *ret)
{
    buf_init(ret, VIEW_FILE_MAX);
    assert_int_equal(view_file_print(&f->s->scope, &f->view, ret), OK);
}

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct view_file f;
    (void)arg;
    if (view_file_parse((const char *)bytes, len, &f, NULL) != OK)
        return REFUSED;
    assert_int_equal(view_file_print(&f.scope, &f.view, ret), OK);
    view_file_release(&f);
    return PARSED;
}

static void test_text(void **state)
{
    (void)state;
    struct buf text, bytes, want;
    char genesis[HEX_SIZE(32)], key[BASE64_SIZE(32)], payload[4096];
    text_of(&a, &text);
    buf_init(&want, VIEW_FILE_MAX);
    buf_init(&bytes, WIRE_FRAME_MAX);
    hex_encode(s.scope.genesis, 32, genesis);
    assert_int_equal(buf_addf(&want, "cairn-view/1\ngenesis %s\nchain tx\nepoch 3\n", genesis), OK);
    for (unsigned i = 0; i < 4; i++) {
        base64_encode(s.scope.vote_key[i], 32, key);
        assert_int_equal(buf_addf(&want, "validator %u %s\n", 11 + 3 * i, key), OK);
    }
    for (size_t i = 0; i < a.n; i++) {
        buf_clear(&bytes);
        assert_int_equal(wire_proposal_print(&a.block[i], &bytes), OK);
        base64_encode(bytes.data, bytes.len, payload);
        assert_int_equal(buf_addf(&want, "block %s\n", payload), OK);
    }
    buf_clear(&bytes);
    assert_int_equal(wire_cert_print(&a.view.final, &bytes), OK);
    base64_encode(bytes.data, bytes.len, payload);
    assert_int_equal(buf_addf(&want, "final %s\n", payload), OK);
    assert_string_equal(buf_str(&text), buf_str(&want));
    assert_int_equal(text.len, want.len);
    buf_release(&text);
    buf_release(&bytes);
    buf_release(&want);
}

/* What was read from two files accuses as what they were written from. */
static void test_round(void **state)
{
    (void)state;
    struct buf text[2];
    struct view_file f[2];
    struct forensic_finding before, after;
    struct problem p = { 0 };
    text_of(&a, &text[0]);
    text_of(&b, &text[1]);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(view_file_parse(buf_str(&text[i]), text[i].len, &f[i], &p), OK);
        assert_int_equal(sample_judged(judge, NULL, text[i].data, text[i].len), PARSED);
        assert_memory_equal(&f[i].scope, &s.scope, sizeof(s.scope));
    }
    assert_int_equal(forensics_run(&s.scope, &a.view, &b.view, &before), OK);
    assert_int_equal(forensics_run(&f[1].scope, &f[0].view, &f[1].view, &after), OK);
    assert_memory_equal(&before, &after, sizeof(after));
    for (unsigned i = 0; i < 2; i++) {
        view_file_release(&f[i]);
        buf_release(&text[i]);
    }
}

/* Cut anywhere, with something behind, or with any bit changed: refused, or the one spelling of
 * another view. */
static void test_strict(void **state)
{
    (void)state;
    static struct fork one;
    struct buf text;
    fork_init(&one, &s);
    fork_block(&one, 1, 0, 1);
    fork_final(&one, ONE(0) | ONE(1) | ONE(2));
    text_of(&one, &text);
    assert_int_equal(sample_faults(judge, NULL, text.data, text.len, PARSED, PARSED), 0);
    buf_release(&text);
    fork_release(&one);
}

/* The lines of a text, some left out, twice or in another place. */
static size_t split(const struct buf *text, const char **ret_at, size_t *ret_len)
{
    size_t n = 0;
    const char *at = buf_str(text);
    while (*at != '\0') {
        const char *end = strchr(at, '\n');
        ret_at[n] = at;
        ret_len[n++] = (size_t)(end + 1 - at);
        at = end + 1;
    }
    return n;
}

static void test_lines(void **state)
{
    (void)state;
    struct buf text, other;
    const char *at[32];
    size_t len[32];
    text_of(&a, &text);
    buf_init(&other, VIEW_FILE_MAX);
    size_t n = split(&text, at, len);
    assert_int_equal(n, 4 + 4 + a.n + 1);
    for (size_t i = 0; i < n; i++) {
        bool may_lack = i >= 4 && i < 8 + a.n; /* one of several validators or blocks */
        for (unsigned how = 0; how < 3; how++) {
            buf_clear(&other);
            for (size_t k = 0; k < n; k++) {
                size_t line = how == 2 && i + 1 < n && (k == i || k == i + 1) ? 2 * i + 1 - k : k;
                for (size_t times = how == 0 && k == i   ? 0
                                    : how == 1 && k == i ? 2
                                                         : 1;
                     times > 0; times--)
                    assert_int_equal(buf_add(&other, at[line], len[line]), OK);
            }
            enum fate fate = sample_judged(judge, NULL, other.data, other.len);
            bool block = i >= 8 && i < 8 + a.n;
            if (how == 0)
                assert_int_equal(fate, may_lack ? PARSED : REFUSED);
            else if (how == 1)
                assert_int_equal(fate, block ? PARSED : REFUSED); /* for forensics to refuse */
            else if (i + 1 < n)
                assert_int_equal(fate, block && i + 1 < 8 + a.n ? PARSED : REFUSED);
        }
    }
    buf_release(&text);
    buf_release(&other);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } edits[] = {
        { "cairn-view/1\n", "cairn-view/2\n" },
        { "cairn-view/1\n", "cairn-view/1\r\n" },
        { "chain tx", "chain TX" },
        { "chain tx", "chain " },
        { "chain tx", "chain" },
        { "chain tx", "chain tx " },
        { "epoch 3", "epoch 0" },
        { "epoch 3", "epoch 03" },
        { "epoch 3", "epoch 4294967296" },
        { "epoch 3", "epoch -3" },
        { "genesis ", "genesis 0" },
        { "genesis 4", "genesis " },
        { "validator 11 ", "validator 0 " },
        { "validator 11 ", "validator 65547 " },
        { "validator 11 ", "validator 14 " },
        { "validator 11 ", "validator 15 " },
        { "validator 11 ", "validator 011 " },
        { "validator 11 ", "validator 11  " },
        { "validator 11 ", "validator 11" },
        { "block ", "block  " },
        { "\nfinal ", "\n\nfinal " },
        { "\nfinal ", "\nfinal  " },
    };
    struct buf text, other;
    text_of(&a, &text);
    buf_init(&other, VIEW_FILE_MAX);
    for (size_t i = 0; i < COUNT(edits); i++) {
        const char *at = strstr(buf_str(&text), edits[i].from);
        struct view_file f;
        struct problem p = { 0 };
        assert_non_null(at);
        buf_clear(&other);
        assert_int_equal(buf_addf(&other, "%.*s%s%s", (int)(at - buf_str(&text)), buf_str(&text),
                                  edits[i].to, at + strlen(edits[i].from)),
                         OK);
        if (view_file_parse(buf_str(&other), other.len, &f, &p) == OK)
            fail_msg("taken: %s", edits[i].to);
        assert_int_equal(strncmp(p.detail, "Near line ", 10), 0);
    }
    buf_release(&text);
    buf_release(&other);
}

/* A view ends in F: notarized is not final. */
static void test_not_final(void **state)
{
    (void)state;
    struct buf text, bytes;
    struct view_file f;
    char payload[4096];
    text_of(&a, &text);
    size_t head = (size_t)(strstr(buf_str(&text), "final ") - buf_str(&text));
    for (uint8_t kind = CORE_N; kind <= CORE_F; kind++) {
        struct wire_cert c = sample_cert(&s, kind, 4, fork_top(&a));
        buf_init(&bytes, WIRE_FRAME_MAX);
        assert_int_equal(wire_cert_print(&c, &bytes), OK);
        base64_encode(bytes.data, bytes.len, payload);
        text.len = head;
        assert_int_equal(buf_addf(&text, "final %s\n", payload), OK);
        enum err e = view_file_parse(buf_str(&text), text.len, &f, NULL);
        assert_int_equal(e, kind == CORE_F ? OK : ERR_SYNTAX);
        if (e == OK)
            view_file_release(&f);
        buf_release(&bytes);
    }
    buf_release(&text);
}

static void test_bounds(void **state)
{
    (void)state;
    struct buf out;
    struct forensic_view v = a.view;
    struct wire_scope scope = s.scope;
    struct view_file f;
    struct problem p = { 0 };
    buf_init(&out, VIEW_FILE_MAX);
    v.n = 0;
    assert_int_equal(view_file_print(&scope, &v, &out), ERR_SYNTAX);
    v.n = VIEW_FILE_BLOCKS_MAX + 1;
    assert_int_equal(view_file_print(&scope, &v, &out), ERR_LIMIT);
    v = a.view, v.final.kind = CORE_N;
    assert_int_equal(view_file_print(&scope, &v, &out), ERR_SYNTAX);
    scope.n = 0;
    assert_int_equal(view_file_print(&scope, &a.view, &out), ERR_SYNTAX);
    scope = s.scope, scope.member[1] = scope.member[0];
    assert_int_equal(view_file_print(&scope, &a.view, &out), ERR_SYNTAX);
    struct buf small;
    buf_init(&small, 900);
    assert_int_equal(view_file_print(&s.scope, &a.view, &small), ERR_LIMIT);
    assert_int_equal(out.len + small.len, 0);
    buf_release(&small);
    assert_int_equal(view_file_parse("", VIEW_FILE_MAX + 1, &f, &p), ERR_LIMIT);
    assert_int_equal(view_file_parse("", 0, &f, &p), ERR_SYNTAX);

    /* A hundred validators, and one more. */
    for (unsigned n = CORE_MEMBERS_MAX; n <= CORE_MEMBERS_MAX + 1; n++) {
        char genesis[HEX_SIZE(32)], key[BASE64_SIZE(32)];
        buf_clear(&out);
        hex_encode(s.scope.genesis, 32, genesis);
        base64_encode(s.scope.vote_key[0], 32, key);
        assert_int_equal(buf_addf(&out, "cairn-view/1\ngenesis %s\nchain tx\nepoch 3\n", genesis),
                         OK);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(buf_addf(&out, "validator %u %s\n", i + 1, key), OK);
        /* Then there is no block. */
        assert_int_equal(view_file_parse(buf_str(&out), out.len, &f, &p),
                         n == CORE_MEMBERS_MAX ? ERR_SYNTAX : ERR_LIMIT);
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),      cmocka_unit_test(test_round),
        cmocka_unit_test(test_strict),    cmocka_unit_test(test_lines),
        cmocka_unit_test(test_values),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_not_final),
    };
    const unsigned left = ONE(0) | ONE(1) | ONE(2), right = ONE(1) | ONE(2) | ONE(3);
    crypto_setup();
    sample_init(&s, 4, CHAIN_TX, 3);
    fork_init(&a, &s);
    fork_init(&b, &s);
    fork_block(&a, 1, 0, 1);
    fork_block(&a, 2, left, 1);
    fork_block(&a, 4, left, 1);
    fork_final(&a, left);
    fork_block(&b, 1, 0, 1);
    fork_block(&b, 5, right, 2);
    fork_final(&b, right);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fork_release(&a);
    fork_release(&b);
    return failed;
}
