/* Writes sample receipts, good ones and broken ones, and what the server's own code says of each,
 * for verify_receipt.mjs to agree or not:  maketestreceipt DIR  &&  node verify_receipt.mjs
 * --compare DIR/verdicts. Broken ones are small random edits, always the same for the same program.
 */
#include "server/base/text.h"
#include "tests/unit/ledger/log/edit.h"
#include "tests/unit/ledger/log/sample.h"

#define EDITS 1500
#define PARTS 5

/* A receipt as files: in this order. */
static const char *const suffixes[PARTS] = { "policy", "tlog-proof", "leaf", "statement", "salt" };
enum { POLICY, PROOF, LEAF, STATEMENT, SALT };

struct receipt {
    struct buf parts[PARTS];
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void add(struct buf *b, const void *bytes, size_t len)
{
    enum err e = buf_add(b, bytes, len);
    assert(e == OK);
}

static void write_file(const char *dir, const char *stem, const char *suffix, const struct buf *b)
{
    char path[512];
    int len = snprintf(path, sizeof(path), "%s/%s.%s", dir, stem, suffix);
    assert(len > 0 && (size_t)len < sizeof(path));
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(buf_str(b), 1, b->len, f) != b->len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* What `cairn verify` asks of the same files. */
static bool verifies(const struct receipt *r)
{
    const struct buf *p = r->parts;
    struct policy *policy = NULL;
    struct checkpoint c;
    struct entry_head head;
    uint64_t index;
    uint8_t salt[SALT_BYTES] = { 0 };
    if (entry_parse(p[LEAF].data, p[LEAF].len, &head) != OK)
        return false;
    if (head.is_public ? p[SALT].len > 0
                       : !hex_decode(buf_str(&p[SALT]), p[SALT].len, salt, SALT_BYTES))
        return false;
    if (policy_parse(buf_str(&p[POLICY]), p[POLICY].len, &policy, NULL) != OK)
        return false;
    bool good =
        tlog_proof_verify(policy, buf_str(&p[PROOF]), p[PROOF].len, p[LEAF].data, p[LEAF].len, &c,
                          &index) == OK &&
        entry_verify(p[LEAF].data, p[LEAF].len, salt, p[STATEMENT].data, p[STATEMENT].len) == OK;
    policy_free(policy);
    return good;
}

/* One to three edits of one part: a bit, a byte gone, doubled or new, or a line gone or doubled. */
static void edit(struct buf *b, uint64_t *state)
{
    static const char likely[] = "\n =+/0Aa\t#x";
    for (uint64_t n = 1 + next_random(state) % 3; n > 0 && b->len > 0; n--) {
        struct buf out;
        buf_init(&out, b->max);
        size_t at = next_random(state) % b->len, end = at + 1;
        size_t kind = next_random(state) % 6;
        if (kind >= 4) {
            while (at > 0 && b->data[at - 1] != '\n')
                at--;
            while (end < b->len && b->data[end - 1] != '\n')
                end++;
        }
        add(&out, b->data, at);
        if (kind == 0) {
            uint8_t flipped = (uint8_t)(b->data[at] ^ 1u << next_random(state) % 8);
            add(&out, &flipped, 1);
        } else if (kind == 1) {
            add(&out, &likely[next_random(state) % (sizeof(likely) - 1)], 1);
        } else if (kind == 3 || kind == 4) {
            add(&out, b->data + at, end - at);
            add(&out, b->data + at, end - at);
        }
        if (kind == 1)
            end = at; /* the new byte goes in front */
        add(&out, b->data + end, b->len - end);
        buf_release(b);
        *b = out;
    }
}

/* Edits with a meaning, which chance would not find. */
struct planned {
    size_t part;
    struct edit edit;
};

static const struct planned planned[] = {
    { POLICY, { .from = "any a b c", .to = "any a a" } },
    { POLICY, { .from = "any a b c", .to = "0 a b c" } },
    { POLICY, { .from = "any a b c", .to = "01 a b c" } },
    { POLICY, { .from = "any a b c", .to = "4 a b c" } },
    { POLICY, { .from = "any a b c", .to = "3 a b c" } },
    { POLICY, { .from = "any a b c", .to = "any c b" } },
    { POLICY, { .from = "any a b c", .to = "any c" } },
    { POLICY, { .from = "any a b c", .to = "any" } },
    { POLICY, { .from = "any a b c", .to = "any members" } },
    { POLICY, { .from = "any a b c", .to = "any a none" } },
    { POLICY, { .from = "any a b c", .to = "any a b\ngroup more all members c" } },
    { POLICY, { .from = "any a b c", .to = "any a b\ngroup more all a c" } },
    { POLICY, { .from = "any a b c", .to = "any a b c\ngroup members any a" } },
    { POLICY, { .from = "quorum members", .to = "quorum none" } },
    { POLICY, { .from = "quorum members", .to = "quorum c" } },
    { POLICY, { .from = "quorum members", .to = "quorum b" } },
    { POLICY, { .from = "quorum members", .to = "quorum members\nquorum members" } },
    { POLICY, { .from = "quorum members", .to = "quorum members more" } },
    { POLICY, { .from = "witness b", .to = "witness a" } },
    { POLICY, { .from = "witness b", .to = "witness none" } },
    { POLICY, { .from = "witness b", .to = "witness" } },
    { POLICY, { .from = "witness b", .to = "\twitness  b" } },
    { POLICY, { .from = "# a", .to = "\xff \xc2\x85" } },
    { POLICY, { .from = "# a", .to = "#\r" } },
    { POLICY, { .from = "# a", .to = "#\xff\xfe" } },
    { PROOF, { .from = "index", .to = "extra AAECAw==\nindex" } },
    { PROOF, { .from = "index", .to = "extra AAECAx==\nindex" } },
    { PROOF, { .from = "index", .to = "extra \nindex" } },
    { PROOF, { .from = "index ", .to = "index 0" } },
    { PROOF,
      { .from = "\n\xe2\x80\x94 test.example/m1", .to = "\n\n\xe2\x80\x94 test.example/m1" } },
    { PROOF,
      { .from = "\xe2\x80\x94 test.example/m1",
        .to = "\xe2\x80\x94 x AAAAAAA=\n\xe2\x80\x94 test.example/m1" } },
    { PROOF,
      { .from = "\xe2\x80\x94 test.example/m1",
        .to = "\xe2\x80\x94 x AAAAAA==\n\xe2\x80\x94 test.example/m1" } },
    { PROOF,
      { .from = "\xe2\x80\x94 test.example/m1",
        .to = "\xe2\x80\x94 x\xe3\x80\x80y AAAAAAA=\n\xe2\x80\x94 test.example/m1" } },
    { PROOF, { .from = "\xe2\x80\x94 test.example/m1", .to = "\xe2\x80\x94 test.example/x" } },
    { SALT, { .from = "", .to = "0" } },
};

static void emit(const char *dir, const char *stem, const struct receipt *r, FILE *verdicts)
{
    for (size_t i = 0; i < PARTS; i++)
        write_file(dir, stem, suffixes[i], &r->parts[i]);
    if (fprintf(verdicts, "%s %s.policy %s\n", verifies(r) ? "accept" : "refuse", stem, stem) < 0)
        exit(1);
}

static void make(struct sample *s, uint64_t index, size_t cosignatures, const char *threshold,
                 struct receipt *ret)
{
    for (size_t i = 0; i < PARTS; i++)
        buf_init(&ret->parts[i], PROOF_MAX);
    sample_policy(s, threshold, &ret->parts[POLICY]);
    sample_proof(s, cosignatures, index, &ret->parts[PROOF]);
    sample_entry(index, &ret->parts[LEAF]);
    sample_statement(index, &ret->parts[STATEMENT]);
    uint8_t salt[SALT_BYTES];
    char hex[HEX_SIZE(SALT_BYTES)];
    sample_salt(index, salt);
    hex_encode(salt, sizeof(salt), hex);
    if (!sample_is_public(index))
        add(&ret->parts[SALT], hex, sizeof(hex) - 1);
}

static void apply(struct buf *b, const struct edit *edit)
{
    size_t len = 0;
    char *text = edit_apply(buf_str(b), edit, &len);
    buf_clear(b);
    add(b, text, len);
    free(text);
}

static void release(struct receipt *r)
{
    for (size_t i = 0; i < PARTS; i++)
        buf_release(&r->parts[i]);
}

static const char *const thresholds[] = { "any", "2", "all" };

static void emit_whole(const char *dir, struct sample *s, FILE *verdicts)
{
    static const uint64_t sizes[] = { 1, 2, 5, 16, 100, 257 };
    char stem[64];
    struct receipt r;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        sample_init(s, sizes[i]);
        for (uint64_t index = 0; index < s->size; index += 1 + s->size / 7)
            for (size_t cosignatures = 0; cosignatures <= SAMPLE_WITNESSES; cosignatures++) {
                make(s, index, cosignatures, thresholds[index % 3], &r);
                (void)snprintf(stem, sizeof(stem), "whole-%" PRIu64 "-%" PRIu64 "-%zu", s->size,
                               index, cosignatures);
                emit(dir, stem, &r, verdicts);
                release(&r);
            }
    }
}

/* A log that signs a wrong size: the proof's path decides. */
static void emit_lies(const char *dir, struct sample *s, FILE *verdicts)
{
    static const uint64_t sizes[] = { 1, 3, 6, 7 };
    char stem[64];
    struct receipt r;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        sample_init(s, sizes[i]);
        for (uint64_t index = 0; index < s->size; index++) {
            const uint64_t claims[] = { index + 1,   s->size - 1, s->size + 1,
                                        s->size + 2, 2 * s->size, UINT64_C(1) << 40 };
            for (size_t j = 0; j < COUNT(claims); j++) {
                s->claimed = claims[j];
                if (index >= s->claimed)
                    continue;
                make(s, index, 1, "any", &r);
                (void)snprintf(stem, sizeof(stem), "lie-%" PRIu64 "-%" PRIu64 "-%zu", s->size,
                               index, j);
                emit(dir, stem, &r, verdicts);
                release(&r);
            }
        }
    }
}

