#include "server/peer/httpsig.h"

#include "server/base/text.h"
#include "server/peer/fields_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL "cairn"
#define TAG "cairn-peer"
#define COMPONENTS_MAX 16
#define COVER_MAX 224
#define BASE_MAX 8192

/* ---- Content-Digest and Cairn-Member --------------------------------------------------- */

void httpsig_digest_print(const void *body, size_t len, char ret[HTTPSIG_DIGEST_SIZE])
{
    uint8_t hash[HASH_BYTES];
    char text[BASE64_SIZE(HASH_BYTES)];
    sha256(body, len, hash);
    base64_encode(hash, sizeof(hash), text);
    (void)snprintf(ret, HTTPSIG_DIGEST_SIZE, "sha-256=:%s:", text);
}

bool httpsig_digest_parse(const char *text, uint8_t ret[HASH_BYTES])
{
    struct span s = span_of(text);
    return span_eat(&s, "sha-256=") && span_bytes(&s, ret, HASH_BYTES) && span_ended(&s);
}

void httpsig_member_print(const struct httpsig_member *m, char ret[HTTPSIG_MEMBER_SIZE])
{
    char text[BASE64_SIZE(HASH_BYTES)];
    base64_encode(m->genesis, sizeof(m->genesis), text);
    (void)snprintf(ret, HTTPSIG_MEMBER_SIZE, "from=%u, to=%u, genesis=:%s:", m->from, m->to, text);
}

static bool eat_member_number(struct span *s, uint16_t *ret)
{
    uint64_t n = 0;
    if (!span_number(s, UINT16_MAX, &n) || n == 0)
        return false;
    *ret = (uint16_t)n;
    return true;
}

bool httpsig_member_parse(const char *text, struct httpsig_member *ret)
{
    struct httpsig_member m;
    struct span s = span_of(text);
    bool ok = span_eat(&s, "from=") && eat_member_number(&s, &m.from) && span_eat(&s, ", to=") &&
              eat_member_number(&s, &m.to) && span_eat(&s, ", genesis=") &&
              span_bytes(&s, m.genesis, sizeof(m.genesis)) && span_ended(&s);
    if (ok)
        *ret = m;
    return ok;
}

/* ---- the signature base (RFC 9421 2.5) ------------------------------------------------- */

/* NULL when the message does not have it. */
static const char *component_value(const struct httpsig_message *m, const char *name)
{
    if (name[0] != '@')
        return m->field(m->arg, name);
    if (strcmp(name, "@method") == 0)
        return m->method;
    if (strcmp(name, "@path") == 0)
        return m->path;
    if (strcmp(name, "@authority") == 0)
        return m->authority;
    return strcmp(name, "@query") == 0 ? m->query : NULL;
}

static bool visible(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text >= 0x7f)
            return false;
    return true;
}

static enum err add_component(const struct httpsig_message *m, const char *name, struct buf *ret)
{
    const char *value = component_value(m, name);
    if (value == NULL || !visible(value))
        return ERR_SYNTAX;
    /* RFC 9421 2.2.7: the question mark belongs to the value. */
    const char *mark = strcmp(name, "@query") == 0 ? "?" : "";
    return buf_addf(ret, "\"%s\": %s%s\n", name, mark, value);
}

/* One quoted name of the list. */
static bool eat_name(struct span *s, char *ret, size_t size)
{
    size_t len = 0;
    if (!span_eat(s, "\""))
        return false;
    while (s->at < s->end && *s->at != '"' && len + 1 < size) {
        char c = *s->at++;
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-@", c) == NULL)
            return false;
        ret[len++] = c;
    }
    ret[len] = '\0';
    return len > 0 && span_eat(s, "\"");
}

static bool repeated(char names[][24], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], names[n]) == 0)
            return true;
    return false;
}

enum err httpsig_base(const struct httpsig_message *m, const char *params, size_t len,
                      struct buf *ret)
{
    char names[COMPONENTS_MAX][24];
    struct span s = { params, params + len };
    size_t n = 0;
    if (!span_eat(&s, "("))
        return ERR_SYNTAX;
    while (!span_eat(&s, ")")) {
        if (n == COMPONENTS_MAX || (n > 0 && !span_eat(&s, " ")) ||
            !eat_name(&s, names[n], sizeof(names[n])) || repeated(names, n))
            return ERR_SYNTAX;
        enum err e = add_component(m, names[n++], ret);
        if (e != OK)
            return e;
    }
    enum err e = buf_add_str(ret, "\"@signature-params\": ");
    return e == OK ? buf_add(ret, params, len) : e;
}

/* ---- what has to be covered ------------------------------------------------------------ */

static bool has(const struct httpsig_message *m, const char *name)
{
    return m->field(m->arg, name) != NULL;
}

/* Whatever a handler may act on. A body brings its three fields together: one that lacks a digest
 * is found when the base is made. */
static void cover(const struct httpsig_message *m, char ret[COVER_MAX])
{
    bool body = has(m, "content-digest") || has(m, "content-type") || has(m, "content-length");
    (void)snprintf(ret, COVER_MAX, "(\"@method\" \"@path\"%s%s \"cairn-member\"%s%s%s)",
                   m->query != NULL ? " \"@query\"" : "",
                   body ? " \"content-digest\" \"content-type\" \"content-length\"" : "",
                   has(m, "cairn-on-behalf-of") ? " \"cairn-on-behalf-of\"" : "",
                   has(m, "idempotency-key") ? " \"idempotency-key\"" : "",
                   has(m, "if-match") ? " \"if-match\"" : "");
}

