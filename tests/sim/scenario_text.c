/* From the core's actions to the words of a scenario. */
#include "tests/sim/scenario.h"

#include <inttypes.h>

const char *scenario_block_name(const struct scenario *s, const struct core_id *id)
{
    for (size_t i = 0; i < s->blocks_n; i++)
        if (memcmp(&s->blocks[i].block.id, id, sizeof(*id)) == 0)
            return s->blocks[i].name;
    return "?";
}

/* "N A", "S 3", "F A", "proposal A", "delivered A" */
static void print_fact(const struct scenario *s, const struct core_action *a, char ret[64])
{
    static const char *const kinds[] = { "?", "N", "S", "F", "proposal", "delivered" };
    const char *kind = a->kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[a->kind] : "?";
    if (a->kind == CORE_S)
        (void)snprintf(ret, 64, "S %" PRIu64, a->view);
    else
        (void)snprintf(ret, 64, "%s %s", kind, scenario_block_name(s, &a->id));
}

static void print_evidence(const struct core_action *a, char ret[200])
{
    static const char *const faults[] = { "?",
                                          "two notarize votes",
                                          "two finalize votes",
                                          "skip and finalize",
                                          "finalize of another block than notarized",
                                          "two proposals",
                                          "fork" };
    const char *fault = a->kind < sizeof(faults) / sizeof(faults[0]) ? faults[a->kind] : "?";
    if (a->from == CORE_NOBODY)
        (void)snprintf(ret, 200, "accuse nobody yet: %s in view %" PRIu64, fault, a->view);
    else
        (void)snprintf(ret, 200, "accuse %u: %s in view %" PRIu64, a->from, fault, a->view);
}

static void print_send(const struct core_action *a, const char *what, const char *fact,
                       char ret[200])
{
    if (a->from == CORE_NOBODY)
        (void)snprintf(ret, 200, "send %s%s", what, fact);
    else
        (void)snprintf(ret, 200, "send %s%s to %u", what, fact, a->from);
}

static void print_pull(const struct core_action *a, const char *block, char ret[200])
{
    if (a->type == CORE_PULL_CERT)
        (void)snprintf(ret, 200, "ask for certificate %c %" PRIu64, "?NSF"[a->kind & 3], a -> view);
    else if (a->type == CORE_PULL_BLOCK)
        (void)snprintf(ret, 200, "ask for block %s", block);
    else if (a->type == CORE_PULL_RANGE)
        (void)snprintf(ret, 200, "ask for everything up to %s", block);
    else
        (void)snprintf(ret, 200, "ask for news since %" PRIu64, a->view);
}

void scenario_print(const struct scenario *s, const struct core_action *a, char ret[200])
{
    const char *block = scenario_block_name(s, &a->id);
    char fact[64];
    print_fact(s, a, fact);
    switch (a->type) {
    case CORE_PERSIST:
        (void)snprintf(ret, 200, "log %s", fact);
        break;
    case CORE_SEND_VOTE:
        print_send(a, "vote ", fact, ret);
        break;
    case CORE_SEND_CERT:
        print_send(a, "certificate ", fact, ret);
        break;
    case CORE_SEND_PROPOSAL:
        print_send(a, "proposal ", block, ret);
        break;
    case CORE_TIMER:
        (void)snprintf(ret, 200, "timer %" PRIu64 " after %u ms", a->view, a->delay_ms);
        break;
    case CORE_BUILD:
        (void)snprintf(ret, 200, "build for view %" PRIu64 " on %s", a->view, block);
        break;
    case CORE_CHECK:
        (void)snprintf(ret, 200, "check %s", block);
        break;
    case CORE_DELIVER:
        (void)snprintf(ret, 200, "deliver %s", block);
        break;
    case CORE_EVIDENCE:
        print_evidence(a, ret);
        break;
    default:
        print_pull(a, block, ret);
        break;
    }
}
