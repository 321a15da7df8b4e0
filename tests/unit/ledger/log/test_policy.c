/* tlog-policy: what is taken, what is refused and on which line, and what a quorum decides. */
#include "tests/unit/ledger/log/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Expands $L0..: log keys, $W0..: witness keys. $V0.. is the key of a witness as if it were a
 * log's, $D0.. and $E0.. those of a witness and a log under other names. */
static void expand(const char *text, struct buf *ret)
{
    for (; *text != '\0'; text++) {
        if (*text != '$') {
            assert_int_equal(buf_add(ret, text, 1), OK);
            continue;
        }
        uint8_t digit = (uint8_t)(text[2] - '0');
        char name[32];
        (void)snprintf(name, sizeof(name), "test.example/%c%u", text[1], digit);
        bool log = text[1] == 'L' || text[1] == 'E' || text[1] == 'V';
        uint8_t seed = (uint8_t)(digit + (text[1] == 'L' || text[1] == 'E' ? 100 : 0));
        struct sample_key k =
            sample_key(name, log ? NOTE_TYPE_ED25519 : NOTE_TYPE_COSIGNATURE, seed);
        assert_int_equal(note_key_print(&k.key, ret), OK);
        text += 2;
    }
}

static enum err parse(const char *text, struct policy **ret, struct problem *problem)
{
    struct buf b;
    buf_init(&b, 2 * POLICY_MAX);
    expand(text, &b);
    char *exact = malloc(b.len > 0 ? b.len : 1);
    assert_non_null(exact);
    if (b.len > 0)
        memcpy(exact, b.data, b.len);
    enum err e = policy_parse(exact, b.len, ret, problem);
    free(exact);
    buf_release(&b);
    return e;
}

static const char *const taken[] = {
    "quorum none\n",
    "log $L0\nquorum none\n",
    "log $V0\nwitness a $W0\nquorum a\n", /* one key, two functions */
    "\n \t \n#\n\t # words \xff\x80\n log\t$L0   http://x/ \t\nquorum\tnone \n",
    "log $L0 url\nlog $L1\nwitness a $W0 url\nquorum a\n",
    "witness a $W0\nlog $L0\nquorum a\n",
    "log $L0\nwitness a $W0\nwitness b $W1\ngroup g any a b\nquorum g\n",
    "log $L0\nwitness a $W0\nwitness b $W1\ngroup g all a b\nquorum a\n",
    "log $L0\nwitness a $W0\nwitness b $W1\ngroup g 2 a b\ngroup h 1 g\nquorum h\n",
    "log $L0\nwitness a $W0\nquorum a\nwitness b $W1\ngroup g all a b\n",
    "log $L0\nwitness all $W0\nwitness any $W1\nwitness 2 $W2\ngroup group 2 all any 2\nquorum "
    "group\n",
    "log $L0\nwitness \xe2\x84\xaa $W0\nwitness K $W1\ngroup \xff\xfe any K \xe2\x84\xaa\nquorum "
    "\xff\xfe\n",
};

struct refused {
    const char *text;
    size_t line;
};

