/* The configuration of a member: DIR/cairn.conf, "key = value" lines, its keys in DIR/keys, and
 * DIR/genesis.json, the same bytes at every member of the federation (docs/federation.md). Messages
 * go to the log. */
#ifndef CAIRN_CONFIG_H
#define CAIRN_CONFIG_H

#include "server/app.h"
#include "server/ledger/io/ledger.h"
#include "server/ledger/members/members.h"

#define CONFIG_WITNESSES_MAX 8
#define CONFIG_WITNESS_FOR_MAX 16
#define CONFIG_URL_MAX 255

struct config_witness {
    char url[CONFIG_URL_MAX + 1]; /* http or https, without a slash at the end */
    struct note_key key;          /* of a cosigner */
};

struct config {
    char data_dir[200];
    char shared_dir[200]; /* "shared": keys, blobs, salt keys and mark of all processes of this
                           * member that use one database; default: the data directory */
    char federation[FEDERATION_NAME_MAX + 1]; /* "federation": origin prefix of the logs */
    uint16_t member;                          /* "member": 1..65535 */
    uint8_t operator_key[SIGN_PUBLIC_BYTES];  /* "operator": base64 identity key */
    char address[64];                         /* "address": 127.0.0.1 */
    uint16_t port;                            /* "port": 8480; 0 = any free one */
    char database[400];        /* "database": libpq string; empty = private cluster */
    char database_owner[400];  /* "database_owner": the same for migrations */
    unsigned workers, threads; /* "workers": 16, "threads": 2 */
    unsigned in_flight;        /* "in_flight": 8; heights of a chain that this member may have open
                                * when it leads */
    bool rekeyed;              /* "rekeyed": yes if own keys differ from the genesis by a re-key */
    struct config_witness witnesses[CONFIG_WITNESSES_MAX]; /* "witness": URL VKEY, who is asked */
    size_t n_witnesses;
    struct note_key witness_for[CONFIG_WITNESS_FOR_MAX]; /* "witness_for": VKEY, logs of others */
    size_t n_witness_for;
    struct genesis *genesis;          /* of the shared directory; owned, config_release frees it */
    uint8_t genesis_hash[HASH_BYTES]; /* SHA-256 of the file */
};

/* A federation of one: fresh keys, a genesis with this member alone, an empty ledger and
 * DIR/cairn.conf. DIR must exist and hold none of them. ERR_USAGE, ERR_IO. */
enum err config_init(const char *data_dir, const char *federation,
                     const char *operator_b64) MUST_USE;
/* A member to be: fresh keys and DIR/card.json, their public halves for the others. */
enum err config_init_member(const char *data_dir, uint16_t number, const char *name,
                            const char *endpoint, const char *operator_b64) MUST_USE;

/* What the founders hand to each member. Read apart from joining, because they may lie where only
 * the starting user can read. */
struct join_files {
    struct genesis genesis;
    struct buf genesis_bytes;
    uint8_t log_seed[CHAINS][SIGN_SEED_BYTES];
};
void join_files_init(struct join_files *j);
/* ERR_USAGE if a file is unreadable or malformed, or the keys are not those of the genesis. */
enum err join_files_read(const char *genesis_path, const char *log_keys_dir,
                         struct join_files *ret) MUST_USE;
void join_files_release(struct join_files *j); /* wipes the seeds */
/* Completes a directory of config_init_member: genesis, log keys, empty ledger, cairn.conf. */
enum err config_join(const char *data_dir, const struct join_files *j) MUST_USE;

/* The caller owns what is in *ret. ERR_USAGE, ERR_NO_MEMORY. */
enum err config_read(const char *data_dir, struct config *ret) MUST_USE;
void config_release(struct config *c); /* a zeroed struct is fine */

/* For a stopped member: a new vote key, an empty journal, and "rekeyed = yes"; prints one JSON line
 * with the public half of the key and what the operator has to propose. The old seed is destroyed,
 * the old journal set aside. Until the account chain names the new key the member follows and does
 * not vote. ERR_USAGE after a message, ERR_IO: run it again. */
enum err config_rekey(const struct config *c) MUST_USE;

struct secrets {
    struct sign_key member; /* signs the member's statements */
    struct ledger_keys ledger;
    uint8_t session[32];
};
enum err secrets_read(const char *data_dir, struct secrets *ret) MUST_USE;
/* ERR_USAGE, with a message that names the file, if the keys are not those of the genesis. Own keys
 * are compared only if the genesis has this member and they were not changed since. */
enum err config_check_keys(const struct config *c, const struct secrets *s) MUST_USE;
void secrets_wipe(struct secrets *s);

#endif
