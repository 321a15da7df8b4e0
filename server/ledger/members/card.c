/* One member as text: names, endpoints, keys, and the card that it hands to the others. */
#include "server/ledger/members/members_internal.h"

#include "server/base/text.h"

#include <assert.h>

const char *member_role_name(uint8_t role)
{
    static const char *const names[] = { "", "observer", "candidate", "validator", "gone" };
    return role < COUNT(names) ? names[role] : "";
}

bool member_name_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len >= 1 && len <= MEMBER_NAME_MAX && name[len] == '\0';
}

/* The length of the host at the front of text, brackets included; 0 if there is none. */
static size_t host_length(const char *text)
{
    if (text[0] == '[') {
        size_t len = strspn(text + 1, "0123456789abcdef:.");
        return len >= 2 && text[1 + len] == ']' ? len + 2 : 0;
    }
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    return len > 0 && text[0] != '.' && text[0] != '-' ? len : 0;
}

bool member_endpoint_split(const char *endpoint, bool *ret_tls,
                           char ret_host[MEMBER_ENDPOINT_MAX + 1], uint16_t *ret_port)
{
    bool plain = strncmp(endpoint, "http://", 7) == 0;
    bool tls = strncmp(endpoint, "https://", 8) == 0;
    uint64_t port = 0;
    if ((!plain && !tls) || strlen(endpoint) > MEMBER_ENDPOINT_MAX)
        return false;
    const char *host = endpoint + (tls ? 8 : 7);
    size_t len = host_length(host);
    if (len == 0 || host[len] != ':' || !u64_parse(host + len + 1, strlen(host + len + 1), &port) ||
        port < 1 || port > UINT16_MAX)
        return false;
    size_t bracket = host[0] == '[' ? 1 : 0;
    (void)snprintf(ret_host, MEMBER_ENDPOINT_MAX + 1, "%.*s", (int)(len - 2 * bracket),
                   host + bracket);
    *ret_tls = tls;
    *ret_port = (uint16_t)port;
    return true;
}

void member_fields(struct member *m, struct member_text *t, struct field ret[MEMBER_FIELDS])
{
    const struct field fields[MEMBER_FIELDS] = {
        F_INT("number", &t->number, 1, UINT16_MAX),
        F_TEXT("name", &t->name, 1, MEMBER_NAME_MAX),
        F_TEXT("endpoint", &t->endpoint, 1, MEMBER_ENDPOINT_MAX),
        F_BYTES("member_key", m->member_key, SIGN_PUBLIC_BYTES),
        F_BYTES("vote_key", m->vote_key, SIGN_PUBLIC_BYTES),
        F_BYTES("cosigner_key", m->cosigner_key, SIGN_PUBLIC_BYTES),
        F_BYTES("operator_key", m->operator_key, SIGN_PUBLIC_BYTES),
    };
    memcpy(ret, fields, sizeof(fields));
}

enum err member_finish(struct member *m, const struct member_text *t, const char *prefix,
                       struct problem *p)
{
    char pointer[PROBLEM_POINTER_MAX], host[MEMBER_ENDPOINT_MAX + 1];
    bool tls;
    uint16_t port;
    if (!member_name_valid(t->name)) {
        (void)snprintf(pointer, sizeof(pointer), "%s/name", prefix);
        return problem_set(p, ERR_FIELD_FORMAT, pointer, "A name has 1 to %d of a-z, 0-9 and -.",
                           MEMBER_NAME_MAX);
    }
    if (!member_endpoint_split(t->endpoint, &tls, host, &port)) {
        (void)snprintf(pointer, sizeof(pointer), "%s/endpoint", prefix);
        return problem_set(p, ERR_FIELD_FORMAT, pointer,
                           "An endpoint is http://HOST:PORT or https://HOST:PORT and no more, in "
                           "lower case.");
    }
    m->number = (uint16_t)t->number;
    /* What was prefilled and not read lies there already. */
    memmove(m->name, t->name, strlen(t->name) + 1);
    memmove(m->endpoint, t->endpoint, strlen(t->endpoint) + 1);
    return OK;
}

