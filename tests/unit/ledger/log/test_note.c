/* Signed notes, verifier keys, checkpoints and cosignatures: published texts made by other
 * programs, round trips of our own, and a table of broken ones. */
#include "server/ledger/log/note_text.h"
#include "tests/unit/ledger/log/edit.h"
#include "tests/unit/ledger/log/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* ---- what other programs made ---- */

/* Key and note from the documentation of Go's golang.org/x/mod/sumdb/note. */
static const char go_key[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n";

/* A checkpoint that a public test log of Certificate Transparency served in May 2026, with one
 * RFC 6962 signature (which no key here knows), one Ed25519 signature and four cosignatures. */
static const char public_note[] =
    "arche2025h1.staging.ct.transparency.dev\n"
    "1432088532\n"
    "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n"
    "\n"
    "\xe2\x80\x94 arche2025h1.staging.ct.transparency.dev "
    "zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQF"
    "X6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
    "\xe2\x80\x94 arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lef"
    "whUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "\xe2\x80\x94 transparency.dev/DEV:witness-little-garden "
    "2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8"
    "/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n"
    "\xe2\x80\x94 witness1.smartit.nu/witness1 "
    "pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0"
    "WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
    "\xe2\x80\x94 remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aV"
    "CIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
    "\xe2\x80\x94 witness.stagemole.eu "
    "Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyO"
    "UvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n";

static const char *const public_keys[] = {
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
    ("transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/"
     "MwYaGX4CPdiVEPM"),
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
};

static struct note_key key_of(const char *vkey)
{
    struct note_key k;
    assert_int_equal(note_key_parse(vkey, strlen(vkey), &k), OK);
    return k;
}

/* How many lines of the note the key verifies; -1 if one of its lines does not verify. */
static int verified(const char *note, size_t len, const struct note_key *k)
{
    struct note_text text;
    struct note_signature s;
    int n = 0;
    assert_int_equal(note_open(note, len, &text), OK);
    while (note_signature_next(&text.signatures, &s)) {
        if (!note_span_is(s.name, k->name) || memcmp(s.id, k->id, sizeof(k->id)) != 0)
            continue;
        if (checkpoint_signature_verify(k, &s, text.body) != OK)
            return -1;
        n++;
    }
    return n;
}

static void test_go_note(void **state)
{
    (void)state;
    struct note_key k = key_of(go_key);
    assert_int_equal(k.type, NOTE_TYPE_ED25519);
    assert_int_equal(verified(go_note, strlen(go_note), &k), 1);
    struct edit edit = { .from = "cryptography", .to = "cryptographY" };
    size_t len = 0;
    char *text = edit_apply(go_note, &edit, &len);
    assert_int_equal(verified(text, len, &k), -1);
    free(text);
}

/* Earlier empty lines belong to the text. */
static void test_last_empty_line(void **state)
{
    (void)state;
    static const char note[] = "one\n\ntwo\n\n\n\xe2\x80\x94 a AAAAAAECAwQ=\n";
    struct note_text text;
    struct note_signature s;
    assert_int_equal(note_open(note, strlen(note), &text), OK);
    assert_int_equal(text.body.len, strlen("one\n\ntwo\n\n"));
    assert_ptr_equal(text.body.at, note);
    assert_true(note_signature_next(&text.signatures, &s));
    assert_true(note_span_is(s.name, "a"));
    assert_int_equal(s.len, 4);
    assert_int_equal(s.bytes[0], 1);
    assert_false(note_signature_next(&text.signatures, &s));
}

static void test_public_checkpoint(void **state)
{
    (void)state;
    struct checkpoint c;
    size_t body_len = 0;
    assert_int_equal(checkpoint_parse(public_note, strlen(public_note), &c, &body_len), OK);
    assert_string_equal(c.origin, "arche2025h1.staging.ct.transparency.dev");
    assert_int_equal(c.size, 1432088532);
    assert_int_equal(body_len, 40 + 11 + 45);
    static const struct edit edits[] = { { .from = "1432088532", .to = "1432088533" },
                                         { .from = "4Ro=", .to = "4Rs=" },
                                         { .from = "4Ro=\n", .to = "4Ro=\nextension\n" } };
    for (size_t i = 0; i < COUNT(public_keys); i++) {
        struct note_key k = key_of(public_keys[i]);
        assert_int_equal(k.type, i == 0 ? NOTE_TYPE_ED25519 : NOTE_TYPE_COSIGNATURE);
        assert_int_equal(verified(public_note, strlen(public_note), &k), 1);
        for (size_t j = 0; j < COUNT(edits); j++) {
            size_t len = 0;
            char *text = edit_apply(public_note, &edits[j], &len);
            assert_int_equal(checkpoint_parse(text, len, &c, &body_len), OK);
            assert_int_equal(verified(text, len, &k), -1);
            free(text);
        }
    }
}

static void test_public_policy(void **state)
{
    (void)state;
    struct buf text;
    struct policy *policy = NULL;
    struct checkpoint c;
    buf_init(&text, 4096);
    assert_int_equal(
        buf_addf(&text, "log %s https://arche2025h1.staging.ct.transparency.dev\n", public_keys[0]),
        OK);
    for (size_t i = 1; i < COUNT(public_keys); i++)
        assert_int_equal(buf_addf(&text, "witness w%zu %s\n", i, public_keys[i]), OK);
    assert_int_equal(buf_add_str(&text, "group all-four all w1 w2 w3 w4\nquorum all-four\n"), OK);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &policy, NULL), OK);
    assert_int_equal(policy_check(policy, public_note, strlen(public_note), &c), OK);
    assert_int_equal(c.size, 1432088532);
    policy_free(policy);
    buf_release(&text);
}

