/* The board: open bounties as everyone reads them, from memory, without SQL. Refreshed after a
 * change and by the scheduler once a second; readers copy under a lock. Any thread. */
#ifndef CAIRN_MARKET_BOARD_H
#define CAIRN_MARKET_BOARD_H

#include "server/base/buf.h"
#include "server/base/json.h"
#include "server/store/store.h"

#define BOARD_MAX 10000    /* open bounties shown */
#define BOARD_PAGE_MAX 100 /* items of one call */
#define BOARD_TAIL 128 /* room that board_list leaves for what its caller puts behind the items */

struct board;

/* member: our own number, shown as the home of our bounties. */
enum err board_new(uint16_t member, struct board **ret) MUST_USE;
void board_free(struct board *b);
/* Reads all open bounties anew. */
enum err board_refresh(struct board *b, struct db *db) MUST_USE;
/* Appends up to limit (at most BOARD_PAGE_MAX) items older than before (INT64_MAX: from the newest)
 * as JSON, separated by commas; disease NULL: all. *ret_next = cursor of the following page, 0 at
 * the end; *ret_version changes with the content. */
enum err board_list(struct board *b, const char *disease, int64_t before, int limit,
                    struct buf *ret, int64_t *ret_next, uint64_t *ret_version) MUST_USE;

/* The public summary of a row of store_bounties / store_bounty_public; new reference or NULL.
 * member: our own number. terms may be NULL; otherwise *ret_terms is the parsed terms (new
 * reference). */
json_t *bounty_summary(const struct rows *r, size_t i, uint16_t member, json_t **ret_terms);

#endif
