/* The driver's planted bugs, beside those of the core (server/ledger/core/mutants.h). They are
 * numbered behind the core's, so that one number names either. */
#ifndef CAIRN_TESTS_SIM_MUTANTS_H
#define CAIRN_TESTS_SIM_MUTANTS_H

#include "tests/sim/world.h"

#define MUTANT_DEF(name, text) MUTANT_PLACE_##name,
enum mutant_place { /* where the driver's numbers start */
                    MUTANT_PLACE_NONE,
#include "server/ledger/core/mutants.def"
                    MUTANT_CORE_END
};
#undef MUTANT_DEF

#define MUTANT_DEF(name, text) DRIVER_##name,
enum driver_mutant {
    DRIVER_START = MUTANT_CORE_END - 1,
#include "tests/sim/driver_mutants.def"
    MUTANT_ALL_END
};
#undef MUTANT_DEF

#define DRIVER_MUTANT(w, name) ((w)->mutant == (unsigned)DRIVER_##name)

#endif
