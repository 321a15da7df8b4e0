/* The state as bytes, big endian, one spelling for each state:
 *   "cairn-members/1" genesis[32] epoch u32 seed[32]
 *   n u16, members: number u16 role u8 convicted u8 credit u32 (two's complement), name and
 * endpoint (u8 length, bytes), member, vote, cosigner and operator key n_pending u16, changes: kind
 * u8 id[16] proposer u16 member approvals[16] committed[16] opened[16] fresh[16] limited[16], the
 * commitments of those that committed, the openings of those that opened, earned u32 of each
 * validator prior: n u16, then member u16 and vote key of each schedule_len u16, schedule Sets are
 * bitmaps as in certificates: bit i from the least significant bit of the first byte. */
#include "server/ledger/members/members_internal.h"

#define LABEL "cairn-members/1"
#define SET_BYTES 16

/* ---- writing --------------------------------------------------------------------------------- */

struct writer {
    struct buf *b;
    enum err e; /* of the first that failed; the rest is not written */
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    if (w->e == OK)
        w->e = buf_add(w->b, bytes, len);
}

static void put_number(struct writer *w, uint32_t value, unsigned len)
{
    uint8_t bytes[4];
    for (unsigned i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    put(w, bytes, len);
}

static void put_text(struct writer *w, const char *text)
{
    put_number(w, (uint32_t)strlen(text), 1);
    put(w, text, strlen(text));
}

static void put_set(struct writer *w, const struct core_members *s)
{
    uint8_t bytes[SET_BYTES];
    for (size_t i = 0; i < SET_BYTES; i++)
        bytes[i] = (uint8_t)(s->bits[i / 8] >> (i % 8 * 8));
    put(w, bytes, sizeof(bytes));
}

static void put_member(struct writer *w, const struct member *m)
{
    put_number(w, m->number, 2);
    put_number(w, m->role, 1);
    put_number(w, m->convicted ? 1 : 0, 1);
    put_number(w, (uint32_t)m->credit, 4);
    put_text(w, m->name);
    put_text(w, m->endpoint);
    for (size_t i = 0; i < MEMBER_KEYS; i++)
        put(w, member_key_at(m, i), SIGN_PUBLIC_BYTES);
}

static void put_epoch(struct writer *w, const struct members *m)
{
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    put_set(w, &m->committed);
    put_set(w, &m->opened);
    put_set(w, &m->fresh);
    put_set(w, &m->limited);
    for (uint16_t i = 0; i < n; i++)
        if (core_set_has(&m->committed, i))
            put(w, m->commitment[i], HASH_BYTES);
    for (uint16_t i = 0; i < n; i++)
        if (core_set_has(&m->opened, i))
            put(w, m->opening[i], HASH_BYTES);
    for (uint16_t i = 0; i < n; i++)
        put_number(w, (uint32_t)m->earned[i], 4);
}

enum err members_print(const struct members *m, struct buf *ret)
{
    size_t before = ret->len;
    struct writer w = { ret, OK };
    put(&w, LABEL, strlen(LABEL));
    put(&w, m->genesis, HASH_BYTES);
    put_number(&w, m->epoch, 4);
    put(&w, m->seed, HASH_BYTES);
    put_number(&w, (uint32_t)m->n, 2);
    for (size_t i = 0; i < m->n; i++)
        put_member(&w, &m->list[i]);
    put_number(&w, (uint32_t)m->n_pending, 2);
    for (size_t i = 0; i < m->n_pending; i++) {
        const struct change *c = &m->pending[i];
        put_number(&w, c->kind, 1);
        put(&w, c->id.bytes, ID_BYTES);
        put_number(&w, c->proposer, 2);
        put_member(&w, &c->member);
        put_set(&w, &c->approvals);
    }
    put_epoch(&w, m);
    put_number(&w, m->prior.n, 2);
    for (uint16_t i = 0; i < m->prior.n; i++) {
        put_number(&w, m->prior.member[i], 2);
        put(&w, m->prior.vote_key[i], SIGN_PUBLIC_BYTES);
    }
    put_number(&w, m->schedule_len, 2);
    put(&w, m->schedule, m->schedule_len);
    if (w.e != OK)
        ret->len = before;
    return w.e;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* a read went beyond the end, or a value cannot be */
};

static void take(struct reader *r, void *ret, size_t len)
{
    if (r->bad || len > r->left) {
        r->bad = true;
        memset(ret, 0, len);
        return;
    }
    memcpy(ret, r->at, len);
    r->at += len;
    r->left -= len;
}

static uint32_t take_number(struct reader *r, unsigned len, uint32_t least, uint32_t most)
{
    uint8_t bytes[4];
    uint32_t value = 0;
    take(r, bytes, len);
    for (unsigned i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    if (value < least || value > most)
        r->bad = true;
    return r->bad ? least : value;
}

static int32_t take_points(struct reader *r, int32_t most)
{
    int64_t value = take_number(r, 4, 0, UINT32_MAX);
    if (value > INT32_MAX)
        value -= INT64_C(1) << 32;
    if (value > most || value < -most)
        r->bad = true;
    return r->bad ? 0 : (int32_t)value;
}

static void take_text(struct reader *r, char *ret, uint32_t most)
{
    uint32_t len = take_number(r, 1, 0, most);
    take(r, ret, len);
    ret[len] = '\0';
    if (strlen(ret) != len)
        r->bad = true;
}

/* Only indices below n. */
static struct core_members take_set(struct reader *r, size_t n)
{
    uint8_t bytes[SET_BYTES];
    struct core_members s = { { 0, 0 } };
    take(r, bytes, sizeof(bytes));
    for (size_t i = 0; i < 8 * SET_BYTES; i++) {
        if ((bytes[i / 8] >> (i % 8) & 1) == 0)
            continue;
        if (i >= n)
            r->bad = true;
        core_set_add(&s, i);
    }
    return s;
}

static bool set_within(const struct core_members *small, const struct core_members *large)
{
    return (small->bits[0] & ~large->bits[0]) == 0 && (small->bits[1] & ~large->bits[1]) == 0;
}

static struct member take_member(struct reader *r)
{
    struct member m = { .number = (uint16_t)take_number(r, 2, 1, UINT16_MAX) };
    m.role = (uint8_t)take_number(r, 1, 0, MEMBER_GONE);
    m.convicted = take_number(r, 1, 0, 1) == 1;
    m.credit = take_points(r, CREDIT_MAX);
    take_text(r, m.name, MEMBER_NAME_MAX);
    take_text(r, m.endpoint, MEMBER_ENDPOINT_MAX);
    take(r, m.member_key, SIGN_PUBLIC_BYTES);
    take(r, m.vote_key, SIGN_PUBLIC_BYTES);
    take(r, m.cosigner_key, SIGN_PUBLIC_BYTES);
    take(r, m.operator_key, SIGN_PUBLIC_BYTES);
    return m;
}

static bool texts_valid(const struct member *m)
{
    char host[MEMBER_ENDPOINT_MAX + 1];
    uint16_t port;
    bool tls;
    return member_name_valid(m->name) && member_endpoint_split(m->endpoint, &tls, host, &port);
}

static void take_list(struct reader *r, struct members *m)
{
    m->n = take_number(r, 2, 1, MEMBERS_MAX);
    for (size_t i = 0; i < m->n && !r->bad; i++) {
        struct member *one = &m->list[i];
        *one = take_member(r);
        if ((i > 0 && one->number <= m->list[i - 1].number) || one->role == 0 ||
            (one->convicted && one->credit != -CREDIT_MAX) || !texts_valid(one) ||
            member_clash(m->list, i, one) != NULL)
            r->bad = true;
    }
}

/* Only a number: for the steps up, down and out. */
static bool is_bare(const struct member *m)
{
    static const uint8_t none[SIGN_PUBLIC_BYTES];
    bool bare = m->role == 0 && !m->convicted && m->credit == 0 && m->name[0] == '\0' &&
                m->endpoint[0] == '\0';
    for (size_t i = 0; i < MEMBER_KEYS; i++)
        bare = bare && memcmp(member_key_at(m, i), none, sizeof(none)) == 0;
    return bare;
}

/* As change_propose would have noted it. */
static bool change_shape(const struct members *m, const struct change *c)
{
    const struct member *who = members_find(m, c->member.number);
    if (change_why_impossible(m, c) != NULL)
        return false;
    if (c->kind == CHANGE_JOIN)
        return c->member.role == 0 && c->member.credit == 0 && !c->member.convicted &&
               texts_valid(&c->member);
    if (c->kind == CHANGE_REKEY)
        return who != NULL && c->proposer == c->member.number && texts_valid(&c->member) &&
               strcmp(who->name, c->member.name) == 0;
    return is_bare(&c->member);
}

static void take_pending(struct reader *r, struct members *m, size_t validators)
{
    m->n_pending = take_number(r, 2, 0, MEMBERS_PENDING_MAX);
    for (size_t i = 0; i < m->n_pending && !r->bad; i++) {
        struct change *c = &m->pending[i];
        c->kind = (uint8_t)take_number(r, 1, CHANGE_JOIN, CHANGE_REKEY);
        take(r, c->id.bytes, ID_BYTES);
        c->proposer = (uint16_t)take_number(r, 2, 1, UINT16_MAX);
        c->member = take_member(r);
        c->approvals = take_set(r, validators);
        if (members_find(m, c->proposer) == NULL || !change_shape(m, c))
            r->bad = true;
        for (size_t k = 0; k < i; k++)
            if (m->pending[k].proposer == c->proposer || id_equal(&m->pending[k].id, &c->id))
                r->bad = true;
    }
}

static void take_epoch(struct reader *r, struct members *m, size_t validators)
{
    m->committed = take_set(r, validators);
    m->opened = take_set(r, validators);
    m->fresh = take_set(r, validators);
    m->limited = take_set(r, validators);
    if (!set_within(&m->opened, &m->committed) || !set_within(&m->fresh, &m->opened))
        r->bad = true;
    for (size_t i = 0; i < validators; i++)
        if (core_set_has(&m->committed, i))
            take(r, m->commitment[i], HASH_BYTES);
    for (size_t i = 0; i < validators; i++)
        if (core_set_has(&m->opened, i))
            take(r, m->opening[i], HASH_BYTES);
    for (size_t i = 0; i < validators; i++)
        m->earned[i] = take_points(r, EARNED_MAX);
}

static void take_prior(struct reader *r, struct members *m)
{
    m->prior.n = (uint16_t)take_number(r, 2, 0, CORE_MEMBERS_MAX);
    for (uint16_t i = 0; i < m->prior.n && !r->bad; i++) {
        m->prior.member[i] = (uint16_t)take_number(r, 2, 1, UINT16_MAX);
        take(r, m->prior.vote_key[i], SIGN_PUBLIC_BYTES);
        if (i > 0 && m->prior.member[i] <= m->prior.member[i - 1])
            r->bad = true;
    }
}

/* Nobody is starved and nobody unknown leads. */
static void take_schedule(struct reader *r, struct members *m, size_t validators)
{
    struct core_members led = { { 0, 0 } };
    m->schedule_len = (uint16_t)take_number(r, 2, 1, (uint32_t)(4 * validators));
    take(r, m->schedule, m->schedule_len);
    for (uint16_t i = 0; i < m->schedule_len && !r->bad; i++) {
        if (m->schedule[i] >= validators)
            r->bad = true;
        else
            core_set_add(&led, m->schedule[i]);
    }
    if (core_set_count(&led) != validators)
        r->bad = true;
}

static bool read_state(struct reader *r, struct members *m)
{
    uint8_t label[sizeof(LABEL) - 1];
    uint16_t who[CORE_MEMBERS_MAX];
    take(r, label, sizeof(label));
    if (memcmp(label, LABEL, sizeof(label)) != 0)
        return false;
    take(r, m->genesis, HASH_BYTES);
    m->epoch = take_number(r, 4, 1, UINT32_MAX);
    take(r, m->seed, HASH_BYTES);
    take_list(r, m);
    size_t validators = r->bad ? 0 : members_validators(m, who);
    if (validators == 0 || (validators > 1 && validators < MEMBERS_VALIDATORS_MIN))
        return false;
    take_pending(r, m, validators);
    take_epoch(r, m, validators);
    take_prior(r, m);
    take_schedule(r, m, validators);
    return !r->bad && r->left == 0;
}

enum err members_parse(const uint8_t *bytes, size_t len, struct members *ret)
{
    struct reader r = { .at = bytes, .left = len };
    struct members *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NO_MEMORY;
    bool ok = len <= MEMBERS_STATE_MAX && read_state(&r, m);
    if (ok)
        *ret = *m;
    free(m);
    return ok ? OK : ERR_SYNTAX;
}
