/* The configuration of a member: DIR/cairn.conf, "key = value" lines, and its keys in DIR/keys. */
#ifndef CAIRN_CONFIG_H
#define CAIRN_CONFIG_H

#include "server/app.h"
#include "server/ledger/io/ledger.h"

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
};

/* Writes DIR/cairn.conf and fresh keys; DIR must exist and hold neither. Messages go to the log. */
enum err config_init(const char *data_dir, const char *federation,
                     const char *operator_b64) MUST_USE;
enum err config_read(const char *data_dir, struct config *ret) MUST_USE;

struct secrets {
    struct sign_key member; /* signs the member's statements */
    struct ledger_keys ledger;
    uint8_t session[32];
};
enum err secrets_read(const char *data_dir, struct secrets *ret) MUST_USE;
void secrets_wipe(struct secrets *s);

#endif