const uint8_t *member_key_at(const struct member *m, size_t i)
{
    const uint8_t *const keys[MEMBER_KEYS] = { m->member_key, m->vote_key, m->cosigner_key,
                                               m->operator_key };
    assert(i < MEMBER_KEYS);
    return keys[i];
}

static bool keys_meet(const struct member *a, const struct member *b)
{
    for (size_t i = 0; i < MEMBER_KEYS; i++)
        for (size_t k = 0; k < MEMBER_KEYS; k++)
            if ((a != b || i != k) &&
                memcmp(member_key_at(a, i), member_key_at(b, k), SIGN_PUBLIC_BYTES) == 0)
                return true;
    return false;
}

const char *member_clash(const struct member *list, size_t n, const struct member *x)
{
    if (keys_meet(x, x))
        return "member.key_used";
    for (size_t i = 0; i < n; i++) {
        const struct member *other = &list[i];
        if (other->number == x->number)
            continue;
        if (keys_meet(other, x))
            return "member.key_used";
        if (other->role == MEMBER_GONE || x->role == MEMBER_GONE)
            continue;
        if (strcmp(other->name, x->name) == 0)
            return "member.name_used";
        if (strcmp(other->endpoint, x->endpoint) == 0)
            return "member.endpoint_used";
    }
    return NULL;
}

static bool set_key(json_t *object, const char *name, const uint8_t key[SIGN_PUBLIC_BYTES])
{
    char text[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
    base64_encode(key, SIGN_PUBLIC_BYTES, text);
    return json_object_set_new(object, name, json_string(text)) == 0;
}

json_t *member_json(const struct member *m)
{
    json_t *v = json_pack("{s:i, s:s, s:s}", "number", (int)m->number, "name", m->name, "endpoint",
                          m->endpoint);
    if (v == NULL)
        return NULL;
    if (set_key(v, "member_key", m->member_key) && set_key(v, "vote_key", m->vote_key) &&
        set_key(v, "cosigner_key", m->cosigner_key) && set_key(v, "operator_key", m->operator_key))
        return v;
    json_decref(v);
    return NULL;
}

enum err member_card_print(const struct member *m, struct buf *ret)
{
    json_t *v = member_json(m);
    if (v == NULL)
        return ERR_NO_MEMORY;
    enum err e = json_canonical(v, ret);
    json_decref(v);
    return e;
}

static enum err read_card(const json_t *v, struct member *ret, struct problem *p)
{
    struct member m = { 0 };
    struct member_text t;
    struct field fields[MEMBER_FIELDS];
    member_fields(&m, &t, fields);
    enum err e = fields_read(v, "", fields, MEMBER_FIELDS, p);
    if (e == OK)
        e = member_finish(&m, &t, "", p);
    if (e == OK && keys_meet(&m, &m))
        e = problem_set(p, ERR_FIELD_FORMAT, "", "Two of the keys are the same.");
    if (e == OK)
        *ret = m;
    return e;
}

enum err member_card_parse(const char *text, size_t len, struct member *ret, struct problem *p)
{
    struct buf b;
    struct member m;
    json_t *v = NULL;
    if (len > MEMBER_CARD_MAX)
        return problem_set(p, ERR_LIMIT, "", "A card has at most %d bytes.", MEMBER_CARD_MAX);
    enum err e = json_read(text, len, &v, p);
    if (e != OK)
        return e;
    e = read_card(v, &m, p);
    json_decref(v);
    buf_init(&b, MEMBER_CARD_MAX);
    if (e == OK && (e = member_card_print(&m, &b)) == OK &&
        (b.len != len || memcmp(b.data, text, len) != 0))
        e = problem_set(p, ERR_FIELD_FORMAT, "", "The card is not in canonical form.");
    buf_release(&b);
    if (e == OK)
        *ret = m;
    return e;
}
