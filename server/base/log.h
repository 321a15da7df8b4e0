/* Log: one JSON object per line on standard error. Three complaints: assert() aborts (also in
 * release), log_bug is our fault but survivable, log_peer is the other side's fault. Only the
 * outermost layer logs an error, once, with the request id. Never log a body, a token, a key or a
 * person's value. */
#ifndef CAIRN_BASE_LOG_H
#define CAIRN_BASE_LOG_H

#include "server/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level least);
/* request may be NULL. Thread-safe: a line is written with one write(2). */
void log_line(enum log_level level, const char *event, const char *request, const char *fmt, ...)
    PRINTF(4, 5);

#define log_info(event, ...) log_line(LOG_INFO, event, NULL, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_WARN, event, NULL, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR, event, NULL, __VA_ARGS__)
#define log_bug(...) log_line(LOG_ERROR, "bug", NULL, __VA_ARGS__)
#define log_peer(...) log_line(LOG_WARN, "peer", NULL, __VA_ARGS__)

#endif
