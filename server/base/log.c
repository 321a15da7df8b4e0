#include "server/base/log.h"

#include "server/base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_LINE_MAX 1024

static atomic_int least_level = LOG_INFO;

void log_set_level(enum log_level least)
{
    atomic_store(&least_level, (int)least);
}

/* Escapes into a fixed buffer: a log call must not allocate and must not fail. */
static size_t escape(const char *text, char *ret, size_t size)
{
    size_t out = 0;
    for (; *text != '\0' && out + 7 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            ret[out++] = '\\';
            ret[out++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            out += (size_t)snprintf(ret + out, size - out, "\\u%04x", c);
        } else {
            ret[out++] = (char)c;
        }
    }
    ret[out] = '\0';
    return out;
}

void log_line(enum log_level level, const char *event, const char *request, const char *fmt, ...)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    if ((int)level < atomic_load(&least_level))
        return;
    char message[LOG_LINE_MAX], text[LOG_LINE_MAX], line[2 * LOG_LINE_MAX], at[TIME_TEXT_SIZE];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    (void)escape(message, text, sizeof(text));
    time_text(clock_now(), at);
    int len = snprintf(line, sizeof(line),
                       "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"request\":\"%s\","
                       "\"message\":\"%s\"}\n",
                       at, names[level], event, request != NULL ? request : "", text);
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return; /* nowhere left to complain */
}
