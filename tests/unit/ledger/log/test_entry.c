/* The exact bytes of entries, what is refused, and what an entry commits to. */
#include "server/ledger/log/entry.h"

#include "server/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char statement[] = "{\"id\":\"x\",\"n\":1}";

static void test_anchor_bytes(void **state)
{
    (void)state;
    uint8_t salt[SALT_BYTES], entry[ENTRY_ANCHOR_BYTES];
    char hex[HEX_SIZE(ENTRY_ANCHOR_BYTES)];
    for (size_t i = 0; i < sizeof(salt); i++)
        salt[i] = (uint8_t)i;
    entry_anchor(0x0102, UINT64_C(0x030405060708090a), salt, statement, strlen(statement), entry);
    hex_encode(entry, sizeof(entry), hex);
    /* "anchor/1", member, sequence, and SHA-256 of 00..1f and the statement as sha256sum prints it.
     */
    assert_string_equal(hex, "616e63686f722f31"
                             "0102"
                             "030405060708090a"
                             "47e409cd24cd967e1e9acec06490c404ade87972c7b6d78360221f8a2dbef507");

    struct entry_head head;
    assert_int_equal(entry_parse(entry, sizeof(entry), &head), OK);
    assert_false(head.is_public);
    assert_int_equal(head.member, 0x0102);
    assert_int_equal(head.sequence, UINT64_C(0x030405060708090a));
    assert_ptr_equal(head.rest, entry + ENTRY_HEAD_BYTES);
    assert_int_equal(head.rest_len, HASH_BYTES);
}

static void test_public_bytes(void **state)
{
    (void)state;
    struct buf entry;
    struct entry_head head;
    buf_init(&entry, ENTRY_MAX);
    assert_int_equal(entry_public(0xfffe, 1, statement, strlen(statement), &entry), OK);
    static const uint8_t begin[] = { 'p',  'u', 'b', 'l', 'i', 'c', '/', '1', 0xff,
                                     0xfe, 0,   0,   0,   0,   0,   0,   0,   1 };
    assert_int_equal(entry.len, ENTRY_HEAD_BYTES + strlen(statement));
    assert_memory_equal(entry.data, begin, sizeof(begin));
    assert_memory_equal(entry.data + sizeof(begin), statement, strlen(statement));
    assert_int_equal(entry_parse(entry.data, entry.len, &head), OK);
    assert_true(head.is_public);
    assert_int_equal(head.member, 0xfffe);
    assert_int_equal(head.sequence, 1);
    assert_int_equal(head.rest_len, strlen(statement));
    buf_release(&entry);
}

static void test_public_refusals(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "{",
                                       "[]",
                                       "1",
                                       "\"x\"",
                                       "null",
                                       "{} ",
                                       " {}",
                                       "{}\n",
                                       "{\"a\": 1}",
                                       "{\"b\":1,\"a\":1}",
                                       "{\"a\":1,\"a\":1}",
                                       "{\"a\":1.5}",
                                       "{\"a\":\"\xff\"}",
                                       "{\"a\":01}",
                                       "{}{}" };
    struct buf entry;
    buf_init(&entry, 2 * ENTRY_MAX);
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t bytes[64] = "public/1\0\1\0\0\0\0\0\0\0\1";
        struct entry_head head;
        size_t len = strlen(bad[i]);
        assert_int_equal(entry_public(1, 1, bad[i], len, &entry), ERR_STATEMENT_FORM);
        memcpy(bytes + ENTRY_HEAD_BYTES, bad[i], len);
        assert_int_not_equal(entry_parse(bytes, ENTRY_HEAD_BYTES + len, &head), OK);
        memcpy(bytes + ENTRY_HEAD_BYTES, "{}", 2);
        assert_int_equal(entry_parse(bytes, ENTRY_HEAD_BYTES + 2, &head), OK);
    }
    assert_int_equal(entry.len, 0);

    /* The longest entry is one that a bundle can carry. */
    static char text[ENTRY_MAX + 1];
    memset(text, 'x', sizeof(text));
    memcpy(text, "{\"a\":\"", 6);
    size_t longest = ENTRY_MAX - ENTRY_HEAD_BYTES;
    memcpy(text + longest - 2, "\"}", 2);
    assert_int_equal(entry_public(1, 1, text, longest, &entry), OK);
    assert_int_equal(entry.len, ENTRY_MAX);
    memcpy(text + longest - 2, "x\"}", 3);
    assert_int_equal(entry_public(1, 1, text, longest + 1, &entry), ERR_LIMIT);
    assert_int_equal(entry.len, ENTRY_MAX);
    entry.max = entry.len + 19;
    assert_int_equal(entry_public(1, 1, "{}", 2, &entry), ERR_LIMIT);
    buf_release(&entry);
}

