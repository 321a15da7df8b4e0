/* The strict scanner of request heads (RFC 9110, RFC 9112, taken at their narrowest). It sees every
 * byte of a connection before libmicrohttpd does and accepts only what every HTTP/1.1 parser reads
 * the same way, so that no two parsers can disagree on where a request ends. It follows a stream of
 * pipelined requests: head, body by Content-Length skipped, next head. Pure: no I/O, no allocation,
 * the answer does not depend on how the bytes are cut into pieces. One thread per struct. */
#ifndef CAIRN_API_HTTP_HEAD_H
#define CAIRN_API_HTTP_HEAD_H

#include "server/base/err.h"

#define HEAD_BYTES_MAX 16384 /* request line and fields with their line ends: 431 beyond */
#define HEAD_TARGET_MAX 2048 /* request target: 414 beyond */
#define HEAD_FIELDS_MAX 64   /* 431 beyond */
#define HEAD_PARAMS_MAX 32   /* query parameters, before the route's own limit: 400 beyond */
#define HEAD_METHOD_MAX 16
#define HEAD_VALUE_MAX 255 /* of Host, Content-Length and Expect */
/* libmicrohttpd keeps a record for each field, parameter and cookie in the connection's memory
 * beside the head itself; this bounds the sum, so that what the scanner takes always fits there. */
#define HEAD_RECORD_COST 64
#define HEAD_COST_MAX 18432

enum head_state {
    HEAD_METHOD,
    HEAD_TARGET,
    HEAD_PATH,
    HEAD_PERCENT_1,
    HEAD_PERCENT_2,
    HEAD_QUERY,
    HEAD_VERSION,
    HEAD_LINE_LF,
    HEAD_FIELD,
    HEAD_NAME,
    HEAD_SPACE,
    HEAD_VALUE,
    HEAD_VALUE_LF,
    HEAD_LAST_LF,
    HEAD_BODY,
    HEAD_REFUSED
};

/* Plain memory; everything but the first group is the scanner's own. */
struct head_scan {
    uint64_t requests; /* heads taken so far */
    size_t
        boundary; /* within the bytes last fed: where the last complete request ends, 0 if none */

    enum head_state state;
    enum err error; /* of HEAD_REFUSED; stays */
    size_t bytes, target, cost;
    unsigned fields, params;
    unsigned segment, dots; /* length of the path segment, and how many of it are dots */
    bool in_query;
    unsigned percent;
    uint32_t seen; /* bits of the fields that may come once */
    int field;     /* which known field, or -1 */
    uint64_t content_length, body_left;
    unsigned method_len, name_len, value_len, version_len;
    char method[HEAD_METHOD_MAX + 1];
    char name[20];
    char version[9];
    char value[HEAD_VALUE_MAX + 1];
};

void head_scan_init(struct head_scan *s);
/* Takes the next bytes. The first refusal is final: it is given again for whatever follows. */
enum err head_scan_feed(struct head_scan *s, const void *bytes, size_t len) MUST_USE;
/* True between the first byte of a head and its end. */
bool head_scan_in_head(const struct head_scan *s);
/* True when a body has begun or is due and has not ended. */
bool head_scan_in_body(const struct head_scan *s);

#endif
