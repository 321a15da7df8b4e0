/* Wiring: which function applies which public entry of another member (server/ledger/io/apply.h).
 */
#include "server/app_apply.h"

#include "server/market/replica.h"
#include "server/party/enroll.h"

const struct ledger_apply app_apply[] = {
    { "reviewer.enroll", enroll_apply },
    { "bounty.publish", replica_publish },
    { "bounty.price", replica_price },
};
const size_t app_apply_n = COUNT(app_apply);
