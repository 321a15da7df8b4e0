/* A federation with keys of its own, for tests: the same bytes for the same arguments. Member N's
 * keys come from seeds that name it, so statements of anybody can be made at will. */
#ifndef CAIRN_TESTS_MEMBERS_SAMPLE_H
#define CAIRN_TESTS_MEMBERS_SAMPLE_H

#include "server/base/text.h"
#include "server/ledger/members/members.h"
#include "tests/lib/prop.h"

#include <assert.h>
#include <stdio.h>

enum sample_purpose { SAMPLE_MEMBER, SAMPLE_VOTE, SAMPLE_COSIGNER, SAMPLE_OPERATOR, SAMPLE_LOG };
#define SAMPLE_TIME (INT64_C(1789000000) * USEC_PER_SEC)

/* generation: 0 at first, more after a re-key. */
static inline struct sign_key sample_key(unsigned number, enum sample_purpose purpose,
                                         unsigned generation)
{
    struct sign_key k;
    uint8_t seed[SIGN_SEED_BYTES];
    char text[64];
    int len = snprintf(text, sizeof(text), "%u/%d/%u", number, (int)purpose, generation);
    sha256(text, (size_t)len, seed);
    sign_key_from_seed(seed, &k);
    return k;
}

static inline struct member sample_member(unsigned number, enum member_role role)
{
    struct member m = { .number = (uint16_t)number, .role = (uint8_t)role };
    (void)snprintf(m.name, sizeof(m.name), "institute-%u", number);
    (void)snprintf(m.endpoint, sizeof(m.endpoint), "http://10.0.%u.%u:8480", number / 256,
                   number % 256);
    uint8_t *const keys[] = { m.member_key, m.vote_key, m.cosigner_key, m.operator_key };
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct sign_key k = sample_key(number, (enum sample_purpose)i, 0);
        memcpy(keys[i], k.public, SIGN_PUBLIC_BYTES);
    }
    return m;
}

/* Members 1..validators vote, then come candidates, then observers. */
static inline void sample_genesis(size_t validators, size_t candidates, size_t observers,
                                  struct genesis *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)snprintf(ret->federation, sizeof(ret->federation), "test.example/cairn");
    ret->t0_ms = 500;
    for (unsigned i = 0; i < 2; i++) {
        struct sign_key k = sample_key(i, SAMPLE_LOG, 0);
        memcpy(ret->log_key[i], k.public, SIGN_PUBLIC_BYTES);
    }
    for (size_t i = 0; i < validators + candidates + observers; i++)
        ret->members[ret->n++] =
            sample_member((unsigned)i + 1, i < validators                ? MEMBER_VALIDATOR
                                           : i < validators + candidates ? MEMBER_CANDIDATE
                                                                         : MEMBER_OBSERVER);
}

static inline void sample_members(size_t validators, size_t candidates, size_t observers,
                                  struct members *ret)
{
    static struct genesis g;
    struct buf b;
    uint8_t hash[HASH_BYTES];
    sample_genesis(validators, candidates, observers, &g);
    buf_init(&b, GENESIS_MAX);
    enum err e = genesis_print(&g, &b);
    assert(e == OK);
    sha256(b.data, b.len, hash);
    buf_release(&b);
    members_init(ret, &g, hash);
}

static inline struct id sample_id(uint64_t n)
{
    uint8_t hash[HASH_BYTES];
    sha256_two("id", 2, &n, sizeof(n), hash);
    return id_from_hash(hash);
}

static inline void sample_hash(uint64_t n, uint8_t ret[HASH_BYTES])
{
    sha256_two("hash", 4, &n, sizeof(n), ret);
}

static inline struct core_id sample_block(uint64_t n)
{
    struct core_id id;
    sample_hash(n, id.bytes);
    return id;
}

/* Signs the object (a reference that it takes) and applies it as an entry of member `number`.
 * Returns the refusal. */
static inline const char *sample_say(struct members *m, unsigned number, json_t *object,
                                     const struct sign_key *key, bool *ret_boundary)
{
    struct statement s;
    const char *refused = "nothing";
    enum err e = statement_sign(object, key, &s);
    assert(e == OK);
    e = members_apply(m, (uint16_t)number, s.canonical, s.canonical_len, &refused, ret_boundary);
    assert(e == OK);
    statement_release(&s);
    return refused;
}

static inline json_t *sample_draft(const struct members *m, const char *kind, uint64_t id)
{
    struct id as_id = sample_id(id);
    return members_draft(m, kind, &as_id, SAMPLE_TIME);
}