static const struct refused refusals[] = {
    { "", 0 },
    { "\n", 1 },
    { "log $L0\n", 1 },
    { "quorum none", 1 },
    { "log $L0\nquorum none\n#", 3 },
    { "quorum\n", 1 },
    { "quorum none none\n", 1 },
    { "quorum none\nquorum none\n", 2 },
    { "quorum a\n", 1 },
    { "quorum a\nwitness a $W0\n", 1 },
    { "Quorum none\n", 1 },
    { "quorum None\n", 1 },
    { "logs $L0\nquorum none\n", 1 },
    { "log\nquorum none\n", 1 },
    { "log x\nquorum none\n", 1 },
    { "log $L0 url more\nquorum none\n", 1 },
    { "log $W0\nquorum none\n", 1 },
    { "log $L0\nlog $L0\nquorum none\n", 2 },
    { "log $L0\n\nlog $L0 url\nquorum none\n", 3 },
    { "log $L0\nlog $E0\nquorum none\n", 2 },
    { "witness a $W0\nwitness b $D0\nquorum none\n", 2 },
    { "witness $W0\nquorum none\n", 1 },
    { "witness a\nquorum none\n", 1 },
    { "witness\nquorum none\n", 1 },
    { "witness a $L0\nquorum none\n", 1 },
    { "witness a $V0\nquorum none\n", 1 },
    { "witness a $W0 url more\nquorum none\n", 1 },
    { "witness none $W0\nquorum none\n", 1 },
    { "witness a $W0\nwitness a $W1\nquorum none\n", 2 },
    { "witness a $W0\nwitness b $W0\nquorum none\n", 2 },
    { "witness a $W0\ngroup a any a\nquorum none\n", 2 },
    { "group g any a\nwitness a $W0\nquorum g\n", 1 },
    { "witness a $W0\ngroup g any\nquorum g\n", 2 },
    { "witness a $W0\ngroup g\nquorum g\n", 2 },
    { "witness a $W0\ngroup\nquorum a\n", 2 },
    { "witness a $W0\ngroup g a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g 0 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g 2 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g 01 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g +1 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g -1 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g 1.0 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g 18446744073709551617 a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g ALL a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g any a a\nquorum g\n", 2 },
    { "witness a $W0\ngroup g any a\ngroup h any a\nquorum g\n", 3 },
    { "witness a $W0\ngroup g any a\ngroup h any g\ngroup i any g\nquorum g\n", 4 },
    { "witness a $W0\ngroup g any g a\nquorum g\n", 2 },
    { "witness a $W0\ngroup none any a\nquorum none\n", 2 },
    { "witness a $W0\ngroup g any none\nquorum g\n", 2 },
    { "witness a $W0\ngroup g any a\ngroup g any a\nquorum g\n", 3 },
    { "witness a $W0\ngroup g any a\nwitness g $W1\nquorum g\n", 3 },
    { "witness a $W0\nquorum A\n", 2 },
    { "quorum none\r\n", 1 },
    { "#\r\nquorum none\n", 1 },
    { "# \x7f\nquorum none\n", 1 },
    { "# \x0b\nquorum none\n", 1 },
    { "\xc2\xa0quorum none\n", 1 },
    { "quorum none # note\n", 1 },
    { "\xef\xbb\xbfquorum none\n", 1 },
};

static void test_syntax(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        struct policy *policy = NULL;
        struct problem problem = { .code = OK };
        if (parse(taken[i], &policy, &problem) != OK)
            fail_msg("case %zu was refused: %s", i, problem.detail);
        policy_free(policy);
    }
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct policy *policy = NULL;
        struct problem problem = { .code = OK };
        char where[32];
        if (parse(refusals[i].text, &policy, &problem) != ERR_SYNTAX || policy != NULL)
            fail_msg("case %zu was taken: %s", i, refusals[i].text);
        assert_int_equal(problem.code, ERR_SYNTAX);
        (void)snprintf(where, sizeof(where), "Line %zu of", refusals[i].line);
        if (strncmp(problem.detail, where, strlen(where)) != 0)
            fail_msg("case %zu: %s", i, problem.detail);
        assert_int_equal(parse(refusals[i].text, &policy, NULL), ERR_SYNTAX);
    }
    struct policy *policy = NULL;
    assert_int_equal(policy_parse("quorum none\n\0", 13, &policy, NULL), ERR_SYNTAX);
}

/* A policy of as many logs, witnesses and groups as asked for. */
static enum err parse_many(size_t logs, size_t witnesses, size_t groups)
{
    struct buf b;
    struct policy *policy = NULL;
    buf_init(&b, 2 * POLICY_MAX);
    for (size_t i = 0; i < logs + witnesses; i++) {
        bool log = i < logs;
        struct sample_key k =
            sample_key("n", log ? NOTE_TYPE_ED25519 : NOTE_TYPE_COSIGNATURE, (uint8_t)i);
        assert_int_equal(log ? buf_add_str(&b, "log ") : buf_addf(&b, "witness w%zu ", i), OK);
        assert_int_equal(note_key_print(&k.key, &b), OK);
        assert_int_equal(buf_add_str(&b, "\n"), OK);
    }
    for (size_t i = 0; i < groups; i++)
        assert_int_equal(i < witnesses ? buf_addf(&b, "group g%zu all w%zu\n", i, logs + i)
                                       : buf_addf(&b, "group g%zu all g%zu\n", i, i - 1),
                         OK);
    assert_int_equal(buf_add_str(&b, "quorum none\n"), OK);
    enum err e = policy_parse(buf_str(&b), b.len, &policy, NULL);
    policy_free(policy);
    buf_release(&b);
    return e;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_many(64, 64, 64), OK);
    assert_int_equal(parse_many(65, 0, 0), ERR_LIMIT);
    assert_int_equal(parse_many(0, 65, 0), ERR_LIMIT);
    assert_int_equal(parse_many(0, 1, 65), ERR_LIMIT);
    struct buf b;
    struct policy *policy = NULL;
    buf_init(&b, 2 * POLICY_MAX);
    assert_int_equal(buf_add_str(&b, "quorum none\n"), OK);
    while (b.len < POLICY_MAX)
        assert_int_equal(buf_add_str(&b, "\n"), OK);
    assert_int_equal(policy_parse(buf_str(&b), b.len, &policy, NULL), OK);
    policy_free(policy);
    policy = NULL;
    assert_int_equal(buf_add_str(&b, "\n"), OK);
    assert_int_equal(policy_parse(buf_str(&b), b.len, &policy, NULL), ERR_LIMIT);
    assert_null(policy);
    char name[300];
    memset(name, 'n', sizeof(name));
    for (size_t len = 255; len <= 256; len++) {
        buf_clear(&b);
        assert_int_equal(buf_addf(&b, "witness %.*s ", (int)len, name), OK);
        expand("$W0\nquorum none\n", &b);
        assert_int_equal(policy_parse(buf_str(&b), b.len, &policy, NULL),
                         len == 255 ? OK : ERR_LIMIT);
        policy_free(policy);
        policy = NULL;
    }
    buf_release(&b);
}

