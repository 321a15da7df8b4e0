/* The one route table: method, template, operation, handler, who may call, body, limits.
 * openapi.yaml says the same; tests/apigate/routes.mjs compares both ways. */
#include "api/v1/handlers.h"

#include "server/ledger/log/witness.h"
#include "server/ledger/wire/wire.h"
#include "server/vault/format.h"

#define JSON_SMALL (16u << 10)
#define JSON_LARGE (64u << 10)
#define QUICK 5000        /* deadline of an ordinary request, ms */
#define TWO_MEMBERS 12000 /* of one that another member answers */
#define WAITING 30000     /* of a long poll */
#define FRAMES 10000      /* of frames from a member; it gives up after as long */
#define UPLOAD 60000      /* of ciphertext in or out */

/* method, template, operation, handler, who, body, body_max, deadline_ms, inline_ok, no_db, query
 */
const struct route api_routes[] = {
    { M_GET, "/health/live", "healthLive", api_live_get, WHO_ANYONE, BODY_NONE, 0, QUICK, true,
      false, NULL },
    { M_GET, "/health/ready", "healthReady", api_ready_get, WHO_ANYONE, BODY_NONE, 0, QUICK, false,
      false, NULL },
    { M_GET, "/metrics", "metrics", api_metrics_get, WHO_ANYONE, BODY_NONE, 0, QUICK, false, false,
      NULL },
    { M_GET, "/v1/federation", "getFederation", api_federation_get, WHO_ANYONE, BODY_NONE, 0, QUICK,
      true, false, NULL },
    { M_GET, "/v1/federation/policy", "getPolicy", api_policy_get, WHO_ANYONE, BODY_NONE, 0, QUICK,
      true, false, NULL },
    { M_GET, "/v1/federation/changes", "listChanges", api_changes_get, WHO_ANYONE, BODY_NONE, 0,
      QUICK, true, false, NULL },
    { M_POST, "/v1/federation/changes", "sayChange", api_changes_post, WHO_OPERATOR, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },
    { M_GET, "/log/{chain}/checkpoint", "getCheckpoint", api_checkpoint_get, WHO_ANYONE, BODY_NONE,
      0, QUICK, true, false, NULL },
    { M_GET, "/log/{chain}/tile/{path...}", "getTile", api_tile_get, WHO_ANYONE, BODY_NONE, 0,
      QUICK, false, false, NULL },
    { M_GET, "/log/{chain}/view/{height}", "getView", api_view_get, WHO_ANYONE, BODY_NONE, 0, QUICK,
      false, false, NULL },

    { M_POST, "/witness/add-checkpoint", "addCheckpoint", api_witness_add_post, WHO_ANYONE,
      BODY_TEXT, WITNESS_REQUEST_MAX, QUICK, false, false, NULL },

    { M_POST, "/peer/v1/frames", "postFrames", api_frames_post, WHO_PEER, BODY_FRAMES,
      WIRE_POST_MAX, FRAMES, true, true, NULL },

    { M_POST, "/peer/v1/accounts", "vouchForAccount", api_peer_accounts_post, WHO_PEER, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },
    { M_POST, "/peer/v1/messages", "postMessages", api_peer_messages_post, WHO_PEER, BODY_JSON,
      JSON_LARGE, QUICK, false, false, NULL },
    { M_GET, "/peer/v1/forward/{path...}", "forwardGet", api_forward, WHO_PEER, BODY_NONE, 0,
      UPLOAD, false, false, "limit cursor disease phase wait" },
    { M_POST, "/peer/v1/forward/{path...}", "forwardPost", api_forward, WHO_PEER, BODY_JSON,
      JSON_LARGE, QUICK, false, false, NULL },
    { M_PUT, "/peer/v1/forward/{path...}", "forwardPut", api_forward, WHO_PEER, BODY_FILE,
      VAULT_ENVELOPE_MAX, UPLOAD, false, false, NULL },

    { M_POST, "/v1/accounts", "registerAccount", api_accounts_post, WHO_ANYONE, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },
    { M_GET, "/v1/accounts/{account}", "getAccount", api_account_get, WHO_SIGNED_IN, BODY_NONE, 0,
      QUICK, false, false, NULL },
    { M_GET, "/v1/accounts/{account}/challenge", "getChallenge", api_challenge_get, WHO_ANYONE,
      BODY_NONE, 0, QUICK, true, false, NULL },
    { M_POST, "/v1/sessions", "createSession", api_sessions_post, WHO_ANYONE, BODY_JSON, JSON_SMALL,
      QUICK, false, false, NULL },
    { M_DELETE, "/v1/sessions/current", "deleteSession", api_session_delete, WHO_SIGNED_IN,
      BODY_NONE, 0, QUICK, false, false, NULL },
    { M_POST, "/v1/attestations", "attestRole", api_attestations_post, WHO_OPERATOR, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },

    { M_POST, "/v1/deposits", "createDeposit", api_deposits_post, WHO_SPONSOR, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },
    { M_GET, "/v1/wallet", "getWallet", api_wallet_get, WHO_SIGNED_IN, BODY_NONE, 0, QUICK, false,
      false, NULL },
    { M_GET, "/v1/wallet/transfers", "listTransfers", api_transfers_get, WHO_SIGNED_IN, BODY_NONE,
      0, QUICK, false, false, "limit cursor" },
    { M_POST, "/v1/payouts", "createPayout", api_payouts_post, WHO_SIGNED_IN, BODY_JSON, JSON_SMALL,
      QUICK, false, false, NULL },
    { M_GET, "/v1/payouts/{payout}", "getPayout", api_payout_get, WHO_SIGNED_IN, BODY_NONE, 0,
      QUICK, false, false, NULL },

    { M_GET, "/v1/bounties", "listBounties", api_bounties_get, WHO_ANYONE, BODY_NONE, 0, QUICK,
      true, false, "limit cursor disease" },
    { M_POST, "/v1/bounties", "publishBounty", api_bounties_post, WHO_SPONSOR, BODY_JSON,
      JSON_LARGE, QUICK, false, false, NULL },
    { M_GET, "/v1/bounties/{bounty}", "getBounty", api_bounty_get, WHO_ANYONE, BODY_NONE, 0, QUICK,
      false, false, NULL },
    { M_POST, "/v1/bounties/{bounty}/funding", "fundBounty", api_funding_post, WHO_SPONSOR,
      BODY_JSON, JSON_SMALL, QUICK, false, false, NULL },
    { M_POST, "/v1/bounties/{bounty}/closure", "closeBounty", api_closure_post, WHO_SPONSOR,
      BODY_JSON, JSON_SMALL, QUICK, false, false, NULL },
    { M_GET, "/v1/bounties/{bounty}/account", "getBountyAccount", api_bounty_account_get,
      WHO_SPONSOR, BODY_NONE, 0, QUICK, false, false, NULL },
    { M_GET, "/v1/bounties/{bounty}/submissions", "listBountySubmissions",
      api_bounty_submissions_get, WHO_SPONSOR, BODY_NONE, 0, QUICK, false, false, "limit cursor" },

    { M_POST, "/v1/records/{record}/versions", "createRecordVersion", api_record_versions_post,
      WHO_PATIENT, BODY_JSON, JSON_SMALL, QUICK, false, false, NULL },
    { M_PUT, "/v1/records/{record}/versions/{number}/content", "putRecordContent",
      api_record_content_put, WHO_PATIENT, BODY_FILE, VAULT_ENVELOPE_MAX, UPLOAD, false, false,
      NULL },
    { M_GET, "/v1/records", "listRecords", api_records_get, WHO_PATIENT, BODY_NONE, 0, QUICK, false,
      false, "limit cursor" },
    { M_GET, "/v1/records/{record}/versions/{number}", "getRecordVersion", api_record_version_get,
      WHO_PATIENT, BODY_NONE, 0, QUICK, false, false, NULL },
    { M_GET, "/v1/records/{record}/versions/{number}/content", "getRecordContent",
      api_record_content_get, WHO_PATIENT, BODY_NONE, 0, UPLOAD, false, false, NULL },

    { M_POST, "/v1/submissions", "openSubmission", api_submissions_post, WHO_PATIENT, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },
    { M_PUT, "/v1/submissions/{submission}/content", "putSubmissionContent",
      api_submission_content_put, WHO_PATIENT, BODY_FILE, VAULT_ENVELOPE_MAX, UPLOAD, false, false,
      NULL },
    { M_POST, "/v1/submissions/{submission}/grants", "submitSubmission", api_grants_post,
      WHO_PATIENT, BODY_JSON, JSON_LARGE, QUICK, false, false, NULL },
    { M_POST, "/v1/submissions/{submission}/withdrawal", "withdrawSubmission", api_withdrawal_post,
      WHO_PATIENT, BODY_JSON, JSON_SMALL, QUICK, false, false, NULL },
    { M_GET, "/v1/submissions", "listSubmissions", api_submissions_get, WHO_PATIENT, BODY_NONE, 0,
      QUICK, false, false, "limit cursor" },
    { M_GET, "/v1/submissions/{submission}", "getSubmission", api_submission_get, WHO_SIGNED_IN,
      BODY_NONE, 0, QUICK, false, false, NULL },

    { M_GET, "/v1/reviews", "listReviews", api_reviews_get, WHO_REVIEWER, BODY_NONE, 0, QUICK,
      false, false, "limit cursor phase" },
    { M_GET, "/v1/reviews/{submission}", "getReview", api_review_get, WHO_REVIEWER, BODY_NONE, 0,
      QUICK, false, false, NULL },
    { M_GET, "/v1/reviews/{submission}/content", "getReviewContent", api_review_content_get,
      WHO_REVIEWER, BODY_NONE, 0, UPLOAD, false, false, NULL },
    { M_POST, "/v1/reviews/{submission}/commitment", "commitVerdict", api_commitment_post,
      WHO_REVIEWER, BODY_JSON, JSON_SMALL, QUICK, false, false, NULL },
    { M_POST, "/v1/reviews/{submission}/verdict", "revealVerdict", api_verdict_post, WHO_REVIEWER,
      BODY_JSON, JSON_SMALL, QUICK, false, false, NULL },

    { M_POST, "/v1/pseudonyms", "registerPseudonym", api_pseudonyms_post, WHO_PATIENT, BODY_JSON,
      JSON_SMALL, QUICK, false, false, NULL },
    { M_GET, "/v1/members/{member}/{path...}", "memberGet", api_member_any, WHO_SIGNED_IN,
      BODY_NONE, 0, UPLOAD, false, false, "limit cursor disease phase wait" },
    { M_POST, "/v1/members/{member}/{path...}", "memberPost", api_member_any, WHO_SIGNED_IN,
      BODY_JSON, JSON_LARGE, TWO_MEMBERS, false, false, NULL },
    { M_PUT, "/v1/members/{member}/{path...}", "memberPut", api_member_any, WHO_SIGNED_IN,
      BODY_FILE, VAULT_ENVELOPE_MAX, UPLOAD, false, false, NULL },

    { M_GET, "/v1/receipts", "listReceipts", api_receipts_get, WHO_SIGNED_IN, BODY_NONE, 0, QUICK,
      false, false, "limit cursor" },
    { M_GET, "/v1/receipts/{entry}", "getReceipt", api_receipt_get, WHO_SIGNED_IN, BODY_NONE, 0,
      WAITING, false, false, "wait" },
};
const size_t api_routes_n = COUNT(api_routes);
