#include "server/base/text.h"
#include "server/peer/httpsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A request as a list of fields. */
struct field {
    const char *name, *value;
};
#define FIELDS_MAX 12
struct request_text {
    struct field fields[FIELDS_MAX];
};

static const char *field_of(void *arg, const char *name)
{
    const struct request_text *r = arg;
    for (size_t i = 0; i < FIELDS_MAX && r->fields[i].name != NULL; i++)
        if (strcmp(r->fields[i].name, name) == 0)
            return r->fields[i].value;
    return NULL;
}

static void set(struct request_text *r, const char *name, const char *value)
{
    size_t i = 0;
    while (r->fields[i].name != NULL && strcmp(r->fields[i].name, name) != 0)
        i++;
    assert_true(i < FIELDS_MAX);
    r->fields[i] = (struct field){ name, value };
    if (value == NULL) /* absent: the last one takes its place */
        for (; i + 1 < FIELDS_MAX; i++)
            r->fields[i] = r->fields[i + 1];
}

/* ---- RFC 9421, appendix B.2.6, with the key of B.1.4 ----------------------------------- */

#define B26_PARAMS                                                                                 \
    "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")"          \
    ";created=1618884473;keyid=\"test-key-ed25519\""

static void the_vector_of_the_rfc_is_met(void **state)
{
    (void)state;
    struct request_text r = { { { "date", "Tue, 20 Apr 2021 02:07:55 GMT" },
                                { "content-type", "application/json" },
                                { "content-length", "18" } } };
    const struct httpsig_message m = { .method = "POST",
                                       .path = "/foo",
                                       .query = "param=Value&Pet=dog",
                                       .authority = "example.com",
                                       .field = field_of,
                                       .arg = &r };
    const char *secret = "n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=";
    const char *public = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
    const char *expected = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6v"
                           "uQv5lIp5WPpBKRCw==";
    uint8_t seed[32], key[32], signature[64];
    char text[BASE64_SIZE(64)];
    struct sign_key signer;
    struct buf base;
    buf_init(&base, 4096);
    assert_int_equal(httpsig_base(&m, B26_PARAMS, strlen(B26_PARAMS), &base), OK);
    assert_string_equal(buf_str(&base), "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"
                                        "\"@method\": POST\n\"@path\": /foo\n"
                                        "\"@authority\": example.com\n"
                                        "\"content-type\": application/json\n"
                                        "\"content-length\": 18\n"
                                        "\"@signature-params\": " B26_PARAMS);
    assert_true(base64_decode(secret, strlen(secret), seed, sizeof(seed)));
    assert_true(base64_decode(public, strlen(public), key, sizeof(key)));
    sign_key_from_seed(seed, &signer);
    assert_memory_equal(signer.public, key, sizeof(key));
    sign_detached(&signer, base.data, base.len, signature);
    base64_encode(signature, sizeof(signature), text);
    assert_string_equal(text, expected);
    buf_release(&base);
}

/* RFC 9421 2.2.7: the question mark is part of the value. */
static void a_query_is_covered_with_its_mark(void **state)
{
    (void)state;
    struct request_text r = { 0 };
    const struct httpsig_message m = {
        .method = "GET", .path = "/p", .query = "param=value", .field = field_of, .arg = &r
    };
    struct buf base;
    buf_init(&base, 4096);
    assert_int_equal(httpsig_base(&m, "(\"@query\")", 10, &base), OK);
    assert_string_equal(buf_str(&base), "\"@query\": ?param=value\n"
                                        "\"@signature-params\": (\"@query\")");
    buf_release(&base);
}

static void malformed_lists_have_no_base(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "(",
        "(\"@method\"",
        "\"@method\"",
        "(\"@method\"  \"@path\")",
        "(\"@method\"\"@path\")",
        "(\"@method\" \"@method\")",
        "(\"Date\")",
        "(\"absent\")",
        "(\"@query\")",
        "(\"@authority\")",
        "(\"@status\")",
        "(\"@query-param\")",
        "(\"@method\";req)",
        "(\"\")",
        "(\"a-name-that-is-longer-than-any-of-ours\")",
        "(\"split\")",
    };
    struct request_text r = { { { "date", "now" }, { "split", "a\nb" } } };
    const struct httpsig_message m = {
        .method = "GET", .path = "/p", .field = field_of, .arg = &r
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf base;
        buf_init(&base, 4096);
        if (httpsig_base(&m, bad[i], strlen(bad[i]), &base) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
        buf_release(&base);
    }
}

/* ---- RFC 9530, appendix B.1, and RFC 9421, appendix B.2 -------------------------------- */

