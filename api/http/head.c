#include "api/http/head.h"

#include "api/http/head_field.h"

#include <string.h>

/* A new head: what the last one said is forgotten, what the connection has seen is kept. */
static void begin(struct head_scan *s)
{
    s->state = HEAD_METHOD;
    s->bytes = s->target = s->cost = 0;
    s->fields = s->params = 0;
    s->segment = s->dots = 0;
    s->in_query = false;
    s->seen = 0;
    s->field = -1;
    s->content_length = s->body_left = 0;
    s->method_len = s->name_len = s->value_len = s->version_len = 0;
}

void head_scan_init(struct head_scan *s)
{
    memset(s, 0, sizeof(*s));
    begin(s);
}

bool head_scan_in_head(const struct head_scan *s)
{
    return s->state < HEAD_BODY && s->bytes > 0;
}

bool head_scan_in_body(const struct head_scan *s)
{
    return s->state == HEAD_BODY;
}

/* ---- request line --------------------------------------------------------------------- */

static enum err method_byte(struct head_scan *s, unsigned char c)
{
    if (c == ' ' && s->method_len > 0) {
        s->method[s->method_len] = '\0';
        s->state = HEAD_TARGET;
        return OK;
    }
    if (!head_tchar(c) || s->method_len >= HEAD_METHOD_MAX)
        return ERR_HTTP_MALFORMED;
    s->method[s->method_len++] = (char)c;
    return OK;
}

/* "." and ".." would be walked by whatever treats the path as a file name. */
static enum err segment_end(struct head_scan *s)
{
    bool walks = s->segment == s->dots && (s->dots == 1 || s->dots == 2);
    s->segment = s->dots = 0;
    return walks ? ERR_HTTP_MALFORMED : OK;
}

static enum err target_end(struct head_scan *s)
{
    s->state = HEAD_VERSION;
    return s->in_query ? OK : segment_end(s);
}

static enum err path_byte(struct head_scan *s, unsigned char c)
{
    switch (c) {
    case '/':
        if (s->segment == 0)
            return ERR_HTTP_MALFORMED;
        return segment_end(s);
    case '?':
        s->state = HEAD_QUERY;
        s->in_query = true;
        s->params = 1;
        s->cost += HEAD_RECORD_COST;
        return segment_end(s);
    case '%':
        s->state = HEAD_PERCENT_1;
        return OK;
    default:
        s->segment++;
        s->dots += c == '.';
        return OK;
    }
}

