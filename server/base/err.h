/* Errors: one enum for every result, one registry (err.def) for code, HTTP status and sentence.
 * Functions return enum err; outputs are named ret_* and stay untouched on failure. Thread-safe. */
#ifndef CAIRN_BASE_ERR_H
#define CAIRN_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum err {
    OK = 0,
#define ERR(name, status, code, text) name,
#include "server/base/err.def"
#undef ERR
    ERR_COUNT
};

/* HTTP status, stable code and plain sentence of an error; never NULL. */
int err_status(enum err e);
const char *err_code(enum err e);
const char *err_text(enum err e);

#define PROBLEM_POINTER_MAX 128
#define PROBLEM_DETAIL_MAX 256

/* What is wrong with an input: the error, an RFC 6901 pointer to the place and a sentence that says
 * how to mend it. A zeroed struct means "nothing wrong". */
struct problem {
    enum err code;
    char pointer[PROBLEM_POINTER_MAX];
    char detail[PROBLEM_DETAIL_MAX];
};

/* Fills *p (if not NULL) and returns code, so that a check can `return problem_set(...)`. */
enum err problem_set(struct problem *p, enum err code, const char *pointer, const char *fmt, ...)
    PRINTF(4, 5);

#endif