static void digests_are_those_of_the_rfcs(void **state)
{
    (void)state;
    static const struct {
        const char *body, *digest;
    } known[] = {
        { "{\"hello\": \"world\"}\n", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:" },
        { "{\"hello\": \"world\"}", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:" },
        { "", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:" },
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        char text[HTTPSIG_DIGEST_SIZE];
        uint8_t read[HASH_BYTES], hash[HASH_BYTES];
        httpsig_digest_print(known[i].body, strlen(known[i].body), text);
        assert_string_equal(text, known[i].digest);
        assert_true(httpsig_digest_parse(text, read));
        sha256(known[i].body, strlen(known[i].body), hash);
        assert_memory_equal(read, hash, sizeof(hash));
    }
}

static void other_digests_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "sha-256=",
        "sha-256=::",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg:",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=: ",
        "SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDh=:", /* spare bits */
        "sha-512=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:, sha-256=::",
    };
    uint8_t hash[HASH_BYTES];
    for (size_t i = 0; i < COUNT(bad); i++)
        if (httpsig_digest_parse(bad[i], hash))
            fail_msg("%s was taken", bad[i]);
}

/* ---- Cairn-Member ---------------------------------------------------------------------- */

#define GENESIS ":BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"

static void the_member_line_is_read_as_printed(void **state)
{
    (void)state;
    const struct httpsig_member m = { .from = 65535, .to = 1, .genesis = { 7 } };
    struct httpsig_member read;
    char text[HTTPSIG_MEMBER_SIZE];
    httpsig_member_print(&m, text);
    assert_string_equal(text, "from=65535, to=1, genesis=" GENESIS);
    assert_true(httpsig_member_parse(text, &read));
    assert_int_equal(read.from, 65535);
    assert_int_equal(read.to, 1);
    assert_memory_equal(read.genesis, m.genesis, sizeof(m.genesis));
    static const char *const bad[] = {
        "",
        "from=1",
        "from=0, to=1, genesis=" GENESIS,
        "from=1, to=0, genesis=" GENESIS,
        "from=01, to=2, genesis=" GENESIS,
        "from=65536, to=2, genesis=" GENESIS,
        "from=1,to=2,genesis=" GENESIS,
        "from=1, to=2, genesis=" GENESIS ", from=3",
        "from=1, to=2, genesis=:BwAA:",
        "from=-1, to=2, genesis=" GENESIS,
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (httpsig_member_parse(bad[i], &read))
            fail_msg("%s was taken", bad[i]);
}

/* ---- our own signatures ---------------------------------------------------------------- */

#define BODY "{\"hello\": \"world\"}"

struct signed_request {
    struct request_text text;
    struct httpsig_message m;
    struct httpsig_lines lines;
    struct sign_key key;
};

static void sign_it(struct signed_request *s)
{
    const uint8_t seed[32] = { 42 };
    const struct httpsig_stamp stamp = { .from = 3, .created = 1700000000, .nonce = 0xabc };
    sign_key_from_seed(seed, &s->key);
    assert_int_equal(httpsig_sign(&s->m, &stamp, &s->key, &s->lines), OK);
    set(&s->text, "signature-input", s->lines.input);
    set(&s->text, "signature", s->lines.signature);
}

static void make_signed(struct signed_request *s)
{
    *s = (struct signed_request){
        .text = { {
            { "content-type", "application/json" },
            { "content-length", "18" },
            { "content-digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:" },
            { "cairn-member", "from=3, to=1, genesis=" GENESIS },
            { "idempotency-key", "0123456789abcdef" },
        } }
    };
    s->m = (struct httpsig_message){ .method = "POST",
                                     .path = "/peer/v1/messages",
                                     .query = "a=1",
                                     .field = field_of,
                                     .arg = &s->text };
    sign_it(s);
}

static bool accepted(const struct signed_request *s)
{
    struct httpsig_claim c;
    return httpsig_read(&s->m, &c) == HTTPSIG_GOOD && httpsig_verify(&s->m, &c, s->key.public);
}

static void a_signature_is_printed_in_one_shape(void **state)
{
    (void)state;
    struct signed_request s;
    struct httpsig_claim c;
    make_signed(&s);
    assert_string_equal(
        s.lines.input,
        "cairn=(\"@method\" \"@path\" \"@query\" \"content-digest\" \"content-type\" "
        "\"content-length\" \"cairn-member\" \"idempotency-key\")"
        ";created=1700000000;expires=1700000060;keyid=\"member-3\";nonce=\"0000000000000abc\""
        ";alg=\"ed25519\";tag=\"cairn-peer\"");
    assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_GOOD);
    assert_int_equal(c.member.from, 3);
    assert_int_equal(c.member.to, 1);
    assert_int_equal(c.created, 1700000000);
    assert_int_equal(c.expires, 1700000060);
    assert_int_equal(c.nonce, 0xabc);
    assert_true(httpsig_verify(&s.m, &c, s.key.public));
    const uint8_t other[32] = { 9 };
    struct sign_key stranger;
    sign_key_from_seed(other, &stranger);
    assert_false(httpsig_verify(&s.m, &c, stranger.public));
}

static void without_a_body_less_is_covered(void **state)
{
    (void)state;
    struct signed_request s = { .text = {
                                    { { "cairn-member", "from=3, to=1, genesis=" GENESIS } } } };
    s.m = (struct httpsig_message){
        .method = "GET", .path = "/x", .field = field_of, .arg = &s.text
    };
    sign_it(&s);
    assert_memory_equal(s.lines.input, "cairn=(\"@method\" \"@path\" \"cairn-member\");", 40);
    assert_true(accepted(&s));
}

/* Whatever is changed after signing is noticed. */
static void every_covered_part_counts(void **state)
{
    (void)state;
    static const struct field changes[] = {
        { "content-type", "application/jsom" },
        { "content-length", "19" },
        { "content-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:" },
        { "cairn-member", "from=3, to=2, genesis=" GENESIS },
        { "idempotency-key", "0123456789abcdeg" },
        { "idempotency-key", NULL },
        { "content-digest", NULL },
        { "cairn-member", NULL },
        { "if-match", "\"v1\"" },
        { "cairn-on-behalf-of", "6039a558-94a3-8a09-8a20-767aeba2fa90" },
    };
    struct signed_request s;
    for (size_t i = 0; i < COUNT(changes); i++) {
        make_signed(&s);
        assert_true(accepted(&s));
        set(&s.text, changes[i].name, changes[i].value);
        if (accepted(&s))
            fail_msg("%s was not covered", changes[i].name);
    }
    make_signed(&s);
    s.m.method = "PUT";
    assert_false(accepted(&s));
    make_signed(&s);
    s.m.path = "/peer/v1/messagez";
    assert_false(accepted(&s));
    make_signed(&s);
    s.m.query = "a=2";
    assert_false(accepted(&s));
    make_signed(&s);
    s.m.query = NULL;
    assert_false(accepted(&s));
}

/* Copies text with the first `what` replaced by `with`. */
static const char *edited(const char *text, const char *what, const char *with, struct buf *into)
{
    const char *at = strstr(text, what);
    assert_non_null(at);
    buf_clear(into);
    assert_int_equal(buf_add(into, text, (size_t)(at - text)), OK);
    assert_int_equal(buf_add_str(into, with), OK);
    assert_int_equal(buf_add_str(into, at + strlen(what)), OK);
    return buf_str(into);
}

static const struct {
    const char *what, *with;
    enum httpsig_fault fault;
} input_edits[] = {
    { "tag=\"cairn-peer\"", "tag=\"other\"", HTTPSIG_UNSIGNED },
    { ";tag=\"cairn-peer\"", "", HTTPSIG_UNSIGNED },
    { "cairn=(", "other=(", HTTPSIG_FORM }, /* no signature of that name */
    { "cairn=(", "Cairn=(", HTTPSIG_FORM },
    { "cairn=(", "=(", HTTPSIG_FORM },
    { " \"idempotency-key\"", "", HTTPSIG_COVERAGE },
    { " \"content-digest\"", "", HTTPSIG_COVERAGE },
    { "\"@method\" ", "", HTTPSIG_COVERAGE },
    { " \"cairn-member\"", "", HTTPSIG_COVERAGE },
    { "\"@method\" \"@path\"", "\"@path\" \"@method\"", HTTPSIG_COVERAGE },
    { " \"@query\"", " \"@query\" \"date\"", HTTPSIG_COVERAGE },
    { "expires=1700000060", "expires=1700000061", HTTPSIG_FORM },
    { "expires=1700000060", "expires=1700000000", HTTPSIG_FORM },
    { ";expires=1700000060", "", HTTPSIG_FORM },
    { "created=1700000000", "created=-1700000000", HTTPSIG_FORM },
    { "created=1700000000", "created=1700000000.0", HTTPSIG_FORM },
    { "created=1700000000", "created=100000000000", HTTPSIG_FORM },
    { "member-3", "member-4", HTTPSIG_FORM }, /* Cairn-Member says 3 */
    { "member-3", "member-0", HTTPSIG_FORM },
    { "member-3", "member-65539", HTTPSIG_FORM },
    { "0000000000000abc", "abc", HTTPSIG_FORM },
    { "0000000000000abc", "0000000000000ABC", HTTPSIG_FORM },
    { "ed25519", "rsa-v1_5-sha256", HTTPSIG_FORM },
    { ";alg=\"ed25519\"", "", HTTPSIG_FORM },
    { ";tag=", ";x;tag=", HTTPSIG_FORM },
};

static void signature_inputs_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(input_edits); i++) {
        struct signed_request s;
        struct httpsig_claim c;
        struct buf text;
        buf_init(&text, 4096);
        make_signed(&s);
        set(&s.text, "signature-input",
            edited(s.lines.input, input_edits[i].what, input_edits[i].with, &text));
        enum httpsig_fault fault = httpsig_read(&s.m, &c);
        if (fault != input_edits[i].fault)
            fail_msg("%s for %s: %d", input_edits[i].with, input_edits[i].what, (int)fault);
        buf_release(&text);
    }
}

