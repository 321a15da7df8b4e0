/* Statements: vectors made by another implementation, every single-bit flip, and the forms refused.
 */
#include "server/base/text.h"
#include "server/statement/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const vectors[] = { "deposit", "withdraw", "nested" };

static json_t *load_vector(const char *name)
{
    char path[128];
    json_error_t error;
    (void)snprintf(path, sizeof(path), "tests/data/statement/%s.json", name);
    json_t *v = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (v == NULL)
        fail_msg("%s: %s (run from the root of the repository)", path, error.text);
    return v;
}

static const char *text_of(const json_t *v, const char *name)
{
    const char *text = json_string_value(json_object_get(v, name));
    assert_non_null(text);
    return text;
}

static struct sign_key key_of(const json_t *vector)
{
    uint8_t seed[SIGN_SEED_BYTES];
    struct sign_key key;
    const char *hex = text_of(vector, "seed");
    assert_true(hex_decode(hex, strlen(hex), seed, sizeof(seed)));
    sign_key_from_seed(seed, &key);
    return key;
}

static void signs_as_the_vectors_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        json_t *v = load_vector(vectors[i]);
        struct sign_key key = key_of(v);
        struct statement s;
        json_t *object = json_deep_copy(json_object_get(v, "object"));
        assert_int_equal(statement_sign(object, &key, &s), OK);
        assert_string_equal(s.canonical, text_of(v, "canonical"));
        assert_int_equal(s.canonical_len, strlen(text_of(v, "canonical")));
        assert_memory_equal(s.signer, key.public, SIGN_PUBLIC_BYTES);
        uint8_t hash[HASH_BYTES];
        char hex[HEX_SIZE(HASH_BYTES)];
        statement_hash(&s, hash);
        hex_encode(hash, HASH_BYTES, hex);
        assert_string_equal(hex, text_of(v, "sha256"));
        statement_release(&s);
        json_decref(v);
    }
}

static void parses_what_it_signed(void **state)
{
    (void)state;
    json_t *v = load_vector("deposit");
    const char *canonical = text_of(v, "canonical");
    struct statement s;
    char id[ID_TEXT_SIZE], time[TIME_TEXT_SIZE];
    assert_int_equal(statement_parse_bytes(canonical, strlen(canonical), &s, NULL), OK);
    assert_string_equal(s.kind, "deposit.request");
    id_text(&s.id, id);
    time_text(s.time, time);
    assert_string_equal(id, "0190d5e2-7c00-7a1b-8c2d-000000000001");
    assert_string_equal(time, "2026-11-20T12:00:00Z");
    assert_int_equal(s.version, 1);
    int64_t amount = 0;
    const char *currency = NULL, *reference = NULL;
    const struct field extra[] = { F_INT("amount_minor", &amount, 1, 1000000000),
                                   F_TEXT("currency", &currency, 3, 3),
                                   F_TEXT("reference", &reference, 1, 64) };
    assert_int_equal(statement_fields(&s, extra, COUNT(extra), NULL), OK);
    assert_int_equal(amount, 12500000);
    struct problem p = { 0 };
    assert_int_equal(statement_fields(&s, extra, 2, &p), ERR_FIELD_UNKNOWN);
    assert_string_equal(p.pointer, "/statement/reference");
    const struct field wrong[] = { F_INT("amount_minor", &amount, 1, 7), extra[1], extra[2] };
    assert_int_equal(statement_fields(&s, wrong, 3, &p), ERR_FIELD_RANGE);
    assert_string_equal(p.pointer, "/statement/amount_minor");
    statement_release(&s);
    json_decref(v);
}

/* Whatever bit is turned over, the bytes are refused. */
static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        json_t *v = load_vector(vectors[i]);
        const char *canonical = text_of(v, "canonical");
        size_t len = strlen(canonical);
        char *bytes = malloc(len);
        assert_non_null(bytes);
        memcpy(bytes, canonical, len);
        struct statement s = { 0 };
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (char)(1 << bit % 8);
            enum err e = statement_parse_bytes(bytes, len, &s, NULL);
            assert_true(e != OK && e != ERR_NO_MEMORY && e != ERR_INTERNAL);
            bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
        assert_null(s.root);
        assert_int_equal(statement_parse_bytes(bytes, len, &s, NULL), OK);
        statement_release(&s);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_not_equal(statement_parse_bytes(bytes, cut, &s, NULL), OK);
        free(bytes);
        json_decref(v);
    }
}

