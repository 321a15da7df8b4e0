/* The home folder of one person (docs/cairn.md#home), mode 0700:
 *   root.key            64 hex digits and a newline, mode 0600: the root secret
 *   config.json         {"server": URL, "federation": name}; the name is pinned at first use
 *   reviews/ID.json     a reviewer's verdict and nonce between commit and reveal, mode 0600
 *   submissions/ID.json a patient's slice key until the submission is handed in, mode 0600
 *   receipts/           what `cairn receipt get` saved
 * One struct, one thread. */
#ifndef CAIRN_CLIENT_HOME_H
#define CAIRN_CLIENT_HOME_H

#include "server/base/json.h"
#include "server/crypto/keys.h"
#include "server/ledger/log/note.h"

#define HOME_PATH_MAX 768
#define HOME_FILE_MAX 1024

struct home {
    char path[HOME_PATH_MAX];
    char server[256];                   /* "" when none is known */
    char federation[NOTE_NAME_MAX + 1]; /* "" before the first call */
};

/* path: from --home, else $CAIRN_HOME, else ~/.cairn. Reads config.json if there is one; makes
 * nothing. */
enum err home_open(const char *path, struct home *ret, struct problem *p) MUST_USE;
enum err home_save_config(const struct home *h, struct problem *p) MUST_USE;

/* ERR_IO with a hint when there is no key, or when others may read it. */
enum err home_root(const struct home *h, uint8_t ret[ROOT_BYTES], struct problem *p) MUST_USE;
/* Refuses to replace a key (ERR_ACCOUNT_EXISTS). Durable before it returns. */
enum err home_root_create(const struct home *h, const uint8_t root[ROOT_BYTES],
                          struct problem *p) MUST_USE;
/* A root key from any file of the same form. */
enum err root_read(const char *path, uint8_t ret[ROOT_BYTES], struct problem *p) MUST_USE;
enum err root_write(const char *path, const uint8_t root[ROOT_BYTES], struct problem *p) MUST_USE;

/* "HOME/folder/name"; makes the folder when asked. name may be "" for the folder itself. */
enum err home_file(const struct home *h, const char *folder, const char *name, bool make,
                   char ret[HOME_FILE_MAX], struct problem *p) MUST_USE;
/* Private JSON kept between commands. ERR_NOT_FOUND if there is none. */
enum err home_keep(const struct home *h, const char *folder, const struct id *id,
                   const json_t *value, struct problem *p) MUST_USE;
enum err home_kept(const struct home *h, const char *folder, const struct id *id, json_t **ret,
                   struct problem *p) MUST_USE;
void home_forget(const struct home *h, const char *folder, const struct id *id);

#endif
