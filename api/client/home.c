#include "api/client/home.h"

#include "api/client/files.h"
#include "server/base/fields.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX 4096
#define KEPT_MAX (256u << 10)

static enum err locate(const char *path, char ret[HOME_PATH_MAX], struct problem *p)
{
    const char *env = getenv("CAIRN_HOME"), *user = getenv("HOME");
    int n;
    if (path != NULL || (env != NULL && env[0] != '\0'))
        n = snprintf(ret, HOME_PATH_MAX, "%s", path != NULL ? path : env);
    else if (user != NULL && user[0] != '\0')
        n = snprintf(ret, HOME_PATH_MAX, "%s/.cairn", user);
    else
        return problem_set(p, ERR_USAGE, "", "There is no home folder; give one with --home DIR.");
    if (n <= 0 || n >= HOME_PATH_MAX)
        return problem_set(p, ERR_USAGE, "", "The path of the home folder is empty or too long.");
    return OK;
}

static enum err read_config(struct home *h, struct problem *p)
{
    char path[HOME_FILE_MAX];
    (void)snprintf(path, sizeof(path), "%s/config.json", h->path);
    if (!file_exists(path))
        return OK;
    json_t *v = NULL;
    enum err e = file_read_json(path, CONFIG_MAX, &v, p);
    if (e != OK)
        return e;
    const char *server = "", *federation = "";
    const struct field fields[] = {
        { .name = "server",
          .type = FIELD_TEXT,
          .ret = &server,
          .max = sizeof(h->server) - 1,
          .optional = true },
        { .name = "federation",
          .type = FIELD_TEXT,
          .ret = &federation,
          .max = NOTE_NAME_MAX,
          .optional = true },
    };
    struct problem why = { 0 };
    e = fields_read(v, "", fields, COUNT(fields), &why);
    if (e == OK) {
        (void)snprintf(h->server, sizeof(h->server), "%s", server);
        (void)snprintf(h->federation, sizeof(h->federation), "%s", federation);
    } else {
        (void)problem_set(p, e, why.pointer, "%.100s: %.140s", path, why.detail);
    }
    json_decref(v);
    return e;
}

enum err home_open(const char *path, struct home *ret, struct problem *p)
{
    struct home h = { 0 };
    enum err e = locate(path, h.path, p);
    if (e == OK)
        e = read_config(&h, p);
    if (e == OK)
        *ret = h;
    return e;
}

static enum err write_json(const char *path, const json_t *value, struct problem *p)
{
    struct buf b;
    buf_init(&b, KEPT_MAX);
    enum err e = json_canonical(value, &b);
    if (e == OK)
        e = buf_add(&b, "\n", 1);
    if (e != OK)
        (void)problem_set(p, e, "", "%s", err_text(e));
    else
        e = file_write(path, b.data, b.len, 0600, true, p);
    buf_release_secret(&b);
    return e;
}

enum err home_save_config(const struct home *h, struct problem *p)
{
    char path[HOME_FILE_MAX];
    enum err e = folder_make(h->path, 0700, p);
    if (e != OK)
        return e;
    (void)snprintf(path, sizeof(path), "%s/config.json", h->path);
    json_t *v = json_pack("{s:s, s:s}", "server", h->server, "federation", h->federation);
    if (v == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    e = write_json(path, v, p);
    json_decref(v);
    return e;
}

enum err root_read(const char *path, uint8_t ret[ROOT_BYTES], struct problem *p)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return problem_set(p, ERR_IO, "", "Others may read %.120s; run chmod 600 on it first.",
                           path);
    struct buf b;
    buf_init(&b, 2 * ROOT_BYTES + 1);
    enum err e = file_read(path, &b, p);
    if (e == OK) {
        size_t len = b.len == 2 * ROOT_BYTES + 1 && b.data[b.len - 1] == '\n' ? b.len - 1 : b.len;
        if (!hex_decode(buf_str(&b), len, ret, ROOT_BYTES))
            e = problem_set(p, ERR_SYNTAX, "", "%.150s is no root key: it must be 64 hex digits.",
                            path);
    }
    buf_release_secret(&b);
    return e;
}

enum err root_write(const char *path, const uint8_t root[ROOT_BYTES], struct problem *p)
{
    char text[2 * ROOT_BYTES + 2];
    if (file_exists(path))
        return problem_set(p, ERR_ACCOUNT_EXISTS, "",
                           "%.150s holds a key already; it is never replaced. Use another --home.",
                           path);
    hex_encode(root, ROOT_BYTES, text);
    text[2 * ROOT_BYTES] = '\n';
    enum err e = file_write(path, text, 2 * ROOT_BYTES + 1, 0600, true, p);
    bytes_wipe(text, sizeof(text));
    return e;
}

enum err home_root(const struct home *h, uint8_t ret[ROOT_BYTES], struct problem *p)
{
    char path[HOME_FILE_MAX];
    (void)snprintf(path, sizeof(path), "%s/root.key", h->path);
    if (!file_exists(path))
        return problem_set(p, ERR_IO, "", "There is no key in %.150s; run `cairn keygen` first.",
                           h->path);
    return root_read(path, ret, p);
}

enum err home_root_create(const struct home *h, const uint8_t root[ROOT_BYTES], struct problem *p)
{
    char path[HOME_FILE_MAX];
    enum err e = folder_make(h->path, 0700, p);
    if (e != OK)
        return e;
    (void)snprintf(path, sizeof(path), "%s/root.key", h->path);
    return root_write(path, root, p);
}

enum err home_file(const struct home *h, const char *folder, const char *name, bool make,
                   char ret[HOME_FILE_MAX], struct problem *p)
{
    char path[HOME_FILE_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", h->path, folder);
    if (n < 0 || n >= HOME_FILE_MAX)
        return problem_set(p, ERR_IO, "", "The path of the home folder is too long.");
    enum err e = make ? folder_make(path, 0700, p) : OK;
    if (e != OK)
        return e;
    if (name[0] != '\0')
        n = snprintf(path, sizeof(path), "%s/%s/%s", h->path, folder, name);
    if (n < 0 || n >= HOME_FILE_MAX)
        return problem_set(p, ERR_IO, "", "The path of the home folder is too long.");
    memcpy(ret, path, sizeof(path));
    return OK;
}

static enum err kept_path(const struct home *h, const char *folder, const struct id *id, bool make,
                          char ret[HOME_FILE_MAX], struct problem *p)
{
    char name[ID_TEXT_SIZE + sizeof(".json")], text[ID_TEXT_SIZE];
    id_text(id, text);
    (void)snprintf(name, sizeof(name), "%s.json", text);
    return home_file(h, folder, name, make, ret, p);
}

enum err home_keep(const struct home *h, const char *folder, const struct id *id,
                   const json_t *value, struct problem *p)
{
    char path[HOME_FILE_MAX];
    enum err e = kept_path(h, folder, id, true, path, p);
    return e == OK ? write_json(path, value, p) : e;
}

enum err home_kept(const struct home *h, const char *folder, const struct id *id, json_t **ret,
                   struct problem *p)
{
    char path[HOME_FILE_MAX];
    enum err e = kept_path(h, folder, id, false, path, p);
    if (e != OK)
        return e;
    if (!file_exists(path))
        return problem_set(p, ERR_NOT_FOUND, "", "Nothing is kept under %.150s.", path);
    return file_read_json(path, KEPT_MAX, ret, p);
}

void home_forget(const struct home *h, const char *folder, const struct id *id)
{
    char path[HOME_FILE_MAX];
    if (kept_path(h, folder, id, false, path, NULL) == OK)
        (void)unlink(path);
}