/* Changed after signing, member by member: the signature covers all of them, the own ones too. */
static void signature_covers_every_member(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        { "kind", "\"deposit.requesu\"" },
        { "id", "\"0190d5e2-7c00-7a1b-8c2d-000000000009\"" },
        { "version", "2" },
        { "time", "\"2026-11-20T12:00:01Z\"" },
        { "amount_minor", "12500001" },
        { "reference", "\"x\"" },
        { "more", "1" },
        { "signer", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"" },
    };
    json_t *v = load_vector("deposit");
    for (size_t i = 0; i < COUNT(changes); i++) {
        json_t *object = json_loads(text_of(v, "canonical"), 0, NULL);
        json_t *value = json_loads(changes[i][1], JSON_DECODE_ANY, NULL);
        assert_int_equal(json_object_set_new(object, changes[i][0], value), 0);
        struct statement s;
        struct problem p = { 0 };
        assert_int_equal(statement_parse(object, "/statement", &s, &p), ERR_STATEMENT_SIGNATURE);
        assert_string_equal(p.pointer, "/statement");
        json_decref(object);
    }
    json_decref(v);
}

static void malformed_members_are_named(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        { "kind", "7", "/statement/kind" },
        { "kind", "\"\"", "/statement/kind" },
        { "kind", "\"Deposit\"", "/statement" },
        { "kind", "\"deposit.\"", "/statement" },
        { "kind", "\".deposit\"", "/statement" },
        { "id", "\"0190D5E2-7C00-7A1B-8C2D-000000000001\"", "/statement/id" },
        { "version", "0", "/statement/version" },
        { "version", "\"1\"", "/statement/version" },
        { "time", "\"2026-11-20T12:00:00\"", "/statement/time" },
        { "time", "\"2026-02-30T12:00:00Z\"", "/statement/time" },
        { "signer", "\"AAEC\"", "/statement/signer" },
        { "signature", "\"!\"", "/statement/signature" },
        { "signature", "null", "/statement/signature" },
    };
    json_t *v = load_vector("deposit");
    for (size_t i = 0; i < COUNT(bad); i++) {
        json_t *object = json_loads(text_of(v, "canonical"), 0, NULL);
        struct statement s;
        struct problem p = { 0 };
        json_t *value = json_loads(bad[i][1], JSON_DECODE_ANY, NULL);
        assert_int_equal(json_object_set_new(object, bad[i][0], value), 0);
        assert_int_equal(statement_parse(object, "/statement", &s, &p), ERR_STATEMENT_FORM);
        assert_string_equal(p.pointer, bad[i][2]);
        assert_int_equal(json_object_del(object, bad[i][0]), 0);
        assert_int_equal(statement_parse(object, "/statement", &s, &p), ERR_STATEMENT_FORM);
        json_decref(object);
    }
    struct statement s;
    struct problem p = { 0 };
    json_t *list = json_array();
    assert_int_equal(statement_parse(list, "/statement", &s, &p), ERR_STATEMENT_FORM);
    json_decref(list);
    json_decref(v);
}

static void bytes_must_be_canonical(void **state)
{
    (void)state;
    json_t *v = load_vector("deposit");
    char *pretty = json_dumps(json_object_get(v, "object"), JSON_INDENT(1));
    struct statement s;
    assert_int_equal(statement_parse_bytes(pretty, strlen(pretty), &s, NULL), ERR_STATEMENT_FORM);
    free(pretty);
    json_decref(v);
}

