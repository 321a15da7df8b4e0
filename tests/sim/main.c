/* cairn-sim: the command line. docs/simulator.md says how to read what it prints. */
#include "tests/sim/mutants.h"
#include "tests/sim/scenario.h"

#include <inttypes.h>
#include <unistd.h>

#ifdef CORE_MUTANTS
#include "server/ledger/core/mutants.h"
unsigned core_mutant;
#endif

struct options {
    uint64_t seed, seeds;
    uint16_t members;
    const char *mutant;
    bool trace, json, mutants;
};

struct mutant {
    const char *name, *text;
};

static const struct mutant mutant_list[] = {
    { "", "" },
#define MUTANT_DEF(name, text) { #name, text },
#include "server/ledger/core/mutants.def"
#include "tests/sim/driver_mutants.def"
#undef MUTANT_DEF
};
#define MUTANTS_N (sizeof(mutant_list) / sizeof(mutant_list[0]))

static void plant(unsigned mutant)
{
#ifdef CORE_MUTANTS
    core_mutant = mutant;
#else
    (void)mutant; /* one of the driver at most: main has gone to the other program for the core's */
#endif
}

static bool run_seed(struct world *w, const struct options *o, uint64_t seed, unsigned mutant)
{
    plant(mutant);
    return world_run(w, seed, o->members, mutant, o->trace);
}

static void print_seed(const struct world *w, const struct options *o)
{
    const char *verdict = w->failed ? w->oracle : "ok";
    if (o->json)
        printf("{\"seed\":%" PRIu64 ",\"verdict\":\"%s\",\"what\":\"%s\",\"step\":%" PRIu64
               ",\"ms\":%" PRIu64 ",\"heights\":%" PRIu64 ",\"crashes\":%" PRIu64
               ",\"evidence\":%" PRIu64 ",\"epochs\":%u,\"trace\":\"%016" PRIx64 "\"}\n",
               w->seed, verdict, w->what, w->steps, w->now / MS, w->delivered, w->crashes,
               w->evidence, w->epochs_n, w->hash);
    else if (w->failed)
        printf("seed %" PRIu64 ": step %" PRIu64 ", %" PRIu64 " ms: %s: %s\n", w->seed, w->steps,
               w->now / MS, w->oracle, w->what);
}

static int run_seeds(struct world *w, const struct options *o, unsigned mutant)
{
    uint64_t failed = 0, heights = 0, steps = 0, crashes = 0, evidence = 0, epochs = 0, hash = 0;
    for (uint64_t seed = o->seed; seed < o->seed + o->seeds; seed++) {
        bool good = run_seed(w, o, seed, mutant);
        failed += !good;
        heights += w->delivered;
        steps += w->steps;
        crashes += w->crashes;
        evidence += w->evidence;
        epochs += w->epochs_n - 1;
        hash = (hash ^ w->hash) * UINT64_C(0x9e3779b97f4a7c15);
        if (!good || o->json || o->seeds == 1)
            print_seed(w, o);
    }
    if (!o->json)
        printf("%" PRIu64 " steps, %" PRIu64 " heights, %" PRIu64 " crashes, %" PRIu64
               " epochs begun, %" PRIu64 " faults reported; trace %016" PRIx64 "\n"
               "%" PRIu64 " passed, %" PRIu64 " failed\n",
               steps, heights, crashes, epochs, evidence, hash, o->seeds - failed, failed);
    return failed > 0;
}

/* ---- mutants ------------------------------------------------------------------------------------
 */

/* Seeds until one fails; 0: none did. */
static uint64_t hunt(struct world *w, const struct options *o, unsigned mutant)
{
    for (uint64_t i = 0; i < o->seeds; i++)
        if (!run_seed(w, o, o->seed + i, mutant))
            return i + 1;
    return 0;
}

static int run_mutants(struct world *w, const struct options *o)
{
    unsigned caught = 0, survived = 0;
    printf("%-16s %6s  %-13s %s\n", "mutant", "seeds", "caught by", "what is broken");
    for (unsigned m = 1; m < MUTANTS_N; m++) {
        uint64_t seeds = hunt(w, o, m);
        caught += seeds > 0;
        survived += seeds == 0;
        printf("%-16s %6" PRIu64 "  %-13s %s\n", mutant_list[m].name, seeds,
               seeds > 0 ? w->oracle : "SURVIVED", mutant_list[m].text);
        (void)fflush(stdout);
    }
    printf("%u passed, %u failed\n", caught, survived);
    return survived > 0;
}

/* The program whose core has the planted bugs stands beside this one. */
static int with_mutants(char **argv)
{
#ifdef CORE_MUTANTS
    (void)argv;
    return -1;
#else
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s-mutants", argv[0]);
    if (n < 0 || (size_t)n >= sizeof(path))
        return 2;
    (void)execv(path, argv);
    perror(path);
    return 2;
#endif
}

/* ---- options
 * ---------------------------------------------------------------------------------------- */

static int usage(void)
{
    (void)fprintf(stderr, "cairn-sim [--seed N] [--seeds COUNT] [--members 4..10] [--mutant NAME] "
                          "[--trace] [--json]\n"
                          "cairn-sim --mutants [--seeds COUNT]\n"
                          "cairn-sim [--mutant NAME] --scenario FILE...\n");
    return 2;
}

/* --scenario takes all that follows. */
static int run_scenarios(int argc, char **argv, int first)
{
    unsigned passed = 0, failed = 0;
    for (int i = first; i < argc; i++) {
        bool good = scenario_run(argv[i]);
        passed += good;
        failed += !good;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}

static bool take_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
    uint64_t value = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    *ret = value;
    return *text != '\0' && value >= low && value <= high;
}

static bool take_options(int argc, char **argv, struct options *ret)
{
    uint64_t members = 0;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--trace") == 0)
            ret->trace = true;
        else if (strcmp(name, "--json") == 0)
            ret->json = true;
        else if (strcmp(name, "--mutants") == 0)
            ret->mutants = true;
        else if (++i == argc)
            return false;
        else if (strcmp(name, "--mutant") == 0)
            ret->mutant = value;
        else if (strcmp(name, "--members") == 0 ? !take_number(value, 4, 10, &members)
                 : strcmp(name, "--seed") == 0  ? !take_number(value, 0, UINT64_MAX, &ret->seed)
                 : strcmp(name, "--seeds") == 0 ? !take_number(value, 1, UINT32_MAX, &ret->seeds)
                                                : true)
            return false;
    }
    ret->members = (uint16_t)members;
    return true;
}

static unsigned find_mutant(const char *name)
{
    for (unsigned i = 1; i < MUTANTS_N; i++)
        if (strcmp(mutant_list[i].name, name) == 0)
            return i;
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = { .seed = 1, .seeds = 0 };
    int options = 1;
    while (options < argc && strcmp(argv[options], "--scenario") != 0)
        options++;
    if (!take_options(options, argv, &o))
        return usage();
    unsigned mutant = o.mutant == NULL ? 0 : find_mutant(o.mutant);
    if (o.mutant != NULL && mutant == 0)
        return usage();
    if (o.seeds == 0)
        o.seeds = o.mutants ? 10000 : 1;
    int elsewhere = o.mutants || mutant != 0 ? with_mutants(argv) : -1;
    if (elsewhere >= 0)
        return elsewhere;
    if (options < argc) {
        plant(mutant);
        return run_scenarios(argc, argv, options + 1);
    }
    struct world *w = world_make();
    int status = o.mutants ? run_mutants(w, &o) : run_seeds(w, &o, mutant);
    world_free(w);
    return status;
}
