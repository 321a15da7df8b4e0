/* Every handler of the route table (api/routes.c), by family and file. */
#ifndef CAIRN_API_HANDLERS_H
#define CAIRN_API_HANDLERS_H

#include "api/http/http.h"

/* accounts.c */
handler_fn api_accounts_post, api_account_get, api_challenge_get, api_sessions_post,
    api_session_delete, api_attestations_post;
/* wallet.c */
handler_fn api_deposits_post, api_wallet_get, api_transfers_get, api_payouts_post, api_payout_get;
/* bounties.c */
handler_fn api_bounties_get, api_bounties_post, api_bounty_get, api_funding_post, api_closure_post,
    api_bounty_account_get, api_bounty_submissions_get;
/* records.c */
handler_fn api_record_versions_post, api_record_content_put, api_records_get,
    api_record_version_get, api_record_content_get;
/* submissions.c */
handler_fn api_submissions_post, api_submission_content_put, api_grants_post, api_withdrawal_post,
    api_submissions_get, api_submission_get;
/* reviews.c */
handler_fn api_reviews_get, api_review_get, api_review_content_get, api_commitment_post,
    api_verdict_post;
/* receipts.c */
handler_fn api_receipts_get, api_receipt_get;
/* federation.c */
handler_fn api_federation_get, api_policy_get;
/* changes.c */
handler_fn api_changes_get, api_changes_post;
/* ../peer/log.c */
handler_fn api_checkpoint_get, api_tile_get, api_view_get;
/* ../peer/frames.c */
handler_fn api_frames_post;
/* members.c */
handler_fn api_member_any;
/* pseudonyms.c */
handler_fn api_pseudonyms_post;
/* ../peer/forward.c */
handler_fn api_forward;
/* ../peer/accounts.c */
handler_fn api_peer_accounts_post, api_peer_messages_post;
/* health.c */
handler_fn api_live_get, api_ready_get, api_metrics_get;
/* witness.c */
handler_fn api_witness_add_post;

#endif
