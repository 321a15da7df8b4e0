/* A final view (forensics.h) as a text file, "cairn-view/1": what somebody was shown as final, in a
 * form that can be kept, sent on and held against another one. One line each, every line ends in a
 * newline, and there is no other spelling:
 *
 *     cairn-view/1
 *     genesis HEX                    SHA-256 of the canonical genesis file
 *     chain account                  or tx
 *     epoch 3
 *     validator 11 BASE64            member number and vote key; one line each, in order of the
 * index block BASE64                   a payload of WIRE_BLOCK; one line each, ascending height
 *     final BASE64                   a payload of WIRE_CERT: F of the last block
 *
 * Nothing is verified here but the hashes inside each block: forensics_run does the rest. The file
 * brings its own list of validators, so whoever reads it decides whether to believe the list.
 * Allocates; pure otherwise. */
#ifndef CAIRN_LEDGER_VIEW_FILE_H
#define CAIRN_LEDGER_VIEW_FILE_H

#include "server/ledger/wire/forensics.h"

#define VIEW_FILE_MAX (32u << 20)
#define VIEW_FILE_BLOCKS_MAX 4096

struct view_file {
    struct wire_scope scope;
    struct forensic_view view; /* borrows the two below */
    struct wire_proposal *blocks;
    uint8_t *bytes;
};

/* Appends the text. ERR_LIMIT beyond the bounds; ERR_SYNTAX for what could not be read back. */
enum err view_file_print(const struct wire_scope *s, const struct forensic_view *v,
                         struct buf *ret) MUST_USE;
/* ERR_SYNTAX, ERR_LIMIT, ERR_CRYPTO (a hash), ERR_NO_MEMORY; *p (may be NULL) names the line. */
enum err view_file_parse(const char *text, size_t len, struct view_file *ret,
                         struct problem *p) MUST_USE;
void view_file_release(struct view_file *f);

#endif
