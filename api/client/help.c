#include "api/client/help.h"

#include <stdio.h>

static const char intro[] =
    "cairn - the client and auditor of a Cairn federation\n"
    "\n"
    "usage: cairn [--server URL] [--home DIR] [--json] COMMAND [ARGUMENTS]\n";

static const char options[] =
    "  --server URL   the member server to talk to, such as http://127.0.0.1:8480; remembered\n"
    "                 in the home folder once a sign-in there has succeeded\n"
    "  --home DIR     the folder that holds the key (default: $CAIRN_HOME, else ~/.cairn)\n"
    "  --json         one line of canonical JSON on standard output; errors are JSON too, on\n"
    "                 standard error\n"
    "  --help         this page, or that of a command\n"
    "  --version      the version\n";

static const char status[] = "  0  done\n"
                             "  1  refused by the server, or a verification failed\n"
                             "  2  wrong usage\n"
                             "  3  the server does not answer, or failed\n"
                             "  4  a file that was given cannot be read, or is wrong\n";

static const char files[] =
    "  HOME/root.key             the root secret: 64 hex digits, readable by its owner only.\n"
    "                            Whoever has it is you; nobody can restore it. It is not\n"
    "                            wrapped with a passphrase here: that comes with the front\n"
    "                            end, so keep the folder on an encrypted disk.\n"
    "  HOME/config.json          the server, and the federation's name, which is pinned at the\n"
    "                            first use\n"
    "  HOME/submissions/ID.json  the key of a slice between opening and handing in\n"
    "  HOME/reviews/ID.json      a verdict and its nonce between commit and reveal: losing it\n"
    "                            loses the verdict, for nobody else can open the commitment\n"
    "  HOME/receipts/            what `cairn receipt get` saved\n";

static enum err add_name(const struct command *c, struct buf *ret)
{
    return buf_addf(ret, "%s%s%s", c->words[0], c->words[1] != NULL ? " " : "",
                    c->words[1] != NULL ? c->words[1] : "");
}

static enum err add_group(const char *group, struct buf *ret)
{
    enum err e = buf_addf(ret, "\n%s:\n", group);
    for (size_t i = 0; i < commands_n && e == OK; i++) {
        const struct command *c = &commands[i];
        char name[40];
        (void)snprintf(name, sizeof(name), "%s%s%s", c->words[0], c->words[1] != NULL ? " " : "",
                       c->words[1] != NULL ? c->words[1] : "");
        if (strcmp(c->group, group) == 0)
            e = buf_addf(ret, "  %-21s  %s\n", name, c->summary);
    }
    return e;
}

enum err help_overview(struct buf *ret)
{
    enum err e = buf_addf(ret, "%s\noptions, before or after the command:\n%s", intro, options);
    for (size_t i = 0; i < commands_n && e == OK; i++)
        if (i == 0 || strcmp(commands[i].group, commands[i - 1].group) != 0)
            e = add_group(commands[i].group, ret);
    return e == OK ? buf_addf(ret, "\nexit status:\n%s\nfiles:\n%s", status, files) : e;
}

enum err help_command(const struct command *c, struct buf *ret)
{
    enum err e = buf_add_str(ret, "usage: cairn ");
    if (e == OK)
        e = add_name(c, ret);
    if (e == OK)
        e = buf_addf(ret, "%s%s\n\n%s", c->arguments[0] != '\0' ? " " : "", c->arguments, c->text);
    return e;
}

static enum err manual_command(const struct command *c, struct buf *ret)
{
    enum err e = buf_add_str(ret, "\n### cairn ");
    if (e == OK)
        e = add_name(c, ret);
    if (e == OK)
        e = buf_addf(ret, "\n%s.\n\n```\n", c->summary);
    if (e == OK)
        e = help_command(c, ret);
    return e == OK ? buf_add_str(ret, "```\n") : e;
}

enum err help_manual(struct buf *ret)
{
    enum err e = buf_addf(
        ret,
        "# cairn: the command\n\n"
        "This page is what `cairn help manual` prints; a test keeps it so. `cairn --help` and\n"
        "`cairn COMMAND --help` print the same texts.\n\n"
        "```\n"
        "%s```\n\n"
        "## Options\n"
        "Before or after the command:\n\n"
        "```\n"
        "%s```\n\n"
        "## Exit status\n"
        "```\n"
        "%s```\n\n"
        "## Home\n"
        "```\n"
        "%s```\n\n"
        "Every change that `cairn` asks of a server carries an Idempotency-Key, and is sent again\n"
        "under the same key when the connection is lost or the server says it is busy (503 with\n"
        "Retry-After), for up to 15 seconds: within one command nothing is done twice. A command\n"
        "that gave up, or that you interrupted, may or may not have been heard: look before you\n"
        "run it again, since that would be a new request.\n",
        intro, options, status, files);
    const char *group = "";
    for (size_t i = 0; i < commands_n && e == OK; i++) {
        if (strcmp(commands[i].group, group) != 0)
            e = buf_addf(ret, "\n## %s\n", commands[i].group);
        group = commands[i].group;
        if (e == OK)
            e = manual_command(&commands[i], ret);
    }
    return e;
}
