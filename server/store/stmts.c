/* Every statement of the program: a test prepares all of them against the migrated schema. A table
 * file adds its list here. */
#include "server/store/account.h"
#include "server/store/books.h"
#include "server/store/bounty.h"
#include "server/store/chain.h"
#include "server/store/entry.h"
#include "server/store/health.h"
#include "server/store/log.h"
#include "server/store/member_account.h"
#include "server/store/member_bounty.h"
#include "server/store/member_message.h"
#include "server/store/payout.h"
#include "server/store/seat.h"
#include "server/store/store_internal.h"
#include "server/store/submission.h"
#include "server/store/vault.h"
#include "server/store/witness.h"

const struct store_list store_lists[] = {
    { "idem", idem_stmts, &idem_stmts_n },
    { "book", books_stmts, &books_stmts_n },
    { "entry", entry_stmts, &entry_stmts_n },
    { "log", log_stmts, &log_stmts_n },
    { "chain", chain_stmts, &chain_stmts_n },
    { "account", account_stmts, &account_stmts_n },
    { "vault", vault_stmts, &vault_stmts_n },
    { "bounty", bounty_stmts, &bounty_stmts_n },
    { "submission", submission_stmts, &submission_stmts_n },
    { "seat", seat_stmts, &seat_stmts_n },
    { "payout", payout_stmts, &payout_stmts_n },
    { "member_account", member_account_stmts, &member_account_stmts_n },
    { "member_bounty", member_bounty_stmts, &member_bounty_stmts_n },
    { "member_message", member_message_stmts, &member_message_stmts_n },
    { "witness", witness_stmts, &witness_stmts_n },
    { "health", health_stmts, &health_stmts_n },
};
const size_t store_lists_n = COUNT(store_lists);