static void test_parse_refusals(void **state)
{
    (void)state;
    uint8_t salt[SALT_BYTES] = { 1 }, entry[ENTRY_ANCHOR_BYTES + 1] = { 0 };
    struct entry_head head = { .member = 77 };
    entry_anchor(7, 9, salt, statement, strlen(statement), entry);
    assert_int_equal(entry_parse(entry, ENTRY_ANCHOR_BYTES, &head), OK);
    head.member = 77;
    for (size_t len = 0; len <= ENTRY_ANCHOR_BYTES + 1; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, entry, len);
        if (len != ENTRY_ANCHOR_BYTES)
            assert_int_equal(entry_parse(exact, len, &head), ERR_SYNTAX);
        free(exact);
    }
    for (size_t bit = 0; bit < 64; bit++) { /* the prefix */
        entry[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(entry_parse(entry, ENTRY_ANCHOR_BYTES, &head), ERR_SYNTAX);
        entry[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    entry[17] = 0; /* sequence 0 */
    assert_int_equal(entry_parse(entry, ENTRY_ANCHOR_BYTES, &head), ERR_SYNTAX);
    /* The private bytes under the public prefix are no JSON. */
    entry[17] = 9;
    memcpy(entry, "public/1", 8);
    assert_int_equal(entry_parse(entry, ENTRY_ANCHOR_BYTES, &head), ERR_STATEMENT_FORM);
    assert_int_equal(head.member, 77);
}

static void test_verify(void **state)
{
    (void)state;
    uint8_t salt[SALT_BYTES], entry[ENTRY_ANCHOR_BYTES];
    char other[sizeof(statement)];
    random_bytes(salt, sizeof(salt));
    entry_anchor(7, 9, salt, statement, strlen(statement), entry);
    size_t len = strlen(statement);
    assert_int_equal(entry_verify(entry, sizeof(entry), salt, statement, len), OK);
    assert_int_equal(entry_verify(entry, sizeof(entry), NULL, statement, len), ERR_CRYPTO);
    assert_int_equal(entry_verify(entry, sizeof(entry), salt, statement, len - 1), ERR_CRYPTO);
    assert_int_equal(entry_verify(entry, sizeof(entry), salt, "", 0), ERR_CRYPTO);
    for (size_t bit = 0; bit < 8 * SALT_BYTES; bit++) {
        salt[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(entry_verify(entry, sizeof(entry), salt, statement, len), ERR_CRYPTO);
        salt[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(other, statement, sizeof(statement));
        other[bit / 8] ^= (char)(1u << bit % 8);
        assert_int_equal(entry_verify(entry, sizeof(entry), salt, other, len), ERR_CRYPTO);
    }

    struct buf public;
    buf_init(&public, ENTRY_MAX);
    assert_int_equal(entry_public(7, 9, statement, len, &public), OK);
    assert_int_equal(entry_verify(public.data, public.len, NULL, statement, len), OK);
    assert_int_equal(entry_verify(public.data, public.len, salt, statement, len), OK);
    assert_int_equal(entry_verify(public.data, public.len, NULL, statement, len - 1), ERR_CRYPTO);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(other, statement, sizeof(statement));
        other[bit / 8] ^= (char)(1u << bit % 8);
        assert_int_equal(entry_verify(public.data, public.len, NULL, other, len), ERR_CRYPTO);
    }
    buf_release(&public);
}

static void test_chains(void **state)
{
    (void)state;
    enum chain c = CHAIN_TX;
    assert_string_equal(chain_name(CHAIN_ACCOUNT), "account");
    assert_string_equal(chain_name(CHAIN_TX), "tx");
    assert_true(chain_parse("account", &c));
    assert_int_equal(c, CHAIN_ACCOUNT);
    assert_true(chain_parse("tx", &c));
    assert_int_equal(c, CHAIN_TX);
    assert_false(chain_parse("", &c));
    assert_false(chain_parse("TX", &c));
    assert_false(chain_parse("tx ", &c));
    assert_int_equal(c, CHAIN_TX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anchor_bytes),    cmocka_unit_test(test_public_bytes),
        cmocka_unit_test(test_public_refusals), cmocka_unit_test(test_parse_refusals),
        cmocka_unit_test(test_verify),          cmocka_unit_test(test_chains),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
