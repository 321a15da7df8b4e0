/* Genesis and cards: what is written reads back, nothing but the canonical bytes is taken, and no
 * federation starts that could not go on. */
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct genesis g, back;

static struct buf printed(const struct genesis *from)
{
    struct buf b;
    buf_init(&b, GENESIS_MAX);
    assert_int_equal(genesis_print(from, &b), OK);
    return b;
}

static enum err reread(const struct genesis *from, struct problem *p)
{
    struct buf b = printed(from);
    *p = (struct problem){ 0 };
    enum err e = genesis_parse(buf_str(&b), b.len, &back, p);
    buf_release(&b);
    return e;
}

static void the_bytes(void **state)
{
    (void)state;
    char key[BASE64_SIZE(SIGN_PUBLIC_BYTES)], text[2048];
    sample_genesis(1, 0, 0, &g);
    for (size_t i = 0; i < 32; i++) {
        g.log_key[0][i] = 1;
        g.log_key[1][i] = 2;
        g.members[0].member_key[i] = 3;
        g.members[0].vote_key[i] = 4;
        g.members[0].cosigner_key[i] = 5;
        g.members[0].operator_key[i] = 6;
    }
    base64_encode(g.log_key[0], 32, key);
    assert_string_equal(key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    struct buf b = printed(&g);
    (void)snprintf(
        text, sizeof(text),
        "{\"federation\":\"test.example/cairn\",\"log_keys\":{"
        "\"account\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\","
        "\"tx\":\"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\"},"
        "\"members\":[{\"cosigner_key\":\"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\","
        "\"endpoint\":\"http://10.0.0.1:8480\","
        "\"member_key\":\"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\","
        "\"name\":\"institute-1\",\"number\":1,"
        "\"operator_key\":\"BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=\","
        "\"role\":\"validator\","
        "\"vote_key\":\"BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\"}],"
        "\"t0_ms\":500,\"version\":1}");
    assert_string_equal(buf_str(&b), text);
    buf_release(&b);
}

static void round_trip(void **state)
{
    (void)state;
    static const size_t shapes[][3] = { { 1, 0, 0 },  { 1, 2, 3 },   { 4, 0, 0 },  { 5, 1, 1 },
                                        { 16, 0, 0 }, { 100, 0, 0 }, { 90, 5, 5 }, { 1, 99, 0 } };
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct problem p;
        sample_genesis(shapes[i][0], shapes[i][1], shapes[i][2], &g);
        memset(&back, 0, sizeof(back));
        assert_int_equal(reread(&g, &p), OK);
        assert_int_equal(back.n, g.n);
        struct buf a = printed(&g), b = printed(&back);
        assert_string_equal(buf_str(&a), buf_str(&b));
        assert_int_equal(back.members[back.n - 1].role, g.members[g.n - 1].role);
        assert_memory_equal(back.log_key, g.log_key, sizeof(g.log_key));
        assert_int_equal(back.t0_ms, 500);
        buf_release(&a);
        buf_release(&b);
    }
}

static void contents_refused(void **state)
{
    (void)state;
    struct problem p;
    for (size_t validators = 2; validators <= 3; validators++) {
        sample_genesis(validators, 9, 0, &g);
        assert_int_equal(reread(&g, &p), ERR_FIELD_RANGE);
        assert_string_equal(p.pointer, "/members");
    }
    sample_genesis(0, 4, 0, &g);
    assert_int_equal(reread(&g, &p), ERR_FIELD_RANGE);
    sample_genesis(4, 0, 0, &g);
    g.members[2].number = 2;
    assert_int_equal(reread(&g, &p), ERR_FIELD_FORMAT);
    assert_string_equal(p.pointer, "/members/2");
    g.members[2].number = 4;
    g.members[3].number = 3;
    assert_int_equal(reread(&g, &p), ERR_FIELD_FORMAT);
    g.members[2].number = 3;
    g.members[3].number = 0;
    assert_int_equal(reread(&g, &p), ERR_FIELD_RANGE);
    sample_genesis(4, 0, 0, &g);
    memcpy(g.members[3].name, g.members[0].name, sizeof(g.members[0].name));
    assert_int_equal(reread(&g, &p), ERR_FIELD_FORMAT);
    sample_genesis(4, 0, 0, &g);
    memcpy(g.members[3].endpoint, g.members[0].endpoint, sizeof(g.members[0].endpoint));
    assert_int_equal(reread(&g, &p), ERR_FIELD_FORMAT);
    static const char *const names[] = { "Up", "a b", "a_b", "", "a\"b", "\xc3\xa9" };
    for (size_t i = 0; i < COUNT(names); i++) {
        sample_genesis(4, 0, 0, &g);
        (void)snprintf(g.members[1].name, sizeof(g.members[1].name), "%s", names[i]);
        assert_int_not_equal(reread(&g, &p), OK);
        sample_genesis(4, 0, 0, &g);
        (void)snprintf(g.federation, sizeof(g.federation), "%s", names[i]);
        assert_int_not_equal(reread(&g, &p), OK);
    }
    static const uint32_t timeouts[] = { 0, 49, 60001, UINT32_MAX };
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        sample_genesis(4, 0, 0, &g);
        g.t0_ms = timeouts[i];
        assert_int_equal(reread(&g, &p), ERR_FIELD_RANGE);
        assert_string_equal(p.pointer, "/t0_ms");
    }
}

