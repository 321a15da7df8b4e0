/* From the words of a scenario to events of the core. */
#include "tests/sim/scenario.h"

bool scenario_number(const char *word, uint64_t *ret)
{
    uint64_t value = 0;
    for (const char *p = word; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || value > UINT32_MAX)
            return false;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    *ret = value;
    return *word != '\0';
}

const struct core_block *scenario_block(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->blocks_n; i++)
        if (strcmp(s->blocks[i].name, name) == 0)
            return &s->blocks[i].block;
    return NULL;
}

static bool take_block(const struct scenario *s, const char *name, struct core_event *e)
{
    const struct core_block *b = scenario_block(s, name);
    if (b == NULL)
        return false;
    e->block = *b;
    e->view = b->view;
    e->height = b->height;
    e->id = b->id;
    return true;
}

/* "N A", "F A", "S 3" */
static bool take_fact(const struct scenario *s, char words[][32], struct core_event *e)
{
    if (strcmp(words[0], "S") == 0) {
        e->kind = CORE_S;
        return scenario_number(words[1], &e->view);
    }
    e->kind = strcmp(words[0], "N") == 0           ? CORE_REC_N
              : strcmp(words[0], "F") == 0         ? CORE_REC_F
              : strcmp(words[0], "proposal") == 0  ? CORE_REC_PROP
              : strcmp(words[0], "delivered") == 0 ? CORE_REC_FIN
                                                   : 0;
    return e->kind != 0 && take_block(s, words[1], e);
}

static bool take_from(char words[][32], size_t n, size_t at, struct core_event *e)
{
    uint64_t from = 0;
    if (n != at + 2 || strcmp(words[at], "from") != 0 || !scenario_number(words[at + 1], &from))
        return false;
    e->from = (uint16_t)from;
    return true;
}

static bool is(char words[][32], size_t n, const char *first, size_t count)
{
    return n == count && strcmp(words[0], first) == 0;
}

/* Events that are about a block: "proposal A from 1", "block A", "checked A good", "delivered A".
 */
static bool block_event(const struct scenario *s, char words[][32], size_t n, struct core_event *e)
{
    static const struct {
        const char *word;
        uint8_t type;
        size_t n;
    } list[] = { { "proposal", CORE_EV_PROPOSAL, 4 },
                 { "block", CORE_EV_BLOCK, 2 },
                 { "built", CORE_EV_BUILT, 2 },
                 { "checked", CORE_EV_CHECKED, 3 },
                 { "delivered", CORE_EV_DELIVERED, 2 } };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (!is(words, n, list[i].word, list[i].n))
            continue;
        e->type = list[i].type;
        if (e->type == CORE_EV_PROPOSAL && !take_from(words, n, 2, e))
            return false;
        if (e->type == CORE_EV_CHECKED) {
            e->flag = strcmp(words[2], "good") == 0;
            if (!e->flag && strcmp(words[2], "bad") != 0)
                return false;
        }
        return take_block(s, words[1], e);
    }
    return false;
}

static bool plain_event(char words[][32], size_t n, struct core_event *e)
{
    if (is(words, n, "work", 1) || (is(words, n, "no", 2) && strcmp(words[1], "work") == 0)) {
        e->type = CORE_EV_WORK;
        e->flag = n == 1;
    } else if (is(words, n, "retry", 1)) {
        e->type = CORE_EV_RETRY;
    } else if (is(words, n, "start", 1)) {
        e->type = CORE_EV_START;
    } else if (is(words, n, "timer", 2)) {
        e->type = CORE_EV_TIMER;
        return scenario_number(words[1], &e->view);
    } else if (is(words, n, "news", 4)) {
        e->type = CORE_EV_NEWS;
        return scenario_number(words[1], &e->view) && take_from(words, n, 2, e);
    }
    return e->type != 0;
}

bool scenario_event(const struct scenario *s, char words[][32], size_t n, struct core_event *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (n == 0)
        return false;
    if (is(words, n, "vote", 5)) {
        ret->type = CORE_EV_VOTE;
        return take_fact(s, words + 1, ret) && take_from(words, n, 3, ret);
    }
    if (is(words, n, "certificate", 3) || is(words, n, "record", 3)) {
        ret->type = words[0][0] == 'c' ? CORE_EV_CERT : CORE_EV_RECORD;
        return take_fact(s, words + 1, ret);
    }
    if (is(words, n, "caught", 4) && strcmp(words[1], "up") == 0 && strcmp(words[2], "to") == 0) {
        ret->type = CORE_EV_CAUGHT_UP;
        return take_block(s, words[3], ret);
    }
    return block_event(s, words, n, ret) || plain_event(words, n, ret);
}
