/* What the files that read and make a member's directory share. Messages go to the log. */
#ifndef CAIRN_CONFIG_INTERNAL_H
#define CAIRN_CONFIG_INTERNAL_H

#include "server/config.h"

#define SEED_BYTES 32

/* Reads and checks a genesis file; appends its bytes to ret_bytes unless that is NULL. ERR_USAGE
 * after a message, ERR_NO_MEMORY. */
enum err genesis_file_read(const char *path, struct genesis *ret, struct buf *ret_bytes) MUST_USE;

/* The values of "witness_for" and "witness" (config_witness.c); false if malformed, one too many,
 * or there already. */
bool config_witness_for(struct config *c, const char *value) MUST_USE;
bool config_witness(struct config *c, const char *value) MUST_USE;
/* ERR_USAGE after a message if one of them is a log or a member of the own federation: nobody is
 * the outside witness of himself. Needs the genesis. */
enum err config_check_witnesses(const struct config *c) MUST_USE;

/* A fresh key DIR/keys/NAME.seed, or one with this seed; never over another. */
enum err key_create(const char *data_dir, const char *name) MUST_USE;
enum err key_put(const char *data_dir, const char *name, const uint8_t seed[SEED_BYTES]) MUST_USE;
/* A file of SEED_BYTES that only its owner may read: ERR_USAGE after a message. */
enum err seed_read(const char *path, uint8_t ret[SEED_BYTES]) MUST_USE;
/* The key DIR/keys/NAME.seed. */
enum err key_read(const char *data_dir, const char *name, struct sign_key *ret) MUST_USE;

#endif