/* ---- keys ---- */

static void test_keys(void **state)
{
    (void)state;
    static const char *const more[] = {
        go_key, "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    };
    struct buf text;
    buf_init(&text, 1024);
    for (size_t i = 0; i < COUNT(more); i++) {
        struct note_key k = key_of(more[i]);
        buf_clear(&text);
        assert_int_equal(note_key_print(&k, &text), OK);
        assert_string_equal(buf_str(&text), more[i]);
    }
    buf_release(&text);

    static const struct edit broken[] = {
        { .from = "PeterNeumann+", .to = "+" },             /* no name */
        { .from = "PeterNeumann+", .to = "" },              /* no plus */
        { .from = "PeterNeumann", .to = "Peter Neumann" },  /* space */
        { .from = "PeterNeumann", .to = "Peter\xc2\xa0N" }, /* Unicode space */
        { .from = "PeterNeumann", .to = "Peter\xffN" },     /* no UTF-8 */
        { .from = "PeterNeumann", .to = "PeterNeumanm" },   /* id of another name */
        { .from = "PeterNeumann", .to = "P\0terNeumann", .to_len = 12 },
        { .from = "c74f20a3", .to = "c74f20a4" }, /* wrong id */
        { .from = "c74f20a3", .to = "C74F20A3" }, /* a second spelling */
        { .from = "c74f20a3", .to = "c74f20a" },
        { .from = "c74f20a3+", .to = "c74f20a3-" },
        { .from = "ARpc", .to = "Ahpc" }, /* type 2 */
        { .from = "ARpc", .to = "" },
        { .from = "10TW", .to = "10TWAAAA" },
        { .from = "10TW", .to = "10T=" },
        { .from = "10TW", .to = "10TW\n" },
        { .from = "/LDE", .to = "_LDE" }, /* base64url */
    };
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct note_key k;
        size_t len = 0;
        char *vkey = edit_apply(go_key, &broken[i], &len);
        assert_int_equal(note_key_parse(vkey, len, &k), ERR_SYNTAX);
        free(vkey);
    }
}