/* Two keys with one name and one id: found by search, as anybody could. */
static void test_colliding_ids(void **state)
{
    (void)state;
    enum { TABLE = 1 << 20 };
    uint32_t *seen = calloc(TABLE, sizeof(*seen)), *ids = calloc(TABLE, sizeof(*ids));
    assert_non_null(seen);
    assert_non_null(ids);
    struct note_key a, b;
    uint8_t public[SIGN_PUBLIC_BYTES] = { 0 };
    uint32_t other = 0;
    for (uint32_t i = 1; i < 2000000 && other == 0; i++) {
        uint32_t id;
        memcpy(public, &i, sizeof(i));
        assert_true(note_key_make("n", NOTE_TYPE_ED25519, public, &a));
        memcpy(&id, a.id, sizeof(id));
        uint32_t slot = id % TABLE;
        if (seen[slot] != 0 && ids[slot] == id)
            other = seen[slot];
        seen[slot] = i;
        ids[slot] = id;
    }
    assert_int_not_equal(other, 0);
    memcpy(public, &other, sizeof(other));
    assert_true(note_key_make("n", NOTE_TYPE_ED25519, public, &b));
    assert_memory_equal(a.id, b.id, 4);
    assert_memory_not_equal(a.public, b.public, SIGN_PUBLIC_BYTES);
    struct buf text;
    struct policy *policy = NULL;
    buf_init(&text, 4096);
    assert_int_equal(buf_add_str(&text, "log "), OK);
    assert_int_equal(note_key_print(&a, &text), OK);
    assert_int_equal(buf_add_str(&text, "\nlog "), OK);
    assert_int_equal(note_key_print(&b, &text), OK);
    assert_int_equal(buf_add_str(&text, "\nquorum none\n"), OK);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &policy, NULL), ERR_SYNTAX);
    buf_release(&text);
    free(seen);
    free(ids);
}

/* ---- quorums ---- */

static const char note_body[] =
    "test.example/L0\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

/* A note over note_body with lines of the named keys: "L0 W1 W2". A key followed by ! signs another
 * body, so that its line is wrong. N is nobody's key under the log's name. */
static void make_note(const char *signers, struct buf *ret)
{
    static const char other[] = "test.example/L0\n20852164\n"
                                "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_int_equal(buf_addf(ret, "%s\n", note_body), OK);
    for (const char *at = signers; *at != '\0'; at += 2) {
        at += *at == ' ';
        uint8_t digit = (uint8_t)(at[1] - '0');
        char name[32];
        (void)snprintf(name, sizeof(name), "test.example/%c%u", at[0] == 'N' ? 'L' : at[0], digit);
        const char *body = at[2] == '!' ? other : note_body;
        if (at[0] != 'W') {
            uint8_t seed = (uint8_t)(digit + (at[0] == 'N' ? 200 : 100));
            struct sample_key k = sample_key(name, NOTE_TYPE_ED25519, seed);
            assert_int_equal(checkpoint_sign(body, strlen(body), &k.key, &k.secret, ret), OK);
        } else {
            struct sample_key k = sample_key(name, NOTE_TYPE_COSIGNATURE, digit);
            assert_int_equal(checkpoint_cosign(body, strlen(body), &k.key, &k.secret, 7, ret), OK);
        }
        at += at[2] == '!';
    }
}

struct quorum {
    const char *policy;
    const char *good[8];
    const char *bad[12];
};

#define LOG "log $L0\n"
#define SIX                                                                                        \
    "witness X1 $W1\nwitness X2 $W2\nwitness X3 $W3\n"                                             \
    "witness Y1 $W4\nwitness Y2 $W5\nwitness Y3 $W6\n"

