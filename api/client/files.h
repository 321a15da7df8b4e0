/* Files of the client: whole, bounded reads and writes that leave either the old or the new
 * content. Messages name the path. Thread-safe for different paths. */
#ifndef CAIRN_CLIENT_FILES_H
#define CAIRN_CLIENT_FILES_H

#include "server/base/buf.h"
#include "server/base/json.h"

/* Appends the file's bytes to ret (whose maximum bounds the size); "-" is standard input. ERR_IO
 * when it cannot be read, ERR_LIMIT when it is too long. */
enum err file_read(const char *path, struct buf *ret, struct problem *p) MUST_USE;
/* A file that is one JSON value of at most max bytes. */
enum err file_read_json(const char *path, size_t max, json_t **ret, struct problem *p) MUST_USE;
/* Writes beside the path, then renames: mode is 0600 for private content, else 0644. sync: fsync
 * the file and its folder before it counts, for what cannot be made again. */
enum err file_write(const char *path, const void *bytes, size_t len, unsigned mode, bool sync,
                    struct problem *p) MUST_USE;
/* Makes the folder and those above it; one that exists is fine. */
enum err folder_make(const char *path, unsigned mode, struct problem *p) MUST_USE;
bool file_exists(const char *path);

#endif
