/* Figures of the vault and of what it is made of, one JSON object per line: {"bench", "value",
 * "unit"}. The bare secretstream of libsodium runs over the same bytes in the same run, as the peer
 * to compare with. Usage: bench_vault [milliseconds]; CPU time of one thread, best of three rounds
 * of that length each (300 if not given). */
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/vault/format.h"

#include <assert.h>
#include <sodium.h>

#define CONTENT_BYTES (4u << 20)
#define ROUNDS 3

/* What every figure works on. */
struct bench {
    struct vault_subject subject;
    struct vault_manifest manifest;
    uint8_t dek[DEK_BYTES];
    uint8_t *content;
    struct buf envelope;
    struct buf out;
    struct box_key recipient;
    struct sign_key signer;
    uint8_t context[HASH_BYTES];
    uint8_t wrap[WRAP_BYTES];
    uint8_t signature[SIGN_BYTES];
    uint8_t node[65];
};

static void run_seal(struct bench *b)
{
    buf_clear(&b->envelope);
    enum err e = vault_seal(&b->subject, b->dek, b->content, CONTENT_BYTES, NULL, &b->envelope,
                            &b->manifest);
    assert(e == OK);
}

static void run_open(struct bench *b)
{
    buf_clear(&b->out);
    enum err e = vault_open(&b->subject, b->dek, b->envelope.data, b->envelope.len, &b->out);
    assert(e == OK && b->out.len == CONTENT_BYTES);
}

/* The same chunks with nothing around them. */
static void run_bare_stream(struct bench *b)
{
    crypto_secretstream_xchacha20poly1305_state s;
    uint8_t header[SEAL_HEADER_BYTES];
    int failed = crypto_secretstream_xchacha20poly1305_init_push(&s, header, b->dek);
    for (size_t at = 0; at < CONTENT_BYTES; at += VAULT_CHUNK_BYTES)
        failed |= crypto_secretstream_xchacha20poly1305_push(&s, b->out.data, NULL, b->content + at,
                                                             VAULT_CHUNK_BYTES, NULL, 0, 0);
    assert(failed == 0);
}

static void run_wrap(struct bench *b)
{
    enum err e = vault_wrap(b->recipient.public, b->context, b->dek, b->wrap);
    assert(e == OK);
}

static void run_unwrap(struct bench *b)
{
    uint8_t dek[DEK_BYTES];
    enum err e = vault_unwrap(&b->recipient, b->context, b->wrap, dek);
    assert(e == OK);
}

static void run_sign(struct bench *b)
{
    sign_detached(&b->signer, b->node, sizeof(b->node), b->signature);
}

static void run_verify(struct bench *b)
{
    bool valid = sign_verify(b->signer.public, b->node, sizeof(b->node), b->signature);
    assert(valid);
}

/* A node of the Merkle tree; chained, so that one call waits for the other as it does there. */
static void run_sha256_node(struct bench *b)
{
    sha256(b->node, sizeof(b->node), b->node + 1);
}

static void run_hmac(struct bench *b)
{
    hmac_sha256(b->dek, sizeof(b->dek), b->node, sizeof(b->node), b->node + 1);
}

static double cpu_seconds(void)
{
    struct timespec t;
    int failed = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    assert(failed == 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one call, the best of ROUNDS rounds of at least least seconds each. */
static double measure(void (*run)(struct bench *), struct bench *b, double least)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t calls = 0;
        double start = cpu_seconds();
        double spent = 0;
        for (size_t batch = 1; spent < least; batch *= 2) {
            for (size_t i = 0; i < batch; i++)
                run(b);
            calls += batch;
            spent = cpu_seconds() - start;
        }
        double each = spent / (double)calls;
        best = round == 0 || each < best ? each : best;
    }
    return best;
}

static void report(const char *name, double value, const char *unit)
{
    printf("{\"bench\": \"%s\", \"value\": %.4g, \"unit\": \"%s\"}\n", name, value, unit);
    fflush(stdout);
}

static void bench_init(struct bench *b)
{
    uint8_t root[ROOT_BYTES];
    *b = (struct bench){ .subject = { .version = 1 }, .content = malloc(CONTENT_BYTES) };
    assert(b->content != NULL);
    random_bytes(root, sizeof(root));
    random_bytes(b->dek, sizeof(b->dek));
    random_bytes(b->content, CONTENT_BYTES);
    keys_receive(root, &b->recipient);
    keys_identity(root, &b->signer);
    buf_init(&b->envelope, VAULT_ENVELOPE_MAX);
    buf_init(&b->out, VAULT_CONTENT_MAX);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct bench *);
    } small[] = { { "vault_wrap", run_wrap },
                  { "vault_unwrap", run_unwrap },
                  { "ed25519_sign", run_sign },
                  { "ed25519_verify", run_verify },
                  { "sha256_65_bytes", run_sha256_node },
                  { "hmac_sha256_65_bytes", run_hmac } };
    static const double mib = CONTENT_BYTES / 1048576.0;
    uint64_t milliseconds = 300;
    struct bench b;
    if (argc > 1 && !u64_parse(argv[1], strlen(argv[1]), &milliseconds)) {
        fprintf(stderr, "usage: bench_vault [milliseconds]\n");
        return 2;
    }
    const double least = (double)milliseconds / 1000;
    crypto_setup();
    bench_init(&b);
    report("vault_seal", mib / measure(run_seal, &b, least), "MiB/s");
    report("vault_open", mib / measure(run_open, &b, least), "MiB/s");
    report("bare_secretstream_push", mib / measure(run_bare_stream, &b, least), "MiB/s");
    for (size_t i = 0; i < COUNT(small); i++)
        report(small[i].name, 1e6 * measure(small[i].run, &b, least), "us");
    free(b.content);
    buf_release(&b.envelope);
    buf_release_secret(&b.out);
    return 0;
}
