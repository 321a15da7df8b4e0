/* Places where the simulator may break a rule on purpose. MUTANT(NAME) is the constant 0 unless
 * CORE_MUTANTS is defined, which only the program build/.../cairn-sim-mutants is built with. */
#ifndef CAIRN_LEDGER_MUTANTS_H
#define CAIRN_LEDGER_MUTANTS_H

#ifdef CORE_MUTANTS
#define MUTANT_DEF(name, text) MUTANT_##name,
enum core_mutant {
    MUTANT_NONE,
#include "server/ledger/core/mutants.def"
    MUTANT_COUNT
};
#undef MUTANT_DEF
extern unsigned
    core_mutant; /* enum core_mutant, or a number from MUTANT_COUNT on: one of the driver */
#define MUTANT(name) (core_mutant == MUTANT_##name)
#else
#define MUTANT(name) 0
#endif

#endif