static const struct quorum quorums[] = {
    { LOG "quorum none\n",
      { "L0", "L0 W1", "W1 L0", "L0 L1 W1 W2", "L0 L1!", "L0 W1!", "N0 L0 N0!" },
      { "N0", "L1", "W1", "L0!", "L0 L0", "L0 L0!", "L0! L0" } },
    { "witness a $W1\nquorum a\n", { NULL }, { "L0 W1", "W1" } },
    { "log $L0\nlog $L1\nwitness a $W1\nquorum a\n",
      { "L0 W1", "L0 L1 W1" },
      { "L1 W1" /* not the origin's log */, "L0 L1! W1", "L0" } },
    { LOG "witness a $W1\nquorum a\n",
      { "L0 W1", "W1 L0", "L0 W1 W2!", "L0 W2 W1" },
      { "L0", "L0 W2", "L0 W1!", "L0 W1 W1", "L0! W1", "L0 W1 W1!", "L0 W1! W1" } },
    { LOG SIX "group X 2 X1 X2 X3\ngroup Y any Y1 Y2 Y3\ngroup both all X Y\nquorum both\n",
      { "L0 W1 W2 W4", "L0 W1 W3 W6", "L0 W5 W3 W2", "L0 W1 W2 W3 W4 W5 W6", "L0 W1 W2 W4 W9" },
      { "L0", "L0 W1 W2", "L0 W1 W4", "L0 W4 W5 W6", "L0 W1 W4 W5 W6", "L0 W1 W2 W9",
        "L0 W1 W2 W4 W6!", "L0 W1 W1 W4", "W1 W2 W3 W4" } },
    { LOG SIX "group X 2 X1 X2 X3\ngroup Y all Y1 Y2 Y3\ngroup one any X Y\nquorum one\n",
      { "L0 W1 W2", "L0 W4 W5 W6", "L0 W1 W4 W5 W6" },
      { "L0 W1 W4 W5", "L0 W4 W5", "L0 W1", "L0" } },
    { LOG SIX "group X all X1 X2 X3\nquorum X2\n", { "L0 W2" }, { "L0 W1 W3", "L0" } },
    { LOG SIX "group X 3 X1 X2 X3 Y1 Y2 Y3\ngroup up all X\ngroup top any up\nquorum top\n",
      { "L0 W1 W3 W6" },
      { "L0 W1 W3", "L0 W6" } },
};

static enum err check(const struct policy *policy, const char *signers, struct checkpoint *ret)
{
    struct buf note;
    buf_init(&note, CHECKPOINT_MAX);
    make_note(signers, &note);
    enum err e = policy_check(policy, buf_str(&note), note.len, ret);
    buf_release(&note);
    return e;
}

static void test_quorums(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(quorums); i++) {
        struct policy *policy = NULL;
        struct problem problem = { .code = OK };
        if (parse(quorums[i].policy, &policy, &problem) != OK)
            fail_msg("policy %zu: %s", i, problem.detail);
        for (size_t j = 0; j < COUNT(quorums[i].good) && quorums[i].good[j] != NULL; j++) {
            struct checkpoint c = { .size = 1 };
            if (check(policy, quorums[i].good[j], &c) != OK)
                fail_msg("policy %zu refuses %s", i, quorums[i].good[j]);
            assert_int_equal(c.size, 20852163);
        }
        for (size_t j = 0; j < COUNT(quorums[i].bad) && quorums[i].bad[j] != NULL; j++) {
            struct checkpoint c = { .size = 1 };
            if (check(policy, quorums[i].bad[j], &c) != ERR_CRYPTO)
                fail_msg("policy %zu takes %s", i, quorums[i].bad[j]);
            assert_int_equal(c.size, 1);
        }
        policy_free(policy);
    }
}

/* Every subset of six witnesses under nested groups, against the rule written out by hand. */
static void test_all_subsets(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    assert_int_equal(parse(quorums[4].policy, &policy, NULL), OK);
    for (unsigned set = 0; set < 64; set++) {
        char signers[64] = "L0";
        for (unsigned w = 0; w < 6; w++)
            if ((set >> w & 1) != 0) {
                size_t len = strlen(signers);
                (void)snprintf(signers + len, sizeof(signers) - len, " W%u", w + 1);
            }
        struct checkpoint c;
        bool want = __builtin_popcount(set & 7) >= 2 && (set & 56) != 0;
        assert_int_equal(check(policy, signers, &c), want ? OK : ERR_CRYPTO);
    }
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_colliding_ids), cmocka_unit_test(test_quorums),
        cmocka_unit_test(test_all_subsets),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
