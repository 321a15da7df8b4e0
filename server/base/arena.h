/* Request memory: everything a request allocates lives here and goes in one call, after the
 * clean-up hooks ran in reverse order. arena_alloc returns NULL when the maximum is reached. One
 * thread. */
#ifndef CAIRN_BASE_ARENA_H
#define CAIRN_BASE_ARENA_H

#include "server/base/err.h"

struct arena;

struct arena *arena_new(size_t max);
/* Runs the hooks, wipes and frees all blocks; NULL is fine. */
void arena_free(struct arena *a);
/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *a, size_t len);
char *arena_strdup(struct arena *a, const char *text);
void *arena_memdup(struct arena *a, const void *bytes, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
/* Calls fn(arg) when the arena is freed. Returns false (and calls fn at once) if memory is out. */
bool arena_defer(struct arena *a, void (*fn)(void *), void *arg);

#endif