/* A NUL would end the name early: the id then fits the name that is left, not the text. */
static void test_key_with_nul(void **state)
{
    (void)state;
    uint8_t public[SIGN_PUBLIC_BYTES] = { 4 };
    struct note_key k;
    struct buf vkey;
    buf_init(&vkey, 256);
    assert_true(note_key_make("P", NOTE_TYPE_ED25519, public, &k));
    assert_int_equal(buf_add(&vkey, "P\0x", 3), OK);
    size_t begin = vkey.len;
    assert_int_equal(note_key_print(&k, &vkey), OK);
    assert_int_equal(note_key_parse(buf_str(&vkey) + begin, vkey.len - begin, &k), OK);
    /* P NUL x then +id+key */
    memmove(vkey.data + begin, vkey.data + begin + 1, vkey.len - begin - 1);
    assert_int_equal(note_key_parse(buf_str(&vkey), vkey.len - 1, &k), ERR_SYNTAX);
    buf_release(&vkey);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = { "a",   "test.example/x",   "-",           "\xe2\x98\x83",
                                        "a#b", "\xf0\x9f\x90\x91", "\xe2\x80\x94" };
    static const char *const bad[] = { "",
                                       " ",
                                       "a b",
                                       "a+b",
                                       "a\tb",
                                       "a\nb",
                                       "a\x1f",
                                       "\xc2\x85",         /* next line */
                                       "a\xe1\x9a\x80",    /* ogham space */
                                       "\xe2\x80\x89z",    /* thin space */
                                       "\xe2\x80\xa8",     /* line separator */
                                       "\xe3\x80\x80",     /* ideographic space */
                                       "\xc0\xaf",         /* overlong */
                                       "\xe0\x9f\xbf",     /* overlong */
                                       "\xed\xa0\x80",     /* surrogate */
                                       "\xf4\x90\x80\x80", /* above U+10FFFF */
                                       "\xf5\x80\x80\x80",
                                       "\x80",
                                       "a\xe2\x80",
                                       "\xe2\x28\xa1" };
    uint8_t public[SIGN_PUBLIC_BYTES] = { 9 };
    struct note_key k;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(note_key_make(good[i], NOTE_TYPE_ED25519, public, &k));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(note_key_make(bad[i], NOTE_TYPE_ED25519, public, &k));
    /* Every space of Unicode, beginning, middle and end. */
    static const char *const spaces[] = { " ",
                                          "\xc2\x85",
                                          "\xc2\xa0",
                                          "\xe1\x9a\x80",
                                          "\xe2\x80\x80",
                                          "\xe2\x80\x84",
                                          "\xe2\x80\x8a",
                                          "\xe2\x80\xa8",
                                          "\xe2\x80\xa9",
                                          "\xe2\x80\xaf",
                                          "\xe2\x81\x9f",
                                          "\xe3\x80\x80" };
    for (size_t i = 0; i < COUNT(spaces); i++)
        for (size_t place = 0; place < 3; place++) {
            char text[16];
            (void)snprintf(text, sizeof(text), "%s%s%s", place > 0 ? "a" : "", spaces[i],
                           place < 2 ? "b" : "");
            assert_false(note_key_make(text, NOTE_TYPE_ED25519, public, &k));
        }
    assert_true(note_key_make("a\xe2\x80\x8b", NOTE_TYPE_ED25519, public, &k)); /* no space */
    assert_false(note_key_make("a", 0x02, public, &k));
    assert_false(note_key_make("a", 0x06, public, &k));
    char name[NOTE_NAME_MAX + 2];
    memset(name, 'n', sizeof(name));
    name[NOTE_NAME_MAX + 1] = '\0';
    assert_false(note_key_make(name, NOTE_TYPE_ED25519, public, &k));
    name[NOTE_NAME_MAX] = '\0';
    assert_true(note_key_make(name, NOTE_TYPE_ED25519, public, &k));
    assert_string_equal(k.name, name);
}

