#include "api/http/conns.h"

#include "server/crypto/hash.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The process's one table. recv() has no room for a context, hence these; they are set once, before
 * any listener thread exists, and never freed. */
static struct conn *table;
static size_t table_n;
static atomic_int highest; /* descriptor ever registered */
#define LOCKS 256
static pthread_mutex_t locks[LOCKS];

enum err conns_setup(size_t n)
{
    if (table != NULL)
        return n <= table_n ? OK : ERR_LIMIT;
    struct conn *t = calloc(n, sizeof(*t));
    if (t == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&locks[i], NULL);
    table = t;
    table_n = n;
    return OK;
}

struct conn *conns_find(int fd)
{
    if (fd < 0 || (size_t)fd >= table_n)
        return NULL;
    struct conn *c = &table[fd];
    return atomic_load_explicit(&c->used, memory_order_acquire) ? c : NULL;
}

static pthread_mutex_t *lock_of(int fd)
{
    return &locks[fd % LOCKS];
}

static void set_address(struct conn *c, const struct sockaddr *peer)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    memset(c->address, 0, sizeof(c->address));
    c->local = false;
    if (peer != NULL && peer->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)peer;
        memcpy(c->address, mapped, sizeof(mapped));
        memcpy(c->address + 12, &v4->sin_addr, 4);
    } else if (peer != NULL && peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)peer;
        memcpy(c->address, &v6->sin6_addr, 16);
        c->local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    if (memcmp(c->address, mapped, sizeof(mapped)) == 0)
        c->local = c->address[12] == 127;
    else
        memset(c->address + 8, 0, 8); /* one IPv6 customer holds a whole /64 */
}

struct conn *conns_open(int fd, struct listener *l, const struct sockaddr *peer)
{
    if (fd < 0 || (size_t)fd >= table_n)
        return NULL;
    struct conn *c = &table[fd];
    int seen = atomic_load(&highest);
    while (fd > seen && !atomic_compare_exchange_weak(&highest, &seen, fd))
        ;
    (void)pthread_mutex_lock(lock_of(fd));
    c->fd = fd;
    c->listener = l;
    head_scan_init(&c->scan);
    c->pending = OK;
    c->refused = false;
    c->drained = 0;
    c->active = false;
    c->begun = 0;
    set_address(c, peer);
    random_bytes(c->id, sizeof(c->id));
    atomic_store_explicit(&c->deadline, 0, memory_order_relaxed);
    atomic_store_explicit(&c->used, true, memory_order_release);
    (void)pthread_mutex_unlock(lock_of(c->fd));
    return c;
}

void conns_close(struct conn *c)
{
    (void)pthread_mutex_lock(lock_of(c->fd));
    atomic_store_explicit(&c->deadline, 0, memory_order_relaxed);
    atomic_store_explicit(&c->used, false, memory_order_release);
    (void)pthread_mutex_unlock(lock_of(c->fd));
}

void conn_deadline(struct conn *c, enum phase phase, usec_t at)
{
    atomic_store_explicit(&c->phase, (int)phase, memory_order_relaxed);
    atomic_store_explicit(&c->deadline, at, memory_order_relaxed);
}

static bool overdue(const struct conn *c, usec_t now)
{
    usec_t at = atomic_load_explicit(&c->deadline, memory_order_relaxed);
    return at != 0 && at <= now;
}

void conns_cut(const struct listener *l, usec_t now, atomic_ulong cut[PHASE_COUNT])
{
    for (int fd = 0; fd <= atomic_load(&highest); fd++) {
        struct conn *c = &table[fd];
        if (!overdue(c, now))
            continue;
        /* Under the lock the descriptor still belongs to this connection: conns_close() comes
         * before close(), and takes the lock too. */
        (void)pthread_mutex_lock(lock_of(fd));
        if (atomic_load(&c->used) && c->listener == l && overdue(c, now)) {
            atomic_store_explicit(&c->deadline, 0, memory_order_relaxed);
            (void)shutdown(fd, SHUT_RDWR);
            atomic_fetch_add(&cut[atomic_load(&c->phase)], 1);
        }
        (void)pthread_mutex_unlock(lock_of(fd));
    }
}