static enum err query_byte(struct head_scan *s, unsigned char c)
{
    if (c == '%') {
        s->state = HEAD_PERCENT_1;
    } else if (c == '&') {
        s->cost += HEAD_RECORD_COST;
        if (++s->params > HEAD_PARAMS_MAX)
            return ERR_QUERY;
    }
    return OK;
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err percent_byte(struct head_scan *s, unsigned char c)
{
    int v = hex_value(c);
    if (v < 0)
        return ERR_HTTP_MALFORMED;
    if (s->state == HEAD_PERCENT_1) {
        s->percent = (unsigned)v << 4;
        s->state = HEAD_PERCENT_2;
        return OK;
    }
    unsigned byte = s->percent | (unsigned)v;
    if (byte == 0)
        return ERR_HTTP_MALFORMED;
    /* Hidden separators and dots: a path must read the same before and after decoding. */
    if (!s->in_query && (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '.' || byte == '\\'))
        return ERR_HTTP_MALFORMED;
    s->segment++;
    s->state = s->in_query ? HEAD_QUERY : HEAD_PATH;
    return OK;
}

static enum err target_byte(struct head_scan *s, unsigned char c)
{
    if (c == ' ' && (s->state == HEAD_PATH || s->state == HEAD_QUERY))
        return target_end(s);
    if (c <= ' ' || c >= 0x7f || c == '\\' || c == '#')
        return ERR_HTTP_MALFORMED;
    if (++s->target > HEAD_TARGET_MAX)
        return ERR_HTTP_URI_TOO_LONG;
    switch (s->state) {
    case HEAD_TARGET:
        s->state = HEAD_PATH;
        return c == '/' ? OK : ERR_HTTP_MALFORMED;
    case HEAD_PATH:
        return path_byte(s, c);
    case HEAD_QUERY:
        return query_byte(s, c);
    default:
        return percent_byte(s, c);
    }
}

static enum err version_byte(struct head_scan *s, unsigned char c)
{
    if (c != '\r') {
        if (s->version_len >= 8)
            return ERR_HTTP_MALFORMED;
        s->version[s->version_len++] = (char)c;
        return OK;
    }
    const char *v = s->version;
    if (s->version_len != 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' ||
        v[6] != '.' || v[7] < '0' || v[7] > '9')
        return ERR_HTTP_MALFORMED;
    s->state = HEAD_LINE_LF;
    return v[5] == '1' && v[7] == '1' ? OK : ERR_HTTP_VERSION;
}

/* ---- fields --------------------------------------------------------------------------- */

static enum err name_byte(struct head_scan *s, unsigned char c)
{
    if (c == ':' && s->name_len > 0) {
        s->state = HEAD_SPACE;
        return head_field_begin(s);
    }
    if (!head_tchar(c))
        return ERR_HTTP_MALFORMED; /* also a space before the colon, and a line without one */
    if (s->name_len < sizeof(s->name))
        s->name[s->name_len++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return OK;
}

static enum err field_byte(struct head_scan *s, unsigned char c)
{
    if (c == '\r') {
        s->state = HEAD_LAST_LF;
        return OK;
    }
    /* A line that begins with a space would continue the one before it (obs-fold): no token. */
    if (++s->fields > HEAD_FIELDS_MAX)
        return ERR_HTTP_HEAD_TOO_LARGE;
    s->cost += HEAD_RECORD_COST;
    s->name_len = 0;
    s->state = HEAD_NAME;
    return name_byte(s, c);
}

static enum err value_byte(struct head_scan *s, unsigned char c)
{
    if (c == '\r') {
        s->state = HEAD_VALUE_LF;
        return OK;
    }
    if (s->state == HEAD_SPACE && (c == ' ' || c == '\t'))
        return OK;
    s->state = HEAD_VALUE;
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        return ERR_HTTP_MALFORMED;
    return head_field_byte(s, c);
}

static enum err line_feed(struct head_scan *s, unsigned char c)
{
    if (c != '\n')
        return ERR_HTTP_MALFORMED; /* a bare CR */
    if (s->state == HEAD_LAST_LF) {
        enum err e = head_fields_end(s);
        if (e != OK)
            return e;
        s->requests++;
        s->state = HEAD_BODY;
        s->body_left = s->content_length;
        return OK;
    }
    enum err e = s->state == HEAD_VALUE_LF ? head_field_end(s) : OK;
    s->state = HEAD_FIELD;
    return e;
}

static enum err step(struct head_scan *s, unsigned char c)
{
    if (++s->bytes > HEAD_BYTES_MAX)
        return ERR_HTTP_HEAD_TOO_LARGE;
    if (++s->cost > HEAD_COST_MAX)
        return ERR_HTTP_HEAD_TOO_LARGE;
    switch (s->state) {
    case HEAD_METHOD:
        return method_byte(s, c);
    case HEAD_TARGET:
    case HEAD_PATH:
    case HEAD_QUERY:
    case HEAD_PERCENT_1:
    case HEAD_PERCENT_2:
        return target_byte(s, c);
    case HEAD_VERSION:
        return version_byte(s, c);
    case HEAD_FIELD:
        return field_byte(s, c);
    case HEAD_NAME:
        return name_byte(s, c);
    case HEAD_SPACE:
    case HEAD_VALUE:
        return value_byte(s, c);
    default:
        return line_feed(s, c);
    }
}

enum err head_scan_feed(struct head_scan *s, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    s->boundary = 0;
    if (s->state == HEAD_REFUSED)
        return s->error;
    for (size_t i = 0; i < len;) {
        if (s->state == HEAD_BODY) {
            size_t skip = s->body_left < len - i ? (size_t)s->body_left : len - i;
            s->body_left -= skip;
            i += skip;
        } else {
            enum err e = step(s, at[i++]);
            if (e != OK) {
                s->state = HEAD_REFUSED;
                s->error = e;
                return e;
            }
        }
        if (s->state == HEAD_BODY && s->body_left == 0) {
            s->boundary = i;
            begin(s);
        }
    }
    return OK;
}
