#include "server/payout/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

bool adapter_known(const char *method)
{
    return strcmp(method, "test") == 0;
}

/* A destination that begins with "fail" is one that this bank refuses: so failures can be tried
 * out. */
static bool refuses(const struct payout_row *p)
{
    return strncmp(p->destination, "fail", 4) == 0;
}

/* Lines are "<reference> <amount> <currency> <outcome>"; a torn last line was never an order.
 * *ret_end = where the whole lines end. */
static bool find(FILE *f, const char *reference, enum adapter_outcome *ret, long *ret_end)
{
    char line[128];
    *ret_end = 0;
    rewind(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        size_t len = strlen(line);
        if (len == 0 || line[len - 1] != '\n')
            continue;
        *ret_end = ftell(f);
        if (strncmp(line, reference, ID_TEXT_SIZE - 1) != 0)
            continue;
        *ret = strstr(line, " confirmed\n") != NULL ? ADAPTER_CONFIRMED : ADAPTER_FAILED;
        return true;
    }
    return false;
}

/* What a crash tore is cut off: ended instead, it would be taken for an order that failed. */
static enum err append(FILE *f, long end, const struct payout_row *p, const char *reference)
{
    if (end < 0 || ftruncate(fileno(f), end) != 0 || fseek(f, end, SEEK_SET) != 0)
        return ERR_IO;
    if (fprintf(f, "%s %lld %s %s\n", reference, (long long)p->amount, p->currency,
                refuses(p) ? "refused" : "confirmed") < 0 ||
        fflush(f) != 0 || fdatasync(fileno(f)) != 0)
        return errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    return OK;
}

enum err adapter_pay(const struct app *app, const struct payout_row *p, enum adapter_outcome *ret)
{
    char path[256], reference[ID_TEXT_SIZE];
    (void)snprintf(path, sizeof(path), "%s/payments.log", app->data_dir);
    id_text(&p->id, reference);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "r+") : NULL;
    if (f == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return ERR_IO;
    }
    enum err e = flock(fd, LOCK_EX) == 0 ? OK : ERR_IO;
    enum adapter_outcome outcome = ADAPTER_UNKNOWN;
    long end = 0;
    if (e == OK && !find(f, reference, &outcome, &end)) {
        e = append(f, end, p, reference);
        outcome = refuses(p) ? ADAPTER_FAILED : ADAPTER_CONFIRMED;
    }
    if (fclose(f) != 0 && e == OK)
        e = ERR_IO;
    if (e == OK)
        *ret = outcome;
    return e;
}
