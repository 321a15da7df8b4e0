/* cairn demo: drives a cohort through the main job on a running server. */
#include "api/client/demo.h"

#include "api/client/cmd.h"

#include <stdio.h>

#define THREADS_DEFAULT 12

static void release(struct demo *d)
{
    for (size_t i = 0; d->patients != NULL && i < series_subjects(d->series); i++)
        client_release(&d->patients[i].client);
    for (size_t i = 0; i < DEMO_REVIEWERS; i++)
        client_release(&d->reviewers[i].client);
    for (size_t i = 0; i < d->n_members; i++)
        client_release(&d->members[i].operator);
    client_release(&d->sponsor);
    free(d->patients);
    free(d->entries);
    series_free(d->series);
    json_decref(d->terms_json);
    policy_free(d->policy);
    crew_free(d->crew);
    progress_release(&d->progress);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

static int run(struct env *env, struct demo *d)
{
    struct problem p = { 0 };
    json_t *summary = NULL;
    enum err e = demo_read_cohort(d, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    usec_t started = clock_monotonic();
    d->patients = calloc(series_subjects(d->series), sizeof(*d->patients));
    if (d->patients == NULL)
        e = problem_set(&p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    if (e == OK)
        e = demo_open_crew(d, &p);
    if (e == OK)
        e = demo_make_people(d, &p);
    if (e == OK)
        e = demo_open_bounty(d, &p);
    if (e == OK)
        e = demo_run_patients(d, &p);
    if (e == OK)
        e = demo_pay_out(d, &p);
    if (e == OK)
        e = demo_collect_receipts(d, &p);
    if (e == OK)
        e = demo_ask_servers(d, &p);
    double seconds = (double)(clock_monotonic() - started) / (double)USEC_PER_SEC;
    if (e == OK)
        e = demo_report(d, seconds, &summary, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    bool sound = atomic_load(&d->failed) == 0 && d->books_sum_minor == 0 &&
                 d->negative_accounts == 0 && d->clearing_open_minor == 0;
    if (!env->json) {
        demo_print_table(d, summary);
    } else if (json_object_set_new(summary, "seconds", json_integer((json_int_t)(seconds + 0.5))) ==
               0) {
        return env_print(env, summary) == EXIT_DONE && sound ? EXIT_DONE : EXIT_REFUSED;
    }
    json_decref(summary);
    return sound ? EXIT_DONE : EXIT_REFUSED;
}

static int open_members(struct env *env, struct demo *d)
{
    struct problem p = { 0 };
    bool several = d->options.federation != NULL;
    if (several == (d->options.operator_key != NULL))
        return env_usage(env, "Give --operator-key for one server, or --federation for several.");
    int status = env_open(env, several ? NEED_HOME : NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    enum err e = demo_read_members(d, several ? NULL : http_client_server(env->http), &p);
    return e == OK ? EXIT_DONE : env_fail_input(env, e, &p);
}

int cmd_demo(struct env *env, int argc, char **argv)
{
    const char *patients = NULL, *threads = NULL, *none[1] = { NULL };
    struct demo *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return env_fail(env, EXIT_SERVER, &(struct problem){ .code = ERR_NO_MEMORY });
    d->options.threads = THREADS_DEFAULT;
    const struct cmd_option options[] = {
        { .name = "--cohort", .text = &d->options.cohort, .required = true },
        { .name = "--mapping", .text = &d->options.mapping },
        { .name = "--terms", .text = &d->options.terms },
        { .name = "--data", .text = &d->options.data },
        { .name = "--operator-key", .text = &d->options.operator_key },
        { .name = "--federation", .text = &d->options.federation },
        { .name = "--out", .text = &d->options.out, .required = true },
        { .name = "--patients", .text = &patients },
        { .name = "--threads", .text = &threads },
    };
    progress_init(&d->progress, env->json);
    (void)pthread_mutex_init(&d->lock, NULL);
    d->today = (int32_t)(clock_now() / USEC_PER_SEC / 86400);
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE && patients != NULL)
        status = env_int(env, "--patients", patients, 1, 1000000, &d->options.patients);
    if (status == EXIT_DONE && threads != NULL)
        status = env_int(env, "--threads", threads, 1, CREW_THREADS_MAX, &d->options.threads);
    if (d->options.data == NULL)
        d->options.data = "tests/data";
    if (status == EXIT_DONE)
        status = open_members(env, d);
    if (status == EXIT_DONE)
        status = run(env, d);
    release(d);
    return status;
}