static inline void sample_set_text(json_t *object, const char *name, const char *text)
{
    int failed = json_object_set_new(object, name, json_string(text));
    assert(failed == 0);
}

static inline void sample_set_bytes(json_t *object, const char *name, const uint8_t *bytes,
                                    size_t len)
{
    static char text[BASE64_SIZE(2048)];
    assert(len <= 2048);
    base64_encode(bytes, len, text);
    sample_set_text(object, name, text);
}

static inline void sample_set_number(json_t *object, const char *name, int64_t n)
{
    int failed = json_object_set_new(object, name, json_integer(n));
    assert(failed == 0);
}

/* member.propose about a number; the draft can still be changed. */
static inline json_t *sample_proposal(const struct members *m, uint64_t id, const char *change,
                                      unsigned about)
{
    json_t *v = sample_draft(m, "member.propose", id);
    sample_set_text(v, "change", change);
    sample_set_number(v, "number", about);
    return v;
}

static inline json_t *sample_join(const struct members *m, uint64_t id, const struct member *who)
{
    json_t *v = sample_proposal(m, id, "join", who->number);
    sample_set_text(v, "name", who->name);
    sample_set_text(v, "endpoint", who->endpoint);
    sample_set_bytes(v, "member_key", who->member_key, SIGN_PUBLIC_BYTES);
    sample_set_bytes(v, "vote_key", who->vote_key, SIGN_PUBLIC_BYTES);
    sample_set_bytes(v, "cosigner_key", who->cosigner_key, SIGN_PUBLIC_BYTES);
    sample_set_bytes(v, "operator_key", who->operator_key, SIGN_PUBLIC_BYTES);
    return v;
}

static inline const char *sample_propose(struct members *m, unsigned by, json_t *proposal,
                                         bool *ret_boundary)
{
    struct sign_key k = sample_key(by, SAMPLE_OPERATOR, 0);
    return sample_say(m, by, proposal, &k, ret_boundary);
}

static inline const char *sample_approve(struct members *m, unsigned by, uint64_t id,
                                         bool *ret_boundary)
{
    char text[ID_TEXT_SIZE];
    struct id as_id = sample_id(id);
    struct sign_key k = sample_key(by, SAMPLE_OPERATOR, 0);
    id_text(&as_id, text);
    json_t *v = sample_draft(m, "member.approve", id * 1000 + by);
    sample_set_text(v, "change", text);
    return sample_say(m, by, v, &k, ret_boundary);
}

/* Proposes as member `by` and approves as validators 1, 2, .. until the epoch ends; steps to the
 * next epoch. Returns the refusal, if any. */
static inline const char *sample_change(struct members *m, unsigned by, json_t *proposal,
                                        uint64_t id)
{
    bool boundary = false;
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    const char *refused = sample_propose(m, by, proposal, &boundary);
    for (uint16_t i = 0; i < n && refused == NULL && !boundary; i++)
        if (who[i] != by)
            refused = sample_approve(m, who[i], id, &boundary);
    if (refused != NULL)
        return refused;
    assert(boundary && members_epoch_ended(m));
    struct core_id block = sample_block(id);
    members_next_epoch(m, &block);
    return NULL;
}

static inline void sample_opening(const struct members *m, unsigned number, uint8_t ret[HASH_BYTES])
{
    uint64_t both[2] = { m->epoch, number };
    sha256_two("opening", 7, both, sizeof(both), ret);
}

static inline const char *sample_commit(struct members *m, unsigned number)
{
    uint8_t opening[HASH_BYTES], commitment[HASH_BYTES];
    struct sign_key k = sample_key(number, SAMPLE_MEMBER, 0);
    bool boundary;
    sample_opening(m, number, opening);
    members_commitment(m, (uint16_t)number, opening, commitment);
    json_t *v = sample_draft(m, "seed.commit", number);
    sample_set_bytes(v, "commitment", commitment, sizeof(commitment));
    return sample_say(m, number, v, &k, &boundary);
}

static inline const char *sample_open(struct members *m, unsigned number)
{
    uint8_t opening[HASH_BYTES];
    struct sign_key k = sample_key(number, SAMPLE_MEMBER, 0);
    bool boundary;
    sample_opening(m, number, opening);
    json_t *v = sample_draft(m, "seed.open", number);
    sample_set_bytes(v, "opening", opening, sizeof(opening));
    return sample_say(m, number, v, &k, &boundary);
}

/* The state as it is stored; the caller releases it. */
static inline struct buf sample_bytes(const struct members *m)
{
    struct buf b;
    buf_init(&b, MEMBERS_STATE_MAX);
    enum err e = members_print(m, &b);
    assert(e == OK);
    return b;
}

#endif