/* ---- signing --------------------------------------------------------------------------- */

enum err httpsig_sign(const struct httpsig_message *m, const struct httpsig_stamp *s,
                      const struct sign_key *key, struct httpsig_lines *ret)
{
    char list[COVER_MAX], text[BASE64_SIZE(SIGN_BYTES)];
    uint8_t signature[SIGN_BYTES];
    struct buf base;
    cover(m, list);
    int len = snprintf(ret->input, sizeof(ret->input),
                       LABEL "=%s;created=%" PRId64 ";expires=%" PRId64 ";keyid=\"member-%u\""
                             ";nonce=\"%016" PRIx64 "\";alg=\"ed25519\";tag=\"" TAG "\"",
                       list, s->created, s->created + HTTPSIG_LIFETIME_S, s->from, s->nonce);
    if (len < 0 || (size_t)len >= sizeof(ret->input))
        return ERR_LIMIT;
    const size_t label = strlen(LABEL "=");
    buf_init(&base, BASE_MAX);
    enum err e = httpsig_base(m, ret->input + label, (size_t)len - label, &base);
    if (e == OK) {
        sign_detached(key, base.data, base.len, signature);
        base64_encode(signature, sizeof(signature), text);
        (void)snprintf(ret->signature, sizeof(ret->signature), LABEL "=:%s:", text);
    }
    buf_release(&base);
    return e;
}

/* ---- reading --------------------------------------------------------------------------- */

static bool ends_with(const struct span *s, const char *end)
{
    size_t len = strlen(end);
    return (size_t)(s->end - s->at) >= len && memcmp(s->end - len, end, len) == 0;
}

/* The one member of Signature-Input with our tag. */
static enum httpsig_fault find_input(const char *text, struct span *ret_label, struct span *ret)
{
    struct span list = span_of(text), label, value;
    bool bad = false;
    unsigned found = 0;
    while (span_member(&list, &label, &value, &bad)) {
        if (!ends_with(&value, ";tag=\"" TAG "\""))
            continue;
        found++;
        *ret_label = label;
        *ret = value;
    }
    if (bad || found > 1)
        return HTTPSIG_FORM;
    return found == 1 ? HTTPSIG_GOOD : HTTPSIG_UNSIGNED;
}

/* The signature under that label, which must be there once. */
static bool find_signature(const char *text, const struct span *label, uint8_t ret[SIGN_BYTES])
{
    struct span list = span_of(text), name, value;
    bool bad = false;
    unsigned found = 0;
    while (span_member(&list, &name, &value, &bad)) {
        if (!span_equal(&name, label))
            continue;
        found++;
        bad = bad || !span_bytes(&value, ret, SIGN_BYTES) || !span_ended(&value);
    }
    return !bad && found == 1;
}

static bool eat_params(struct span *s, uint16_t *ret_from, struct httpsig_claim *c)
{
    static const uint64_t latest = 99999999999; /* the year 5138 */
    uint64_t created = 0, expires = 0;
    bool ok = span_eat(s, ";created=") && span_number(s, latest, &created) &&
              span_eat(s, ";expires=") && span_number(s, latest, &expires) &&
              span_eat(s, ";keyid=\"member-") && eat_member_number(s, ret_from) &&
              span_eat(s, "\";nonce=\"") && span_hex_u64(s, &c->nonce) &&
              span_eat(s, "\";alg=\"ed25519\";tag=\"" TAG "\"") && span_ended(s);
    c->created = (int64_t)created;
    c->expires = (int64_t)expires;
    return ok && expires > created && expires - created <= HTTPSIG_LIFETIME_S;
}

enum httpsig_fault httpsig_read(const struct httpsig_message *m, struct httpsig_claim *ret)
{
    const char *input = m->field(m->arg, "signature-input");
    const char *signature = m->field(m->arg, "signature");
    const char *member = m->field(m->arg, "cairn-member");
    struct httpsig_claim c = { 0 };
    struct span label, value;
    char list[COVER_MAX];
    uint16_t from = 0;
    if (input == NULL || signature == NULL)
        return HTTPSIG_UNSIGNED;
    enum httpsig_fault fault = find_input(input, &label, &value);
    if (fault != HTTPSIG_GOOD)
        return fault;
    if (!find_signature(signature, &label, c.signature))
        return HTTPSIG_FORM;
    c.params = value.at;
    c.params_len = (size_t)(value.end - value.at);
    cover(m, list);
    if (!span_eat(&value, list))
        return HTTPSIG_COVERAGE;
    if (!eat_params(&value, &from, &c) || member == NULL ||
        !httpsig_member_parse(member, &c.member) || c.member.from != from)
        return HTTPSIG_FORM;
    *ret = c;
    return HTTPSIG_GOOD;
}

bool httpsig_verify(const struct httpsig_message *m, const struct httpsig_claim *c,
                    const uint8_t key[SIGN_PUBLIC_BYTES])
{
    struct buf base;
    buf_init(&base, BASE_MAX);
    bool ok = httpsig_base(m, c->params, c->params_len, &base) == OK &&
              sign_verify(key, base.data, base.len, c->signature);
    buf_release(&base);
    return ok;
}
