#include "server/base/log.h"
#include "server/store/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct param p_text(const char *text)
{
    return (struct param){ .value = text, .len = text != NULL ? (int)strlen(text) : 0 };
}

struct param p_bytes(const void *bytes, size_t len)
{
    return (struct param){ .value = bytes, .len = (int)len, .binary = 1 };
}

struct param p_null(void)
{
    return (struct param){ .value = NULL };
}

/* The next four keep their text inside; value stays NULL because the struct moves when returned. */
struct param p_i64(int64_t n)
{
    struct param p = { .value = NULL };
    (void)snprintf(p.text, sizeof(p.text), "%" PRId64, n);
    return p;
}

struct param p_id(const struct id *id)
{
    struct param p = { .value = NULL };
    id_text(id, p.text);
    return p;
}

struct param p_time(usec_t at)
{
    char seconds[TIME_TEXT_SIZE];
    time_text(at, seconds);
    int64_t rest = at % USEC_PER_SEC;
    if (rest < 0)
        rest += USEC_PER_SEC;
    struct param p = { .value = NULL };
    (void)snprintf(p.text, sizeof(p.text), "%.19s.%06uZ", seconds, (unsigned)rest);
    return p;
}

struct param p_bool(bool b)
{
    struct param p = { .value = NULL };
    (void)snprintf(p.text, sizeof(p.text), "%s", b ? "t" : "f");
    return p;
}

const char *param_value(const struct param *p)
{
    if (p->value != NULL)
        return p->value;
    return p->text[0] != '\0' ? p->text : NULL;
}

static bool name_seen(const struct store_list *lists, size_t list, size_t stmt)
{
    const char *name = lists[list].stmts[stmt]->name;
    for (size_t i = 0; i <= list; i++) {
        size_t n = i == list ? stmt : *lists[i].n;
        for (size_t j = 0; j < n; j++)
            if (strcmp(lists[i].stmts[j]->name, name) == 0)
                return true;
    }
    return false;
}

enum err store_prepare_all(struct db *db, const struct store_list *lists, size_t n)
{
    enum err worst = db_check(db);
    for (size_t i = 0; i < n && worst != ERR_DB_DOWN; i++)
        for (size_t j = 0; j < *lists[i].n; j++) {
            bool twice = name_seen(lists, i, j);
            if (twice)
                log_bug("two statements are called %s", lists[i].stmts[j]->name);
            enum err e = twice ? ERR_INTERNAL : db_prepare(db, lists[i].stmts[j]);
            if (e != OK)
                worst = e;
        }
    return worst;
}
