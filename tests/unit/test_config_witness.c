/* The lines "witness" and "witness_for" of cairn.conf: what they give, every malformed one, and
 * that nobody witnesses himself. */
#include "server/config_internal.h"

#include "server/base/log.h"
#include "server/crypto/hash.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char *key_text(const char *name, uint8_t type, const uint8_t public_key[32],
                            char ret[512])
{
    struct note_key k;
    struct buf b;
    buf_init(&b, 512);
    assert_true(note_key_make(name, type, public_key, &k));
    assert_int_equal(note_key_print(&k, &b), OK);
    (void)snprintf(ret, 512, "%s", buf_str(&b));
    buf_release(&b);
    return ret;
}

static const char *some_key(const char *name, uint8_t type, uint8_t byte, char ret[512])
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    memset(public_key, byte, sizeof(public_key));
    return key_text(name, type, public_key, ret);
}

static void test_logs(void **state)
{
    (void)state;
    struct config c = { .n_witness_for = 0 };
    char text[512], name[32];
    for (unsigned i = 0; i < CONFIG_WITNESS_FOR_MAX; i++) {
        (void)snprintf(name, sizeof(name), "other.example/%u", i / 2);
        some_key(name, NOTE_TYPE_ED25519, (uint8_t)(1 + i), text);
        assert_true(config_witness_for(&c, text));
        assert_int_equal(c.n_witness_for, i + 1);
        assert_string_equal(c.witness_for[i].name, name);
        if (i + 1 < CONFIG_WITNESS_FOR_MAX)
            assert_false(config_witness_for(&c, text)); /* twice */
    }
    assert_false(config_witness_for(&c, some_key("one.too.many", NOTE_TYPE_ED25519, 99, text)));
    c.n_witness_for = 0;
    assert_false(config_witness_for(&c, some_key("x", NOTE_TYPE_COSIGNATURE, 1, text)));
    assert_false(config_witness_for(&c, ""));
    assert_false(config_witness_for(&c, "x"));
    text[strlen(some_key("x", NOTE_TYPE_ED25519, 1, text)) - 1] = '\0';
    assert_false(config_witness_for(&c, text));
    assert_int_equal(c.n_witness_for, 0);
}

static bool witness(struct config *c, const char *url, const char *between, const char *key)
{
    char line[1024];
    (void)snprintf(line, sizeof(line), "%s%s%s", url, between, key);
    return config_witness(c, line);
}

static void test_witnesses(void **state)
{
    (void)state;
    struct config c = { .n_witnesses = 0 };
    char text[512], name[32];
    for (unsigned i = 0; i < CONFIG_WITNESSES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "w%u.example", i);
        some_key(name, NOTE_TYPE_COSIGNATURE, (uint8_t)(1 + i), text);
        assert_true(witness(&c, i % 2 ? "https://w.example:8443/a/b" : "http://w", " \t ", text));
        assert_int_equal(c.n_witnesses, i + 1);
        assert_string_equal(c.witnesses[i].url, i % 2 ? "https://w.example:8443/a/b" : "http://w");
        assert_string_equal(c.witnesses[i].key.name, name);
        some_key(name, NOTE_TYPE_COSIGNATURE, 77, text);
        if (i + 1 < CONFIG_WITNESSES_MAX)
            assert_false(witness(&c, "http://w", " ", text)); /* another key of that name */
    }
    some_key("one.too.many", NOTE_TYPE_COSIGNATURE, 99, text);
    assert_false(witness(&c, "http://w", " ", text));
}

static void test_malformed_witnesses(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",          "w.example",  "ftp://w",    "http://",       "http:///x",
        "http://w/", "http://w/?", "http://w#x", "http://u@w",    "http://w\x7f",
        "http://\"", "HTTP://w",   "file:///x",  "https:/w.test", "http://w\xc3\xa9"
    };
    struct config c = { .n_witnesses = 0 };
    char good[512], log[512], url[CONFIG_URL_MAX + 2];
    some_key("w", NOTE_TYPE_COSIGNATURE, 1, good);
    some_key("w", NOTE_TYPE_ED25519, 1, log);
    for (size_t i = 0; i < COUNT(urls); i++)
        if (witness(&c, urls[i], " ", good))
            fail_msg("was taken: %s", urls[i]);
    assert_false(witness(&c, "http://w", " ", log));
    assert_false(witness(&c, "http://w", "", ""));
    assert_false(witness(&c, "http://w", "", good));
    assert_false(config_witness(&c, good));
    memset(url, 'a', sizeof(url));
    memcpy(url, "http://", 7);
    url[CONFIG_URL_MAX + 1] = '\0';
    assert_false(witness(&c, url, " ", good));
    assert_int_equal(c.n_witnesses, 0);
    url[CONFIG_URL_MAX] = '\0';
    assert_true(witness(&c, url, " ", good));
    assert_string_equal(c.witnesses[0].url, url);
}

/* By name or by key. */
static void test_nobody_himself(void **state)
{
    (void)state;
    static struct genesis g;
    static struct config c;
    char text[512];
    sample_genesis(4, 0, 0, &g);
    c.genesis = &g;
    (void)snprintf(c.federation, sizeof(c.federation), "%s", g.federation);
    const struct {
        const char *name;
        const uint8_t *key;
        bool log, refused;
    } tries[] = {
        { "%s/account", g.members[0].vote_key, true, true },
        { "%s/tx", g.members[0].vote_key, true, true },
        { "%s/tx2", g.members[0].vote_key, true, false },
        { "other.%s/tx", g.members[0].vote_key, true, false },
        { "other.%s/tx", g.log_key[0], true, true },
        { "other.%s/tx", g.log_key[1], true, true },
        { "%s/member-9", g.members[0].vote_key, false, true },
        { "%s/membership", g.members[0].vote_key, false, false },
        { "other.%s/member-1", g.members[0].vote_key, false, false },
        { "other.%s/member-1", g.members[3].cosigner_key, false, true },
    };
    for (size_t i = 0; i < COUNT(tries); i++) {
        char name[256];
        const char *dollar = strstr(tries[i].name, "%s");
        (void)snprintf(name, sizeof(name), "%.*s%s%s", (int)(dollar - tries[i].name), tries[i].name,
                       g.federation, dollar + 2);
        c.n_witness_for = c.n_witnesses = 0;
        key_text(name, tries[i].log ? NOTE_TYPE_ED25519 : NOTE_TYPE_COSIGNATURE, tries[i].key,
                 text);
        assert_true(tries[i].log ? config_witness_for(&c, text)
                                 : witness(&c, "http://w", " ", text));
        if (config_check_witnesses(&c) != (tries[i].refused ? ERR_USAGE : OK))
            fail_msg("try %zu: %s", i, name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_witnesses),
        cmocka_unit_test(test_malformed_witnesses),
        cmocka_unit_test(test_nobody_himself),
    };
    crypto_setup();
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests_name("config witness", tests, NULL, NULL);
}