/* ---- checkpoints ---- */

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define LINE(name) "\xe2\x80\x94 " name " AAAAAAECAwQ=\n"
static const char good_note[] = "test.example/log\n20852163\n" ROOT "\n\n" LINE("one") LINE("two");

static void test_checkpoint_parse(void **state)
{
    (void)state;
    static const struct edit fine[] = {
        { .from = "20852163", .to = "0" },
        { .from = "20852163", .to = "18446744073709551615" },
        { .from = "test.example/log", .to = "go.sum database tree" },
        { .from = "test.example/log", .to = "\xe2\x80\x94 one AAAAAAECAwQ=" },
        { .from = "\n\n", .to = "\nextension\nanother one\n\n" },
        { .from = "one", .to = "\xe5\x90\x8d" },
        { .from = LINE("two"), .to = LINE("one") }, /* for the policy to refuse, if it knows one */
    };
    struct checkpoint c;
    size_t body_len = 0;
    assert_int_equal(checkpoint_parse(good_note, strlen(good_note), &c, &body_len), OK);
    assert_string_equal(c.origin, "test.example/log");
    assert_int_equal(c.size, 20852163);
    assert_int_equal(c.root.bytes[0], 0x0a);
    assert_int_equal(body_len, strstr(good_note, "\n\n") - good_note + 1);
    for (size_t i = 0; i < COUNT(fine); i++) {
        size_t len = 0;
        char *text = edit_apply(good_note, &fine[i], &len);
        assert_int_equal(checkpoint_parse(text, len, &c, &body_len), OK);
        free(text);
    }
}

static const struct edit broken_notes[] = {
    { .from = good_note, .to = "" },
    { .from = good_note, .to = "\n" },
    { .from = good_note, .to = "\n\n" },
    { .from = good_note, .to = "\n\n\n" },
    { .from = good_note, .to = "\n\n" LINE("one") },
    { .from = "test.example/log\n", .to = "\n" },
    { .from = "test.example/log\n", .to = "" },
    { .from = "test.example/log", .to = "test\texample" },
    { .from = "test.example/log", .to = "test\rexample" },
    { .from = "test.example/log", .to = "test\0example", .to_len = 12 },
    { .from = "test.example/log", .to = "test\xc3(example" },
    { .from = "test.example/log", .to = "test\xed\xbf\xbf" },
    { .from = "20852163\n", .to = "" },
    { .from = "20852163", .to = "" },
    { .from = "20852163", .to = "020852163" },
    { .from = "20852163", .to = "00" },
    { .from = "20852163", .to = "+20852163" },
    { .from = "20852163", .to = "-1" },
    { .from = "20852163", .to = " 20852163" },
    { .from = "20852163", .to = "20852163 " },
    { .from = "20852163", .to = "0x13e2e43" },
    { .from = "20852163", .to = "18446744073709551616" },
    { .from = "20852163", .to = "20852163.0" },
    { .from = ROOT "\n", .to = "" },
    { .from = ROOT, .to = "" },
    { .from = "q2I=", .to = "q2I" },
    { .from = "q2I=", .to = "q2J=" }, /* a spare bit is set */
    { .from = "q2I=", .to = "q2I==" },
    { .from = "q2I=", .to = "q2IA" }, /* 33 bytes */
    { .from = "CsUY", .to = "" },
    { .from = "CsUY", .to = " CsUY" },
    { .from = "om/X", .to = "om_X" },
    { .from = "\n\n", .to = "\n\nextension\n\n" }, /* an empty extension line */
    { .from = "\n\n", .to = "\n" },                /* no blank line */
    { .from = LINE("one") LINE("two"), .to = "" },
    { .from = "\xe2\x80\x94 one", .to = "- one" },
    { .from = "\xe2\x80\x94 one", .to = "\xe2\x80\x93 one" }, /* en dash */
    { .from = "\xe2\x80\x94 one", .to = "\xe2\x80\x94one" },
    { .from = "\xe2\x80\x94 one", .to = "\xe2\x80\x94  one" },
    { .from = "\xe2\x80\x94 one", .to = " \xe2\x80\x94 one" },
    { .from = "\xe2\x80\x94 one", .to = "\xe2\x80\x94 o+e" },
    { .from = "\xe2\x80\x94 one", .to = "\xe2\x80\x94 o\xc2\xa0z" },
    { .from = "one AAAAAAECAwQ=", .to = "one" },
    { .from = "one AAAAAAECAwQ=", .to = "one " },
    { .from = "one AAAAAAECAwQ=", .to = "one AAAAAA==" }, /* an id and no signature */
    { .from = "one AAAAAAECAwQ=", .to = "one AAAAAAECAwQ= " },
    { .from = "one AAAAAAECAwQ=", .to = "one  AAAAAAECAwQ=" },
    { .from = "one AAAAAAECAwQ=", .to = "one AAAAAAECAwR=" },
    { .from = "one AAAAAAECAwQ=", .to = "one AAAAAAECAwQ=\r" },
    { .from = "one AAAAAAECAwQ=", .to = "one AAAA=AAECAwQ" },
    { .from = "one AAAAAAECAwQ=", .to = "one AAAAAAECAwQ=AAAA" },
    { .from = "one AAAAAAECAwQ=\n", .to = "one AAAAAAECAwQ=\ntrailing\n" },
    { .from = LINE("two"), .to = LINE("two") "\n" },
    { .from = LINE("two"), .to = LINE("two") "x" },
    { .from = LINE("two"), .to = "\xe2\x80\x94 two AAAAAAECAwQ=" }, /* no last newline */
};