static void emit_edited(const char *dir, struct sample *s, FILE *verdicts)
{
    uint64_t state = 88172645463325252u;
    char stem[64];
    struct receipt r;
    sample_init(s, 23);
    for (size_t i = 0; i < COUNT(planned); i++) {
        make(s, i % 23, 2, thresholds[0], &r);
        apply(&r.parts[planned[i].part], &planned[i].edit);
        (void)snprintf(stem, sizeof(stem), "planned-%zu", i);
        emit(dir, stem, &r, verdicts);
        release(&r);
    }
    for (unsigned i = 0; i < EDITS; i++) {
        make(s, next_random(&state) % 23, 2, thresholds[next_random(&state) % 2], &r);
        edit(&r.parts[next_random(&state) % PARTS], &state);
        (void)snprintf(stem, sizeof(stem), "edit-%u", i);
        emit(dir, stem, &r, verdicts);
        release(&r);
    }
}

int main(int argc, char **argv)
{
    static struct sample s;
    char path[512];
    if (argc != 2) {
        (void)fprintf(stderr, "usage: maketestreceipt DIR\n");
        return 2;
    }
    crypto_setup();
    (void)snprintf(path, sizeof(path), "%s/verdicts", argv[1]);
    FILE *verdicts = fopen(path, "w");
    if (verdicts == NULL) {
        perror(path);
        return 1;
    }
    emit_whole(argv[1], &s, verdicts);
    emit_lies(argv[1], &s, verdicts);
    emit_edited(argv[1], &s, verdicts);
    return fclose(verdicts) == 0 ? 0 : 1;
}
