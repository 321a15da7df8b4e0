#include "api/http/head_field.h"

#include <string.h>
#include <strings.h>

enum known {
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_COOKIE,
    FIELD_AUTHORIZATION,
    FIELD_CONTENT_TYPE,
    FIELD_IDEMPOTENCY_KEY,
    FIELD_IF_MATCH,
    FIELD_TRACEPARENT,
    FIELD_CONTENT_DIGEST,
    FIELD_SIGNATURE_INPUT,
    FIELD_SIGNATURE,
    FIELD_CAIRN_MEMBER,
    FIELD_ON_BEHALF_OF
};

/* A second one of these would let two readers of the head take different values. */
static const char *const once[] = {
    [FIELD_HOST] = "host",
    [FIELD_CONTENT_LENGTH] = "content-length",
    [FIELD_TRANSFER_ENCODING] = "transfer-encoding",
    [FIELD_EXPECT] = "expect",
    [FIELD_COOKIE] = "cookie",
    [FIELD_AUTHORIZATION] = "authorization",
    [FIELD_CONTENT_TYPE] = "content-type",
    [FIELD_IDEMPOTENCY_KEY] = "idempotency-key",
    [FIELD_IF_MATCH] = "if-match",
    [FIELD_TRACEPARENT] = "traceparent",
    [FIELD_CONTENT_DIGEST] = "content-digest",
    [FIELD_SIGNATURE_INPUT] = "signature-input",
    [FIELD_SIGNATURE] = "signature",
    [FIELD_CAIRN_MEMBER] = "cairn-member",
    [FIELD_ON_BEHALF_OF] = "cairn-on-behalf-of",
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool alnum(char c)
{
    return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool head_tchar(unsigned char c)
{
    /* '-' first, for speed: it is the only one that is common. */
    return alnum((char)c) || c == '-' || (c != 0 && strchr("!#$%&'*+.^_`|~", c) != NULL);
}

enum err head_field_begin(struct head_scan *s)
{
    s->field = -1;
    s->value_len = 0;
    if (s->name_len >= sizeof(s->name))
        return OK; /* longer than any name we know */
    s->name[s->name_len] = '\0';
    for (int i = 0; i < (int)COUNT(once); i++) {
        if (strcmp(s->name, once[i]) != 0)
            continue;
        /* Two Transfer-Encoding fields are one list, refused at the end of the head. */
        if ((s->seen & (1u << i)) != 0 && i != FIELD_TRANSFER_ENCODING)
            return ERR_HTTP_MALFORMED;
        s->seen |= 1u << i;
        s->field = i;
        return OK;
    }
    return OK;
}

enum err head_field_byte(struct head_scan *s, unsigned char c)
{
    if (s->field == FIELD_COOKIE) {
        /* Kept a second time, with a record for each pair. */
        s->cost += c == ';' || c == ',' || c == '=' ? 1u + HEAD_RECORD_COST : 1u;
        return OK;
    }
    if (s->field != FIELD_HOST && s->field != FIELD_CONTENT_LENGTH && s->field != FIELD_EXPECT)
        return OK;
    if (s->value_len >= HEAD_VALUE_MAX)
        return ERR_HTTP_MALFORMED;
    s->value[s->value_len++] = (char)c;
    return OK;
}

static bool port_valid(const char *text)
{
    size_t len = strspn(text, "0123456789");
    return len >= 1 && len <= 5 && text[len] == '\0';
}

/* RFC 3986 3.2.2, without the rare sub-delimiters and percent forms: a name, an IPv4 address or a
 * bracketed IPv6 address, and perhaps a port. */
static bool host_valid(const char *text)
{
    size_t len = 0;
    if (text[0] == '[') {
        len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        if (len < 3 || text[len] != ']')
            return false;
        len++;
    } else {
        while (alnum(text[len]) || text[len] == '-' || text[len] == '.' || text[len] == '_')
            len++;
        if (len == 0)
            return false;
    }
    return text[len] == '\0' || (text[len] == ':' && port_valid(text + len + 1));
}

static enum err content_length(struct head_scan *s)
{
    if (s->value_len == 0 || s->value_len > 18)
        return ERR_HTTP_MALFORMED;
    uint64_t n = 0;
    for (unsigned i = 0; i < s->value_len; i++) {
        if (!digit(s->value[i]))
            return ERR_HTTP_MALFORMED;
        n = n * 10 + (uint64_t)(s->value[i] - '0');
    }
    s->content_length = n;
    return OK;
}

enum err head_field_end(struct head_scan *s)
{
    if (s->field < 0)
        return OK;
    s->value[s->value_len] = '\0';
    switch (s->field) {
    case FIELD_HOST:
        return strlen(s->value) == s->value_len && host_valid(s->value) ? OK : ERR_HTTP_MALFORMED;
    case FIELD_CONTENT_LENGTH:
        return content_length(s);
    case FIELD_EXPECT:
        return strcasecmp(s->value, "100-continue") == 0 ? OK : ERR_HTTP_EXPECT;
    default:
        return OK;
    }
}

static bool bodiless(const char *method)
{
    static const char *const names[] = { "GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(method, names[i]) == 0)
            return true;
    return false;
}

enum err head_fields_end(const struct head_scan *s)
{
    if ((s->seen & (1u << FIELD_HOST)) == 0)
        return ERR_HTTP_MALFORMED;
    if ((s->seen & (1u << FIELD_TRANSFER_ENCODING)) != 0) {
        bool both = (s->seen & (1u << FIELD_CONTENT_LENGTH)) != 0;
        return both ? ERR_HTTP_MALFORMED : ERR_HTTP_LENGTH_REQUIRED;
    }
    return s->content_length > 0 && bodiless(s->method) ? ERR_HTTP_MALFORMED : OK;
}
