#include "tests/lib/unprivileged.h"

#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void unprivileged_become(void)
{
    static const char *const names[] = { "cairn", "postgres", "nobody" };
    const struct passwd *pw = NULL;
    if (geteuid() != 0)
        return;
    for (size_t i = 0; i < 3 && pw == NULL; i++)
        pw = getpwnam(names[i]);
    if (pw == NULL || setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
        abort();
    /* A process that changed its user may not be looked at, which the leak checker needs to do. */
    (void)prctl(PR_SET_DUMPABLE, 1);
}

void unprivileged_folder(char *ret, unsigned long size)
{
    static const char form[] = "/var/tmp/cairn-test-XXXXXX";
    if (size < sizeof(form))
        abort();
    memcpy(ret, form, sizeof(form));
    if (mkdtemp(ret) == NULL || chdir(ret) != 0)
        abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void unprivileged_remove(const char *folder)
{
    if (chdir("/") != 0 || nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        perror(folder);
}
