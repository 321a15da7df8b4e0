/* A disk whose power may fail at any moment. It stands in for pwrite, fsync and fdatasync of the
 * whole test program and remembers, for the files of one folder, what of their bytes and names was
 * synced. At any moment it can write down one of the states that the folder could be found in after
 * a power cut: what was synced is there; of the rest any sectors and any names, in any order. Real
 * syncs are left out, so thousands of cuts take seconds. One thread. */
#ifndef CAIRN_TESTS_POWER_CUT_H
#define CAIRN_TESTS_POWER_CUT_H

#include "tests/lib/prop.h"

#include <stdbool.h>

/* NAMES: fsync of the folder. */
enum power_cut_call { POWER_CUT_WRITE, POWER_CUT_SYNC, POWER_CUT_DATASYNC, POWER_CUT_NAMES };

/* Whatever is in the folder now is durable. moment is called before and after each call on one of
 * its files (or on the folder); it may open and write other folders, which are not watched. */
void power_cut_watch(const char *folder,
                     void (*moment)(void *arg, enum power_cut_call call, bool before), void *arg);
void power_cut_stop(void);
/* After a moment that was left by longjmp: watches again. */
void power_cut_go_on(void);
/* A sync failed: what was written and not synced can still be read, and is not on the disk, but the
 * kernel takes it for written. No later sync makes it durable, unless it is written again. */
void power_cut_fail_sync(void);
/* One state after a cut now, as a new folder. */
void power_cut_state(struct prop *p, const char *to);

#endif
