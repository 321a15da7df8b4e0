/* The membership's state from bytes, and statements said to it. Inputs that begin with the label of
 * a state are states: what is taken prints back to the same bytes and goes on to the next epoch.
 * All others are a program: what entries say to a federation of five, byte by byte, signed by the
 * right keys, so that it comes far. */
#include "server/ledger/members/members.h"

#include "server/base/text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N 5
#define STEPS 12 /* signing is slow under the sanitizers */
static const char label[] = "cairn-members/1";

static struct sign_key key_of(uint8_t number, uint8_t purpose)
{
    struct sign_key k;
    uint8_t seed[SIGN_SEED_BYTES] = { number, purpose };
    sign_key_from_seed(seed, &k);
    return k;
}

static struct member member_of(uint8_t number)
{
    struct member m = { .number = number, .role = MEMBER_VALIDATOR };
    (void)snprintf(m.name, sizeof(m.name), "m-%u", number);
    (void)snprintf(m.endpoint, sizeof(m.endpoint), "http://m-%u:1", number);
    uint8_t *const keys[] = { m.member_key, m.vote_key, m.cosigner_key, m.operator_key };
    for (uint8_t i = 0; i < COUNT(keys); i++) {
        struct sign_key k = key_of(number, i);
        memcpy(keys[i], k.public, SIGN_PUBLIC_BYTES);
    }
    return m;
}

static void check(const struct members *m)
{
    static struct members again;
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    struct buf b;
    assert(n == 1 || n >= MEMBERS_VALIDATORS_MIN);
    buf_init(&b, MEMBERS_STATE_MAX);
    enum err e = members_print(m, &b);
    assert(e == OK);
    e = members_parse(b.data, b.len, &again);
    assert(e == OK);
    buf_release(&b);
}

static void state(const uint8_t *data, size_t size)
{
    static struct members m;
    struct buf b;
    struct core_id id = { { 1 } };
    if (members_parse(data, size, &m) != OK)
        return;
    buf_init(&b, MEMBERS_STATE_MAX);
    enum err e = members_print(&m, &b);
    assert(e == OK && b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    members_block(&m, 77, 3);
    if (members_epoch_ended(&m) && m.epoch < UINT32_MAX) {
        members_next_epoch(&m, &id);
        check(&m);
    }
}

static void set(json_t *v, const char *name, const char *text)
{
    (void)json_object_set_new(v, name, json_string(text));
}

static void set_key(json_t *v, const char *name, const uint8_t key[SIGN_PUBLIC_BYTES])
{
    char text[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
    base64_encode(key, SIGN_PUBLIC_BYTES, text);
    set(v, name, text);
}

static json_t *proposal_of(const struct members *m, const uint8_t *op, const struct id *id)
{
    static const char *const changes[] = { "promote", "demote", "leave", "join", "rekey" };
    const char *change = changes[op[2] % 5];
    struct member who = member_of(op[3] % 9 + 1);
    json_t *v = members_draft(m, "member.propose", id, 0);
    set(v, "change", change);
    (void)json_object_set_new(v, "number", json_integer(who.number));
    if (op[2] % 5 == 4)
        set_key(v, "vote_key", key_of(op[3], 9).public);
    if (op[2] % 5 != 3)
        return v;
    set(v, "name", who.name);
    set(v, "endpoint", who.endpoint);
    set_key(v, "member_key", who.member_key);
    set_key(v, "vote_key", who.vote_key);
    set_key(v, "cosigner_key", who.cosigner_key);
    set_key(v, "operator_key", who.operator_key);
    return v;
}

static json_t *statement_of(const struct members *m, const uint8_t *op, uint64_t step)
{
    struct id id = { { 0 } };
    char text[ID_TEXT_SIZE];
    memcpy(id.bytes, &step, sizeof(step));
    id = id_from_hash(id.bytes);
    switch (op[1] % 4) {
    case 0:
        return proposal_of(m, op, &id);
    case 1: {
        json_t *v = members_draft(m, "member.approve", &id, 0);
        id_text(m->n_pending > 0 ? &m->pending[op[2] % m->n_pending].id : &id, text);
        set(v, "change", text);
        return v;
    }
    default: {
        bool commit = op[1] % 4 == 2;
        uint8_t bytes[HASH_BYTES] = { op[2] % 4 }, commitment[HASH_BYTES];
        char base64[BASE64_SIZE(HASH_BYTES)];
        json_t *v = members_draft(m, commit ? "seed.commit" : "seed.open", &id, 0);
        members_commitment(m, (uint16_t)(op[0] % 7 + 1), bytes, commitment);
        base64_encode(commit ? commitment : bytes, HASH_BYTES, base64);
        set(v, commit ? "commitment" : "opening", base64);
        return v;
    }
    }
}

static void say(struct members *m, const uint8_t *op, uint64_t step)
{
    static struct members before;
    struct statement s;
    const char *refused = NULL;
    bool boundary = false;
    struct core_id id = { { (uint8_t)step } };
    uint8_t by = (uint8_t)(op[0] % 7 + 1);
    struct sign_key k = key_of(by, op[1] % 4 < 2 ? 3 : 0);
    enum err e = statement_sign(statement_of(m, op, step), &k, &s);
    assert(e == OK);
    memcpy(&before, m, sizeof(before));
    e = members_apply(m, by, s.canonical, s.canonical_len, &refused, &boundary);
    assert(e == OK && boundary == (members_epoch_ended(m) && !members_epoch_ended(&before)));
    assert(refused == NULL || memcmp(&before, m, sizeof(before)) == 0);
    statement_release(&s);
    if (boundary)
        members_next_epoch(m, &id);
    else if (op[0] > 200)
        members_block(m, step + op[0], step);
}

static void program(const uint8_t *data, size_t size)
{
    static struct genesis g;
    static struct members m;
    const char *refused;
    bool boundary;
    uint8_t hash[HASH_BYTES] = { 5 };
    memset(&g, 0, sizeof(g));
    for (uint8_t i = 1; i <= N; i++)
        g.members[g.n++] = member_of(i);
    members_init(&m, &g, hash);
    enum err e = members_apply(&m, 1, (const char *)data, size, &refused, &boundary);
    assert(e == OK && !boundary);
    for (size_t at = 0; at + 4 <= size && at < 4 * STEPS; at += 4)
        say(&m, data + at, at);
    check(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= sizeof(label) - 1 && memcmp(data, label, sizeof(label) - 1) == 0)
        state(data, size);
    else
        program(data, size);
    return 0;
}