/* Any two of all keys of the file being the same is refused. */
static void keys_are_distinct(void **state)
{
    (void)state;
    enum { KEYS = 2 + 4 * 4 };
    struct problem p;
    for (size_t a = 0; a < KEYS; a++)
        for (size_t b = 0; b < a; b++) {
            sample_genesis(4, 0, 0, &g);
            uint8_t *key[KEYS] = { g.log_key[0], g.log_key[1] };
            for (size_t i = 0; i < 4; i++) {
                key[2 + 4 * i] = g.members[i].member_key;
                key[3 + 4 * i] = g.members[i].vote_key;
                key[4 + 4 * i] = g.members[i].cosigner_key;
                key[5 + 4 * i] = g.members[i].operator_key;
            }
            memcpy(key[a], key[b], SIGN_PUBLIC_BYTES);
            if (reread(&g, &p) != ERR_FIELD_FORMAT)
                fail_msg("keys %zu and %zu may be the same", a, b);
        }
}

/* Every other spelling of the same contents, and every cut and changed byte. */
static void only_canonical(void **state)
{
    (void)state;
    struct problem p;
    sample_genesis(4, 0, 0, &g);
    struct buf b = printed(&g);
    char *text = malloc(b.len + 2);
    assert_non_null(text);
    memset(&back, 0x5a, sizeof(back));
    static struct genesis untouched;
    memset(&untouched, 0x5a, sizeof(untouched));
    for (size_t len = 0; len < b.len; len += 7) {
        memcpy(text, b.data, len);
        assert_int_not_equal(genesis_parse(text, len, &back, &p), OK);
    }
    for (const char *extra = " \n"; *extra != '\0'; extra++) {
        memcpy(text, b.data, b.len);
        text[b.len] = *extra;
        assert_int_equal(genesis_parse(text, b.len + 1, &back, &p), ERR_FIELD_FORMAT);
        memcpy(text + 1, b.data, b.len);
        text[0] = *extra;
        assert_int_equal(genesis_parse(text, b.len + 1, &back, &p), ERR_FIELD_FORMAT);
    }
    assert_memory_equal(&back, &untouched, sizeof(back));
    /* A changed byte is refused, or it is another federation: never the same one. */
    for (size_t i = 0; i < b.len; i += 3) {
        memcpy(text, b.data, b.len);
        text[i] ^= 1;
        if (genesis_parse(text, b.len, &back, NULL) != OK)
            continue;
        struct buf other = printed(&back);
        assert_int_equal(other.len, b.len);
        assert_memory_equal(other.data, text, b.len);
        buf_release(&other);
    }
    free(text);
    buf_release(&b);
    char *much = calloc(1, GENESIS_MAX + 1);
    assert_non_null(much);
    assert_int_equal(genesis_parse(much, GENESIS_MAX + 1, &back, &p), ERR_LIMIT);
    free(much);
}

