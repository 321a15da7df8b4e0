/* The manual: docs/cairn.md, `cairn --help` and `cairn COMMAND --help` are all printed from here,
 * so that they cannot differ. */
#ifndef CAIRN_CLIENT_HELP_H
#define CAIRN_CLIENT_HELP_H

#include "api/client/cmd.h"
#include "server/base/buf.h"

#define COMMAND_WORDS_MAX 2

struct command {
    const char *words[COMMAND_WORDS_MAX]; /* "bounty", "publish"; the second may be NULL */
    command_fn *run;
    const char *group; /* heading of the manual */
    const char *arguments;
    const char *summary; /* one line, no full stop */
    const char *text;    /* paragraphs and option lines */
};

extern const struct command commands[];
extern const size_t commands_n;

enum err help_overview(struct buf *ret) MUST_USE;
enum err help_command(const struct command *c, struct buf *ret) MUST_USE;
/* The whole of docs/cairn.md. */
enum err help_manual(struct buf *ret) MUST_USE;

#endif