static void kind_and_time_are_checked(void **state)
{
    (void)state;
    json_t *v = load_vector("deposit");
    struct statement s;
    struct problem p = { 0 };
    const char *canonical = text_of(v, "canonical");
    assert_int_equal(statement_parse_bytes(canonical, strlen(canonical), &s, NULL), OK);
    const usec_t skew = STATEMENT_SKEW_MAX;
    assert_int_equal(statement_check(&s, "deposit.request", s.time, &p), OK);
    assert_int_equal(statement_check(&s, "deposit.request", s.time - skew, &p), OK);
    assert_int_equal(statement_check(&s, "deposit.request", s.time + skew, &p), OK);
    assert_int_equal(statement_check(&s, "deposit.request", s.time - skew - 1, &p),
                     ERR_STATEMENT_TIME);
    assert_int_equal(statement_check(&s, "deposit.request", s.time + skew + 1, &p),
                     ERR_STATEMENT_TIME);
    assert_string_equal(p.pointer, "/statement/time");
    assert_int_equal(statement_check(&s, "payout.request", s.time, &p), ERR_STATEMENT_KIND);
    assert_string_equal(p.pointer, "/statement/kind");
    statement_release(&s);
    json_decref(v);
}

static json_t *draft(void)
{
    const struct id id = { { 1, 2, 3, 4, 5, 6, 0x40, 8, 0x80, 10, 11, 12, 13, 14, 15, 16 } };
    return statement_draft("bounty.close", &id, 4, 0);
}

static void unsignable_objects_are_refused(void **state)
{
    (void)state;
    uint8_t seed[SIGN_SEED_BYTES] = { 1 };
    struct sign_key key;
    struct statement s = { 0 };
    sign_key_from_seed(seed, &key);
    assert_int_equal(statement_sign(NULL, &key, &s), ERR_NO_MEMORY);
    json_t *o = draft();
    assert_int_equal(json_object_set_new(o, "amount", json_real(1.5)), 0);
    assert_int_equal(statement_sign(o, &key, &s), ERR_STATEMENT_FORM);
    o = draft();
    assert_int_equal(json_object_set_new(o, "\xc3\xa9", json_integer(1)), 0);
    assert_int_equal(statement_sign(o, &key, &s), ERR_STATEMENT_FORM);
    o = draft();
    assert_int_equal(json_object_set_new(o, "version", json_integer(0)), 0);
    assert_int_equal(statement_sign(o, &key, &s), ERR_STATEMENT_FORM);
    assert_null(s.root);
    o = draft();
    assert_int_equal(statement_sign(o, &key, &s), OK);
    assert_int_equal(s.version, 4);
    assert_int_equal(s.time, 0);
    statement_release(&s);
}

/* STATEMENT_MAX canonical bytes are taken, one more is not. */
static void size_has_a_limit(void **state)
{
    (void)state;
    uint8_t seed[SIGN_SEED_BYTES] = { 1 };
    struct sign_key key;
    struct statement s;
    sign_key_from_seed(seed, &key);
    assert_int_equal(statement_sign(draft(), &key, &s), OK);
    size_t room = STATEMENT_MAX - s.canonical_len - strlen(",\"text\":\"\"");
    statement_release(&s);
    char *text = malloc(room + 2);
    assert_non_null(text);
    memset(text, 'x', room + 1);
    text[room] = '\0';
    json_t *o = draft();
    assert_int_equal(json_object_set_new(o, "text", json_string(text)), 0);
    assert_int_equal(statement_sign(o, &key, &s), OK);
    assert_int_equal(s.canonical_len, STATEMENT_MAX);
    statement_release(&s);
    text[room] = 'x';
    text[room + 1] = '\0';
    o = draft();
    assert_int_equal(json_object_set_new(o, "text", json_string(text)), 0);
    assert_int_equal(statement_sign(o, &key, &s), ERR_STATEMENT_FORM);
    free(text);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_vectors_say),
        cmocka_unit_test(parses_what_it_signed),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(signature_covers_every_member),
        cmocka_unit_test(malformed_members_are_named),
        cmocka_unit_test(bytes_must_be_canonical),
        cmocka_unit_test(kind_and_time_are_checked),
        cmocka_unit_test(unsignable_objects_are_refused),
        cmocka_unit_test(size_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
