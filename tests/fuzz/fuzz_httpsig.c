/* The signature fields of a request from outside, one per line: Signature-Input, Signature,
 * Cairn-Member, Content-Digest, query. What is read prints back the same, and nothing but the
 * seeds' own signature verifies. */
#include "server/peer/httpsig.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT, SIGNATURE, MEMBER, DIGEST, QUERY, LINES };

struct lines {
    char text[4096];
    const char *line[LINES];
};

static const char *field(void *arg, const char *name)
{
    static const char *const names[] = { "signature-input", "signature", "cairn-member",
                                         "content-digest" };
    const struct lines *l = arg;
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return l->line[i];
    if (strcmp(name, "content-type") == 0)
        return "application/json";
    return strcmp(name, "content-length") == 0 ? "18" : NULL;
}

static void split(struct lines *l, const uint8_t *data, size_t size)
{
    size_t n = 0;
    memset(l, 0, sizeof(*l));
    memcpy(l->text, data, size < sizeof(l->text) - 1 ? size : sizeof(l->text) - 1);
    for (char *at = l->text; n < LINES && *at != '\0'; n++) {
        l->line[n] = at;
        at += strcspn(at, "\n");
        if (*at == '\n')
            *at++ = '\0';
    }
}

static void check_round_trips(const struct lines *l)
{
    struct httpsig_member m;
    uint8_t hash[HASH_BYTES];
    char text[HTTPSIG_MEMBER_SIZE];
    if (l->line[MEMBER] != NULL && httpsig_member_parse(l->line[MEMBER], &m)) {
        httpsig_member_print(&m, text);
        assert(strcmp(text, l->line[MEMBER]) == 0);
    }
    if (l->line[DIGEST] != NULL && httpsig_digest_parse(l->line[DIGEST], hash))
        assert(strlen(l->line[DIGEST]) == HTTPSIG_DIGEST_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = { 42 };
    struct lines l;
    struct sign_key key;
    struct httpsig_claim c;
    split(&l, data, size);
    check_round_trips(&l);
    const struct httpsig_message m = {
        .method = "POST", .path = "/x", .query = l.line[QUERY], .field = field, .arg = &l
    };
    if (httpsig_read(&m, &c) != HTTPSIG_GOOD)
        return 0;
    assert(c.member.from > 0 && c.expires > c.created);
    sign_key_from_seed(seed, &key);
    assert(!httpsig_verify(&m, &c, key.public) || c.nonce == 0xabc);
    return 0;
}