static void an_edited_time_or_nonce_does_not_verify(void **state)
{
    (void)state;
    static const char *const edits[][2] = {
        { "created=1700000000;expires=1700000060", "created=1700000001;expires=1700000060" },
        { "0000000000000abc", "0000000000000abd" },
    };
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct signed_request s;
        struct httpsig_claim c;
        struct buf text;
        buf_init(&text, 4096);
        make_signed(&s);
        set(&s.text, "signature-input", edited(s.lines.input, edits[i][0], edits[i][1], &text));
        assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_GOOD);
        assert_false(httpsig_verify(&s.m, &c, s.key.public));
        buf_release(&text);
    }
}

/* Signatures of others, such as a proxy's, stand beside ours; two of ours do not. */
static void one_signature_among_others_is_found(void **state)
{
    (void)state;
    struct signed_request s;
    struct buf input, signature;
    buf_init(&input, 4096);
    buf_init(&signature, 4096);
    make_signed(&s);
    assert_int_equal(
        buf_addf(&input, "proxy=(\"date\");keyid=\"a, \\\"b\";tag=\"p\",  %s, z=()", s.lines.input),
        OK);
    assert_int_equal(buf_addf(&signature, "z=:AA==:, %s,\tproxy=:AAAA:", s.lines.signature), OK);
    set(&s.text, "signature-input", buf_str(&input));
    set(&s.text, "signature", buf_str(&signature));
    assert_true(accepted(&s));
    struct httpsig_claim c;
    buf_clear(&input);
    assert_int_equal(buf_addf(&input, "%s, b%s", s.lines.input, s.lines.input), OK);
    set(&s.text, "signature-input", buf_str(&input));
    assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_FORM);
    set(&s.text, "signature-input", s.lines.input);
    buf_clear(&signature);
    assert_int_equal(buf_addf(&signature, "%s, %s", s.lines.signature, s.lines.signature), OK);
    set(&s.text, "signature", buf_str(&signature));
    assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_FORM);
    buf_release(&input);
    buf_release(&signature);
}

