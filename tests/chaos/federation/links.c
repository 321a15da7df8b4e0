/* Link emulator: delays, reorders and loses the packets that the kernel hands to NFQUEUE 0 of this
 * network namespace (iptables -j NFQUEUE --queue-num 0), because these kernels have no `tc netem`.
 * A packet waits in a heap until it is due; its delay is drawn anew, so that a spread lets packets
 * overtake each other. On SIGTERM all that wait go out at once.
 *
 * Usage: links DELAY_MS SPREAD_MS LOSS_PER_MILLE SEED; prints "ready" when it takes packets. */
#include "server/base/clock.h"
#include "server/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#define WAITING_MAX 65536u
#define COPY_BYTES 0u /* the verdict needs the id alone */

struct packet {
    usec_t due;
    uint32_t id;
};

struct link {
    struct nfq_q_handle *queue;
    uint64_t delay_ms, spread_ms, loss_per_mille;
    uint64_t random;
    struct packet heap[WAITING_MAX]; /* the next one due is the first */
    size_t n;
};

static struct link state;
static volatile sig_atomic_t over;

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

/* splitmix64 */
static uint64_t draw(struct link *l, uint64_t below)
{
    uint64_t z = (l->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return below > 0 ? z % below : 0;
}

static void verdict(struct link *l, uint32_t id, uint32_t what)
{
    (void)nfq_set_verdict(l->queue, id, what, 0, NULL);
}

static void push(struct link *l, struct packet p)
{
    size_t at = l->n++;
    while (at > 0 && l->heap[(at - 1) / 2].due > p.due) {
        l->heap[at] = l->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    l->heap[at] = p;
}

static struct packet pop(struct link *l)
{
    struct packet first = l->heap[0], last = l->heap[--l->n];
    size_t at = 0, child = 1;
    while (child < l->n) {
        if (child + 1 < l->n && l->heap[child + 1].due < l->heap[child].due)
            child++;
        if (l->heap[child].due >= last.due)
            break;
        l->heap[at] = l->heap[child];
        at = child;
        child = 2 * at + 1;
    }
    l->heap[at] = last;
    return first;
}

static int on_packet(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data,
                     void *arg)
{
    struct link *l = arg;
    (void)queue;
    (void)message;
    const struct nfqnl_msg_packet_hdr *head = nfq_get_msg_packet_hdr(data);
    if (head == NULL)
        return 0;
    uint32_t id = ntohl(head->packet_id);
    uint64_t ms = l->delay_ms + draw(l, l->spread_ms + 1);
    if (draw(l, 1000) < l->loss_per_mille)
        verdict(l, id, NF_DROP);
    else if (ms == 0 || l->n == WAITING_MAX)
        verdict(l, id, NF_ACCEPT);
    else
        push(l, (struct packet){ .due = clock_monotonic() + (usec_t)ms * 1000, .id = id });
    return 0;
}

static void release_due(struct link *l, usec_t now)
{
    while (l->n > 0 && l->heap[0].due <= now)
        verdict(l, pop(l).id, NF_ACCEPT);
}

/* Milliseconds until the next one is due; it may go up to one late. */
static int patience(const struct link *l)
{
    if (l->n == 0)
        return 1000;
    usec_t left = l->heap[0].due - clock_monotonic();
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static int carry(struct link *l, struct nfq_handle *h)
{
    static char bytes[1u << 16] __attribute__((aligned(8)));
    struct pollfd fd = { .fd = nfq_fd(h), .events = POLLIN };
    while (over == 0) {
        int got = poll(&fd, 1, patience(l));
        if (got > 0) {
            ssize_t len = recv(fd.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
            /* ENOBUFS: the kernel dropped some for want of room, as a network may. */
            if (len < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
                return 1;
            if (len > 0)
                (void)nfq_handle_packet(h, bytes, (int)len);
        }
        release_due(l, clock_monotonic());
    }
    while (l->n > 0)
        verdict(l, pop(l).id, NF_ACCEPT);
    return 0;
}

static bool numbers(int argc, char **argv, struct link *l)
{
    uint64_t *const to[] = { &l->delay_ms, &l->spread_ms, &l->loss_per_mille, &l->random };
    for (int i = 1; i < argc && i < 5; i++)
        if (!u64_parse(argv[i], strlen(argv[i]), to[i - 1]))
            return false;
    return argc == 5 && l->delay_ms < 60000 && l->spread_ms < 60000 && l->loss_per_mille <= 1000;
}

int main(int argc, char **argv)
{
    struct link *l = &state;
    const struct sigaction on_end = { .sa_handler = on_signal };
    if (!numbers(argc, argv, l)) {
        (void)fputs("usage: links DELAY_MS SPREAD_MS LOSS_PER_MILLE SEED\n", stderr);
        return 2;
    }
    (void)sigaction(SIGTERM, &on_end, NULL);
    struct nfq_handle *h = nfq_open();
    if (h != NULL)
        l->queue = nfq_create_queue(h, 0, on_packet, l);
    if (l->queue == NULL || nfq_set_mode(l->queue, NFQNL_COPY_META, COPY_BYTES) != 0 ||
        nfq_set_queue_maxlen(l->queue, WAITING_MAX) != 0 ||
        nfq_set_queue_flags(l->queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) != 0) {
        perror("links: NFQUEUE");
        return 1;
    }
    (void)nfnl_rcvbufsiz(nfq_nfnlh(h), 8u << 20);
    (void)puts("ready");
    (void)fflush(stdout);
    int status = carry(l, h);
    (void)nfq_destroy_queue(l->queue);
    (void)nfq_close(h);
    return status;
}
