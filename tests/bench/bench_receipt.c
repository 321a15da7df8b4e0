/* What a receipt weighs and how long its whole offline check takes:
 *   bench_receipt POLICY ANSWER
 * ANSWER holds the answer of GET /v1/receipts/{entry}. CPU time of one thread; the median of many.
 */
#include "api/client/receipt.h"
#include "server/base/json.h"
#include "server/crypto/hash.h"

#include <stdio.h>
#include <time.h>

#define CHECKS 501

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static enum err measure(const struct policy *policy, const struct receipt *r, double *ret_us,
                        struct problem *p)
{
    static double times[CHECKS];
    struct receipt_facts facts;
    for (size_t i = 0; i < CHECKS; i++) {
        double begun = cpu_us();
        enum err e = receipt_verify(policy, r, NULL, &facts, p);
        times[i] = cpu_us() - begun;
        if (e != OK)
            return e;
    }
    qsort(times, CHECKS, sizeof(times[0]), by_size);
    *ret_us = times[CHECKS / 2];
    return OK;
}

int main(int argc, char **argv)
{
    struct problem p = { 0 };
    struct policy *policy = NULL;
    struct receipt r;
    double us = 0;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_receipt POLICY ANSWER\n");
        return 2;
    }
    crypto_setup();
    json_setup();
    json_t *answer = json_load_file(argv[2], 0, NULL);
    receipt_init(&r);
    enum err e = policy_load(argv[1], &policy, &p);
    if (e == OK)
        e = receipt_from_reply(answer, &r, &p);
    if (e == OK)
        e = measure(policy, &r, &us, &p);
    if (e == OK)
        (void)printf("{\"proof\": %zu, \"leaf\": %zu, \"salt\": %zu, \"statement\": %zu,"
                     " \"verify_us\": %.1f}\n",
                     r.proof.len, r.leaf.len, r.salt.len / 2, r.statement.len, us);
    else
        (void)fprintf(stderr, "bench_receipt: %s %s\n", err_text(e), p.detail);
    receipt_release(&r);
    policy_free(policy);
    json_decref(answer);
    return e == OK ? 0 : 1;
}