static void unknown_fields(void **state)
{
    (void)state;
    struct problem p;
    static const char *const texts[] = {
        "{}", "[]", "1", "{\"federation\":\"a\"}",
        "{\"federation\":\"a\",\"log_keys\":{},\"members\":[],\"t0_ms\":500,\"version\":2}"
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_not_equal(genesis_parse(texts[i], strlen(texts[i]), &back, &p), OK);
    sample_genesis(4, 0, 0, &g);
    struct buf b = printed(&g);
    static const char *const places[] = { "{\"federation\"", "{\"account\"", "{\"cosigner_key\"" };
    for (size_t i = 0; i < COUNT(places); i++) {
        struct buf changed;
        const char *at = strstr(buf_str(&b), places[i]);
        assert_non_null(at);
        buf_init(&changed, GENESIS_MAX);
        size_t before = (size_t)(at - buf_str(&b)) + 1;
        assert_int_equal(buf_add(&changed, b.data, before), OK);
        assert_int_equal(buf_add_str(&changed, "\"a\":1,"), OK);
        assert_int_equal(buf_add(&changed, b.data + before, b.len - before), OK);
        assert_int_equal(genesis_parse(buf_str(&changed), changed.len, &back, &p),
                         ERR_FIELD_UNKNOWN);
        buf_release(&changed);
    }
    buf_release(&b);
}

static void endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool tls;
    } good[] = {
        { "http://127.0.0.1:8480", "127.0.0.1", 8480, false },
        { "https://cairn.example:443", "cairn.example", 443, true },
        { "http://[::1]:1", "::1", 1, false },
        { "http://a:65535", "a", 65535, false },
    };
    static const char *const bad[] = {
        "",
        "http://",
        "http://:80",
        "http://a",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://a:080",
        "http://a:80/",
        "http://a:80/x",
        "http://u@a:80",
        "http://A:80",
        "ftp://a:80",
        "HTTP://a:80",
        "http://a b:80",
        "http://a:80 ",
        "http://[::1:80",
        "http://[]:80",
        "http://[x]:80",
        "http://-a:80",
        "http://.a:80",
        "http://a:80?x",
        "http://a\n:80",
    };
    char host[MEMBER_ENDPOINT_MAX + 1], text[MEMBER_ENDPOINT_MAX + 2];
    uint16_t port = 0;
    bool tls = false;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(member_endpoint_split(good[i].text, &tls, host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
        assert_int_equal(tls, good[i].tls);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (member_endpoint_split(bad[i], &tls, host, &port))
            fail_msg("was taken: %s", bad[i]);
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://", 7);
    memcpy(text + MEMBER_ENDPOINT_MAX - 3, ":80", 4);
    assert_true(member_endpoint_split(text, &tls, host, &port));
    memcpy(text + MEMBER_ENDPOINT_MAX - 3, "a:80", 5);
    assert_false(member_endpoint_split(text, &tls, host, &port));
}

static void cards(void **state)
{
    (void)state;
    struct problem p = { 0 };
    struct member m = sample_member(7, MEMBER_VALIDATOR), again;
    struct buf b;
    buf_init(&b, MEMBER_CARD_MAX);
    m.credit = 5;
    assert_int_equal(member_card_print(&m, &b), OK);
    assert_int_equal(member_card_parse(buf_str(&b), b.len, &again, &p), OK);
    assert_int_equal(again.number, 7);
    assert_int_equal(again.role, 0); /* nobody gives himself a role */
    assert_int_equal(again.credit, 0);
    assert_string_equal(again.name, m.name);
    assert_string_equal(again.endpoint, m.endpoint);
    assert_memory_equal(again.member_key, m.member_key, SIGN_PUBLIC_BYTES);
    assert_memory_equal(again.vote_key, m.vote_key, SIGN_PUBLIC_BYTES);
    assert_memory_equal(again.cosigner_key, m.cosigner_key, SIGN_PUBLIC_BYTES);
    assert_memory_equal(again.operator_key, m.operator_key, SIGN_PUBLIC_BYTES);
    assert_int_equal(buf_add_str(&b, "\n"), OK);
    assert_int_equal(member_card_parse(buf_str(&b), b.len, &again, &p), ERR_FIELD_FORMAT);
    buf_clear(&b);
    memcpy(m.vote_key, m.cosigner_key, SIGN_PUBLIC_BYTES);
    assert_int_equal(member_card_print(&m, &b), OK);
    assert_int_equal(member_card_parse(buf_str(&b), b.len, &again, &p), ERR_FIELD_FORMAT);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes),        cmocka_unit_test(round_trip),
        cmocka_unit_test(contents_refused), cmocka_unit_test(keys_are_distinct),
        cmocka_unit_test(only_canonical),   cmocka_unit_test(unknown_fields),
        cmocka_unit_test(endpoints),        cmocka_unit_test(cards),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("genesis", tests, NULL, NULL);
}