static void test_broken_notes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken_notes); i++) {
        struct checkpoint c;
        size_t len = 0, body_len = 77;
        char *text = edit_apply(good_note, &broken_notes[i], &len);
        if (checkpoint_parse(text, len, &c, &body_len) != ERR_SYNTAX)
            fail_msg("case %zu was taken: %.*s", i, (int)len, text);
        assert_int_equal(body_len, 77);
        free(text);
    }
}

static void test_note_limits(void **state)
{
    (void)state;
    struct buf note;
    struct checkpoint c;
    size_t body_len = 0;
    buf_init(&note, 2 * CHECKPOINT_MAX);
    assert_int_equal(buf_add_str(&note, "o\n1\n" ROOT "\n\n"), OK);
    for (size_t i = 0; i < NOTE_SIGNATURES_MAX; i++)
        assert_int_equal(buf_add_str(&note, LINE("one")), OK);
    assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &c, &body_len), OK);
    assert_int_equal(buf_add_str(&note, LINE("one")), OK);
    assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &c, &body_len), ERR_LIMIT);

    /* One very long signature of an unknown kind is fine as long as the whole note is. */
    buf_clear(&note);
    assert_int_equal(buf_add_str(&note, "o\n1\n" ROOT "\n\n\xe2\x80\x94 pq "), OK);
    while (note.len + 5 <= CHECKPOINT_MAX)
        assert_int_equal(buf_add_str(&note, "Abc9"), OK);
    assert_int_equal(buf_add_str(&note, "\n"), OK);
    assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &c, &body_len), OK);
    /* Padding ends a text, wherever it stands. */
    size_t begin = (size_t)(strstr(buf_str(&note), " pq ") + 4 - buf_str(&note));
    for (size_t quad = 1; quad < 200; quad++) {
        uint8_t *last = &note.data[begin + 4 * quad - 2];
        memcpy(last, "A=", 2);
        assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &c, &body_len), ERR_SYNTAX);
        memcpy(last, "c9", 2);
    }
    while (note.len <= CHECKPOINT_MAX)
        assert_int_equal(buf_add_str(&note, "\n"), OK);
    assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &c, &body_len), ERR_LIMIT);
    buf_release(&note);
}

