/* Scenarios: texts that give one member events and say what it must do, readable without knowing C.
 * The words are explained in docs/simulator.md. */
#ifndef CAIRN_TESTS_SIM_SCENARIO_H
#define CAIRN_TESTS_SIM_SCENARIO_H

#include "server/ledger/core/core.h"

#define SCENARIO_BLOCKS 32
#define SCENARIO_WORDS 16

struct scenario_block {
    char name[16];
    struct core_block block;
};

struct scenario {
    const char *path;
    unsigned line;
    struct core_config config;
    struct core core;
    struct core_out out; /* actions of the last step; `next` are expected already */
    size_t next;
    size_t blocks_n;
    struct scenario_block blocks[SCENARIO_BLOCKS]; /* 0: "start" */
    bool failed;
};

/* Runs one file; says on standard output what is wrong, with file and line. */
bool scenario_run(const char *path);

/* scenario_text.c: what the member does, in the words of the file. */
void scenario_print(const struct scenario *s, const struct core_action *a, char ret[200]);
const char *scenario_block_name(const struct scenario *s, const struct core_id *id);
/* scenario_words.c: an event in the words of the file, after "give". False if it is none. */
bool scenario_event(const struct scenario *s, char words[][32], size_t n, struct core_event *ret);
const struct core_block *scenario_block(const struct scenario *s, const char *name);
bool scenario_number(const char *word, uint64_t *ret);

#endif