static void malformed_signatures_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "cairn", "cairn=",        "cairn=::", "cairn=:AAAA:", "cairn=:AAAA",
        "cairn=\"", ",",     "cairn=:AA==:,",
    };
    struct signed_request s;
    struct httpsig_claim c;
    for (size_t i = 0; i < COUNT(bad); i++) {
        make_signed(&s);
        set(&s.text, "signature", bad[i]);
        if (httpsig_read(&s.m, &c) != HTTPSIG_FORM)
            fail_msg("the signature \"%s\" was read", bad[i]);
    }
    make_signed(&s);
    set(&s.text, "signature", NULL);
    assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_UNSIGNED);
    make_signed(&s);
    set(&s.text, "signature-input", NULL);
    assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_UNSIGNED);
}

/* The group order L added to S makes another signature of the same message: strictly refused. */
static void a_malleable_signature_is_refused(void **state)
{
    (void)state;
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                       0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    struct signed_request s;
    struct httpsig_claim c;
    make_signed(&s);
    assert_int_equal(httpsig_read(&s.m, &c), HTTPSIG_GOOD);
    unsigned carry = 0;
    for (size_t i = 0; i < sizeof(order); i++) {
        carry += (unsigned)c.signature[32 + i] + order[i];
        c.signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_false(httpsig_verify(&s.m, &c, s.key.public));
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_rfc_is_met),
        cmocka_unit_test(a_query_is_covered_with_its_mark),
        cmocka_unit_test(malformed_lists_have_no_base),
        cmocka_unit_test(digests_are_those_of_the_rfcs),
        cmocka_unit_test(other_digests_are_refused),
        cmocka_unit_test(the_member_line_is_read_as_printed),
        cmocka_unit_test(a_signature_is_printed_in_one_shape),
        cmocka_unit_test(without_a_body_less_is_covered),
        cmocka_unit_test(every_covered_part_counts),
        cmocka_unit_test(signature_inputs_are_read_strictly),
        cmocka_unit_test(an_edited_time_or_nonce_does_not_verify),
        cmocka_unit_test(one_signature_among_others_is_found),
        cmocka_unit_test(malformed_signatures_are_refused),
        cmocka_unit_test(a_malleable_signature_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
