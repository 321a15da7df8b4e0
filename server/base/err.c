#include "server/base/err.h"

#include <stdarg.h>
#include <stdio.h>

struct err_row {
    int status;
    const char *code;
    const char *text;
};

static const struct err_row rows[ERR_COUNT] = {
    [OK] = { 200, "ok", "Done." },
#define ERR(name, status, code, text) [name] = { status, code, text },
#include "server/base/err.def"
#undef ERR
};

static const struct err_row *row(enum err e)
{
    return (unsigned)e < ERR_COUNT ? &rows[e] : &rows[ERR_INTERNAL];
}

int err_status(enum err e)
{
    return row(e)->status;
}

const char *err_code(enum err e)
{
    return row(e)->code;
}

const char *err_text(enum err e)
{
    return row(e)->text;
}

enum err problem_set(struct problem *p, enum err code, const char *pointer, const char *fmt, ...)
{
    if (p == NULL)
        return code;
    p->code = code;
    (void)snprintf(p->pointer, sizeof(p->pointer), "%s", pointer != NULL ? pointer : "");
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(p->detail, sizeof(p->detail), fmt, args);
    va_end(args);
    return code;
}
