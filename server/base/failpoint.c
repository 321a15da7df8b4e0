#include "server/base/failpoint.h"

#include <stdlib.h>

#ifdef CAIRN_FAILPOINTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define FAILPOINTS_MAX 8
#define FAILPOINT_NAME_MAX 48

struct failpoint {
    char name[FAILPOINT_NAME_MAX];
    bool crash;
    unsigned long at; /* the hit that acts, counted from 1 */
    atomic_ulong hits;
};

static struct failpoint points[FAILPOINTS_MAX];
static size_t points_n;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* One "name:action:N" of len bytes. A wrong one aborts: a test that armed nothing proves nothing.
 */
static void arm(const char *spec, size_t len)
{
    char text[FAILPOINT_NAME_MAX + 32];
    if (points_n == FAILPOINTS_MAX || len >= sizeof(text))
        abort();
    memcpy(text, spec, len);
    text[len] = '\0';
    char *action = strchr(text, ':');
    char *count = action != NULL ? strchr(action + 1, ':') : NULL;
    if (count == NULL || action == text || action - text >= FAILPOINT_NAME_MAX)
        abort();
    *action++ = '\0';
    *count++ = '\0';
    char *end;
    struct failpoint *p = &points[points_n];
    p->crash = strcmp(action, "crash") == 0;
    p->at = strtoul(count, &end, 10);
    if ((!p->crash && strcmp(action, "error") != 0) || *end != '\0' || p->at == 0)
        abort();
    memcpy(p->name, text, strlen(text) + 1);
    points_n++;
}

static void arm_all(void)
{
    const char *spec = getenv("CAIRN_FP");
    while (spec != NULL && *spec != '\0') {
        size_t len = strcspn(spec, ",");
        arm(spec, len);
        spec += len + (spec[len] == ',');
    }
}

bool failpoints_built(void)
{
    return true;
}

enum err failpoint_hit(const char *name)
{
    enum err e = OK;
    (void)pthread_once(&once, arm_all);
    for (size_t i = 0; i < points_n; i++) {
        struct failpoint *p = &points[i];
        if (strcmp(p->name, name) != 0 || atomic_fetch_add(&p->hits, 1) + 1 != p->at)
            continue;
        if (p->crash)
            (void)kill(getpid(), SIGKILL);
        e = ERR_IO; /* and on: each arming of a name counts every hit of it */
    }
    return e;
}

#else

bool failpoints_built(void)
{
    return false;
}

/* Only reached by a caller that does not go through FP(). */
enum err failpoint_hit(const char *name)
{
    (void)name;
    return OK;
}

#endif