static void test_body_round_trip(void **state)
{
    (void)state;
    static const uint64_t sizes[] = { 0, 1, 255, UINT64_C(1) << 40, UINT64_MAX };
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct checkpoint c = { .origin = SAMPLE_ORIGIN, .size = sizes[i] }, back;
        random_bytes(c.root.bytes, sizeof(c.root.bytes));
        buf_clear(&body);
        assert_int_equal(checkpoint_body(&c, &body), OK);
        assert_int_equal(
            checkpoint_body_parse((struct note_span){ buf_str(&body), body.len }, &back), OK);
        assert_memory_equal(&back, &c, sizeof(c));
    }
    struct checkpoint c = { .size = 1 };
    size_t before = body.len;
    assert_int_equal(checkpoint_body(&c, &body), ERR_SYNTAX);
    memcpy(c.origin, "a\nb", 4);
    assert_int_equal(checkpoint_body(&c, &body), ERR_SYNTAX);
    memset(c.origin, 'x', sizeof(c.origin));
    assert_int_equal(checkpoint_body(&c, &body), ERR_SYNTAX);
    assert_int_equal(body.len, before);
    buf_release(&body);
}

static void test_sign_and_cosign(void **state)
{
    (void)state;
    static struct sample s;
    sample_init(&s, 11);
    struct buf note;
    struct checkpoint c;
    size_t body_len = 0;
    buf_init(&note, CHECKPOINT_MAX);
    sample_note(&s, SAMPLE_WITNESSES, &note);
    assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &c, &body_len), OK);
    assert_string_equal(c.origin, SAMPLE_ORIGIN);
    assert_int_equal(c.size, 11);
    assert_int_equal(verified(buf_str(&note), note.len, &s.log.key), 1);
    for (size_t i = 0; i < SAMPLE_WITNESSES; i++)
        assert_int_equal(verified(buf_str(&note), note.len, &s.witness[i].key), 1);
    struct sample_key stranger = sample_key("stranger", NOTE_TYPE_ED25519, 99);
    assert_int_equal(verified(buf_str(&note), note.len, &stranger.key), 0);

    /* The same key under the other type is another key: neither kind passes for the other. */
    struct note_key wrong;
    assert_true(
        note_key_make(s.witness[0].key.name, NOTE_TYPE_ED25519, s.witness[0].key.public, &wrong));
    assert_int_not_equal(memcmp(wrong.id, s.witness[0].key.id, 4), 0);
    memcpy(wrong.id, s.witness[0].key.id, 4);
    assert_int_equal(verified(buf_str(&note), note.len, &wrong), -1);
    assert_true(note_key_make(SAMPLE_ORIGIN, NOTE_TYPE_COSIGNATURE, s.log.key.public, &wrong));
    memcpy(wrong.id, s.log.key.id, 4);
    assert_int_equal(verified(buf_str(&note), note.len, &wrong), -1);
    buf_release(&note);
}

