#include "server/timeline/series.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct series *series_new(void)
{
    return calloc(1, sizeof(struct series));
}

static void subject_free(struct subject *s)
{
    if (s == NULL)
        return;
    timeline_release(&s->timeline);
    if (s->name != NULL)
        explicit_bzero(s->name, strlen(s->name));
    free(s->name);
    explicit_bzero(s, sizeof(*s));
    free(s);
}

static void keep(void *subject)
{
    (void)subject; /* the tree borrows its subjects */
}

void series_free(struct series *s)
{
    if (s == NULL)
        return;
    tdestroy(s->index, keep);
    for (size_t i = 0; i < s->n; i++)
        subject_free(s->subjects[i]);
    free(s->subjects);
    free(s);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct subject *)a)->name, ((const struct subject *)b)->name);
}

static bool make_room(struct series *s)
{
    if (s->n < s->cap)
        return true;
    size_t cap = s->cap > 0 ? s->cap * 2 : 16;
    struct subject **fresh = reallocarray(s->subjects, cap, sizeof(*fresh)); /* only pointers */
    if (fresh == NULL)
        return false;
    s->subjects = fresh;
    s->cap = cap;
    return true;
}

static enum err add(struct series *s, const char *name, const char *disease, struct subject **ret)
{
    struct subject *fresh = calloc(1, sizeof(*fresh));
    if (fresh == NULL)
        return ERR_NO_MEMORY;
    fresh->name = strdup(name);
    enum err e = fresh->name != NULL && make_room(s)
                     ? timeline_set_disease(&fresh->timeline, disease)
                     : ERR_NO_MEMORY;
    if (e == OK && tsearch(fresh, &s->index, by_name) == NULL)
        e = ERR_NO_MEMORY;
    if (e != OK) {
        subject_free(fresh);
        return e;
    }
    s->subjects[s->n++] = fresh;
    *ret = fresh;
    return OK;
}

enum err series_find(struct series *s, const char *name, const char *disease, struct subject **ret)
{
    struct subject probe = { .name = (char *)name };
    void *node = tfind(&probe, &s->index, by_name);
    if (node == NULL)
        return add(s, name, disease, ret);
    *ret = *(struct subject **)node;
    return OK;
}

size_t series_subjects(const struct series *s)
{
    return s->n;
}

const char *series_subject(const struct series *s, size_t i)
{
    assert(i < s->n);
    return s->subjects[i]->name;
}

const struct timeline *series_timeline(const struct series *s, size_t i)
{
    assert(i < s->n);
    return &s->subjects[i]->timeline;
}

size_t series_rows(const struct series *s, size_t i)
{
    assert(i < s->n);
    return s->subjects[i]->rows;
}
