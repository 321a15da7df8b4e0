/* The rules of single fields, used by the head scanner alone. Pure. */
#ifndef CAIRN_API_HTTP_HEAD_FIELD_H
#define CAIRN_API_HTTP_HEAD_FIELD_H

#include "api/http/head.h"

/* RFC 9110 5.6.2 token characters. */
bool head_tchar(unsigned char c);
/* Called at the colon: sets s->field, refuses a second one of those that may come once. */
enum err head_field_begin(struct head_scan *s) MUST_USE;
/* Called for each byte of the value that is not leading space. */
enum err head_field_byte(struct head_scan *s, unsigned char c) MUST_USE;
/* Called at the end of the value. */
enum err head_field_end(struct head_scan *s) MUST_USE;
/* Called after the last field: what must be there, and what contradicts itself. */
enum err head_fields_end(const struct head_scan *s) MUST_USE;

#endif