/* The bytes of a cosignature: time first, big endian, and inside what is signed. */
static void test_cosignature_bytes(void **state)
{
    (void)state;
    static const char body[] = "test.example/log\n20852163\n" ROOT "\n";
    static const uint64_t times[] = { 0, 1679315147, INT64_MAX };
    static const char *const lines[] = { "time 0\n", "time 1679315147\n",
                                         "time 9223372036854775807\n" };
    struct sample_key k = sample_key("w", NOTE_TYPE_COSIGNATURE, 5);
    struct buf note;
    buf_init(&note, 4096);
    for (size_t i = 0; i < COUNT(times); i++) {
        buf_clear(&note);
        assert_int_equal(buf_addf(&note, "%s\n", body), OK);
        assert_int_equal(checkpoint_cosign(body, strlen(body), &k.key, &k.secret, times[i], &note),
                         OK);
        struct note_text text;
        struct note_signature s;
        assert_int_equal(note_open(buf_str(&note), note.len, &text), OK);
        assert_true(note_signature_next(&text.signatures, &s));
        assert_int_equal(s.len, 72);
        uint64_t time = 0;
        for (size_t b = 0; b < 8; b++)
            time = time << 8 | s.bytes[b];
        assert_int_equal(time, times[i]);
        char message[256];
        int len = snprintf(message, sizeof(message), "cosignature/v1\n%s%s", lines[i], body);
        assert_true(sign_verify(k.key.public, message, (size_t)len, s.bytes + 8));
        assert_int_equal(checkpoint_signature_verify(&k.key, &s, text.body), OK);
        for (s.len = 0; s.len < 80; s.len++)
            assert_int_equal(checkpoint_signature_verify(&k.key, &s, text.body),
                             s.len == 72 ? OK : ERR_CRYPTO);
    }
    /* Truly signed, but with a time beyond 2^63 - 1. */
    struct note_signature late = { .bytes = { 0x80 }, .len = 72 };
    char message[256];
    int len =
        snprintf(message, sizeof(message), "cosignature/v1\ntime 9223372036854775808\n%s", body);
    sign_detached(&k.secret, message, (size_t)len, late.bytes + 8);
    struct note_span span = { body, strlen(body) };
    assert_int_equal(checkpoint_signature_verify(&k.key, &late, span), ERR_CRYPTO);
    size_t before = note.len;
    assert_int_equal(
        checkpoint_cosign(body, strlen(body), &k.key, &k.secret, (uint64_t)INT64_MAX + 1, &note),
        ERR_FIELD_RANGE);
    assert_int_equal(note.len, before);
    buf_release(&note);
}

/* A signature with something behind it is another text for the same thing. */
static void test_signature_length(void **state)
{
    (void)state;
    static const char body[] = "o\n1\n" ROOT "\n";
    struct sample_key k = sample_key("o", NOTE_TYPE_ED25519, 5);
    struct note_signature s = { .len = SIGN_BYTES };
    struct note_span span = { body, strlen(body) };
    sign_detached(&k.secret, body, strlen(body), s.bytes);
    for (s.len = 0; s.len < 80; s.len++)
        assert_int_equal(checkpoint_signature_verify(&k.key, &s, span),
                         s.len == SIGN_BYTES ? OK : ERR_CRYPTO);
}

/* A key never signs what is not a checkpoint. */
static void test_only_checkpoints_are_signed(void **state)
{
    (void)state;
    static const char *const bodies[] = { "",
                                          "\n",
                                          "hello\n",
                                          "o\n1\n" ROOT,
                                          "o\n01\n" ROOT "\n",
                                          "o\n1\n" ROOT "\n\n",
                                          "o\x01\n1\n" ROOT "\n",
                                          "o\xff\n1\n" ROOT "\n" };
    struct sample_key log = sample_key("o", NOTE_TYPE_ED25519, 5);
    struct sample_key w = sample_key("w", NOTE_TYPE_COSIGNATURE, 6);
    struct buf note;
    buf_init(&note, 4096);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        size_t len = strlen(bodies[i]);
        assert_int_equal(checkpoint_sign(bodies[i], len, &log.key, &log.secret, &note), ERR_SYNTAX);
        assert_int_equal(checkpoint_cosign(bodies[i], len, &w.key, &w.secret, 1, &note),
                         ERR_SYNTAX);
    }
    assert_int_equal(note.len, 0);
    assert_int_equal(checkpoint_sign("o\n1\n" ROOT "\n", 49, &log.key, &log.secret, &note), OK);
    buf_release(&note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_note),
        cmocka_unit_test(test_last_empty_line),
        cmocka_unit_test(test_public_checkpoint),
        cmocka_unit_test(test_public_policy),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_key_with_nul),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_checkpoint_parse),
        cmocka_unit_test(test_broken_notes),
        cmocka_unit_test(test_note_limits),
        cmocka_unit_test(test_body_round_trip),
        cmocka_unit_test(test_sign_and_cosign),
        cmocka_unit_test(test_cosignature_bytes),
        cmocka_unit_test(test_signature_length),
        cmocka_unit_test(test_only_checkpoints_are_signed),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
