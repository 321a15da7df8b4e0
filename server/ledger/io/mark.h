/* The high mark: how far the log was when it was last published, kept outside PostgreSQL so that an
 * old backup of the database cannot pass for the present. One file, two slots per chain written in
 * turn, so that a torn write leaves the other. Slot, 64 bytes: "CMRK" || chain u8 || zero[3] ||
 * counter u64 BE || size u64 BE || root[32] || first 8 bytes of the SHA-256 of these. Owned by the
 * driver's thread. */
#ifndef CAIRN_LEDGER_MARK_H
#define CAIRN_LEDGER_MARK_H

#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"

struct mark {
    uint64_t counter, size;
    struct merkle_hash root;
};

/* Creates the file for empty chains; fails if it exists. */
enum err mark_create(const char *path) MUST_USE;
enum err mark_open(const char *path, int *ret_fd) MUST_USE;
/* ERR_LOG_INCONSISTENT if neither slot is whole. */
enum err mark_read(int fd, enum chain chain, struct mark *ret) MUST_USE;
/* Durable when it returns OK; m->counter grows by one. */
enum err mark_write(int fd, enum chain chain, struct mark *m) MUST_USE;

#endif
