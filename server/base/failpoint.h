/* Failpoints: places where a test may make the program die or fail at an exact moment, which luck
 * with timing cannot give. They exist only in builds with -DCAIRN_FAILPOINTS; elsewhere FP() is the
 * constant OK. Armed through the environment: CAIRN_FP="name:crash:N,other:error:N" kills the
 * process (SIGKILL, so nothing is flushed or cleaned) or returns ERR_IO at the N-th hit of that
 * name, once. Thread-safe. */
#ifndef CAIRN_BASE_FAILPOINT_H
#define CAIRN_BASE_FAILPOINT_H

#include "server/base/err.h"

#ifdef CAIRN_FAILPOINTS
#define FP(name) failpoint_hit(name)
#else
#define FP(name) ((enum err)OK)
#endif

/* True in builds that honour CAIRN_FP; such a build must never serve real users. */
bool failpoints_built(void);
/* Counts a hit of the name; OK unless the failpoint is armed for error at this hit. */
enum err failpoint_hit(const char *name);

#endif
