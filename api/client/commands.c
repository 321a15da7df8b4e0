/* The table of commands and their texts. */
#include "api/client/help.h"

#define GROUP_PERSON "keys and accounts"
#define GROUP_PATIENT "patients"
#define GROUP_REVIEWER "reviewers"
#define GROUP_SPONSOR "sponsors"
#define GROUP_MONEY "money"
#define GROUP_PROOF "receipts and audit"
#define GROUP_DEMO "demonstration"

const struct command commands[] = {
    { { "keygen", NULL },
      cmd_keygen,
      GROUP_PERSON,
      "",
      "Make a new key and print what it is known by",
      "Draws a root secret and writes it to HOME/root.key. Prints the account id and the two\n"
      "public keys that follow from it. A key that is there already is never replaced.\n\n"
      "The identity_key is what `cairnd init --operator` asks for.\n" },
    { { "register", NULL },
      cmd_register,
      GROUP_PERSON,
      "",
      "Register the key's account at the server",
      "Signs an account.register statement and sends it. Roles are granted afterwards, by an\n"
      "operator.\n" },
    { { "whoami", NULL },
      cmd_whoami,
      GROUP_PERSON,
      "",
      "Sign in and show the account, its keys and roles",
      "Refuses (exit 1) if the server shows other keys for the account than this home's.\n" },
    { { "attest", NULL },
      cmd_attest,
      GROUP_PERSON,
      "--account ID --role ROLE --institution NAME",
      "Attest a role to an account (operators)",
      "  --account ID         the account\n"
      "  --role ROLE          patient, sponsor, reviewer or operator\n"
      "  --institution NAME   1 to 32 of a-z, 0-9 and -\n" },

    { { "import", NULL },
      cmd_import,
      GROUP_PATIENT,
      "--csv FILE --mapping FILE --out DIR [--subject NAME]",
      "Turn a CSV file into canonical timelines, one file per subject",
      "Nothing leaves this machine. Files are numbered in the order of first appearance,\n"
      "because a subject's name may identify a person. The mapping is described in\n"
      "docs/timeline.md.\n\n"
      "  --csv FILE       the table, with a header line\n"
      "  --mapping FILE   how its columns become coded observations\n"
      "  --out DIR        where DIR/timeline-0001.json and so on are written, mode 0600\n"
      "  --subject NAME   only this one\n" },
    { { "check", NULL },
      cmd_check,
      GROUP_PATIENT,
      "[--terms FILE | --bounty ID] TIMELINE",
      "Check a timeline and say how to mend what is wrong",
      "Nothing leaves this machine. With terms, also counts the visits and months that would\n"
      "count. Exit 1 when there are errors: such a series cannot be submitted.\n\n"
      "  --terms FILE   the terms of a bounty, from a file\n"
      "  --bounty ID    or from the server\n" },
    { { "vault", "put" },
      cmd_vault_put,
      GROUP_PATIENT,
      "[--record ID] TIMELINE",
      "Encrypt a timeline and store it as a new version",
      "The series is checked, sealed under a fresh key and uploaded; the key is wrapped to\n"
      "you alone.\n\n"
      "  --record ID   a further version of this record, else version 1 of a new one\n" },
    { { "vault", "list" }, cmd_vault_list, GROUP_PATIENT, "", "List the stored versions", "" },
    { { "vault", "get" },
      cmd_vault_get,
      GROUP_PATIENT,
      "--out FILE [--number N] RECORD",
      "Fetch, open and compare a stored version",
      "  --out FILE   where the timeline is written, mode 0600; - for standard output\n"
      "  --number N   the version; the newest if not given\n" },
    { { "submit", NULL },
      cmd_submit,
      GROUP_PATIENT,
      "--bounty ID --file TIMELINE [--until DATE] | --resume ID",
      "Submit a slice of a timeline to a bounty",
      "Slices, checks, seals under a fresh key, opens the submission, uploads the ciphertext\n"
      "and wraps the key to each reviewer that was drawn. Toward the bounty you act under a\n"
      "key of that bounty alone. If it is interrupted after the opening, the slice's key\n"
      "stays in HOME/submissions until --resume has handed it in.\n\n"
      "  --bounty ID    the bounty\n"
      "  --file FILE    the timeline\n"
      "  --until DATE   only what happened up to this day\n"
      "  --resume ID    go on with an interrupted submission\n" },
    { { "submission", "list" },
      cmd_submission_list,
      GROUP_PATIENT,
      "[--bounty ID]",
      "List your submissions, or those to a bounty of yours",
      "  --bounty ID   the submissions to this bounty (its sponsor only)\n" },
    { { "submission", "show" },
      cmd_submission_show,
      GROUP_PATIENT,
      "SUBMISSION",
      "Show a submission: state, decision, history, who opened it",
      "" },
    { { "submission", "withdraw" },
      cmd_submission_withdraw,
      GROUP_PATIENT,
      "SUBMISSION",
      "Withdraw a submission",
      "" },

    { { "review", "list" },
      cmd_review_list,
      GROUP_REVIEWER,
      "[--phase commit|reveal|closed]",
      "List the seats that were drawn for you",
      "  --phase PHASE   only rounds that are there: commit, reveal or closed\n" },
    { { "review", "open" },
      cmd_review_open,
      GROUP_REVIEWER,
      "--out FILE SUBMISSION",
      "Fetch, open and recount a sealed slice",
      "Opens the slice with your key under the patient's grant and refuses (exit 1) if\n"
      "anything differs from what was signed: the grant, the ciphertext, the key or the\n"
      "content. Prints what your own machine counts beside what was claimed.\n\n"
      "  --out FILE   where the timeline is written, mode 0600\n" },
    { { "review", "score" },
      cmd_review_score,
      GROUP_REVIEWER,
      "[--verdict FILE] SUBMISSION",
      "Commit to a verdict; reveal it when the round asks for it",
      "The first time with --verdict: the verdict is read against the terms, kept with a\n"
      "fresh nonce in HOME/reviews and committed. It cannot be changed then. Run the command\n"
      "again without --verdict to reveal it; if the round is ready for that at once, it is\n"
      "revealed at once.\n\n"
      "  --verdict FILE   {\"rubric\": {each code of the terms: 0..10000},\n"
      "                   \"visits\": N, \"months\": N, \"reasons\": [codes],\n"
      "                   \"recommend\": accept, return or reject}\n\n"
      "Reasons: dates.gap visits.sparse items.missing values.implausible units.wrong\n"
      "codes.wrong series.duplicate series.inconsistent identity.visible claims.wrong\n" },

    { { "bounty", "template" },
      cmd_bounty_template,
      GROUP_SPONSOR,
      "",
      "Print terms to start from",
      "" },
    { { "bounty", "publish" },
      cmd_bounty_publish,
      GROUP_SPONSOR,
      "--terms FILE",
      "Publish terms; they are frozen from then on",
      "The terms are read here first, with the same rules as the server's, so that mistakes\n"
      "are told with their place before anything is signed. They become public.\n\n"
      "  --terms FILE   JSON; `cairn bounty template` prints some to start from\n" },
    { { "bounty", "fund" },
      cmd_bounty_fund,
      GROUP_SPONSOR,
      "--amount N BOUNTY",
      "Move money from your wallet to a bounty",
      "  --amount N   in minor units of its currency\n" },
    { { "bounty", "list" },
      cmd_bounty_list,
      GROUP_SPONSOR,
      "[--disease MONDO]",
      "List open bounties",
      "  --disease MONDO   only for this disease, such as MONDO:0005388\n" },
    { { "bounty", "show" },
      cmd_bounty_show,
      GROUP_SPONSOR,
      "[--account] BOUNTY",
      "Show a bounty's terms, or its account",
      "  --account   what is available, reserved and paid (its sponsor only)\n" },
    { { "bounty", "close" },
      cmd_bounty_close,
      GROUP_SPONSOR,
      "[--version-seen N] BOUNTY",
      "Close a bounty; what is not reserved comes back",
      "  --version-seen N   only if it is still at this version; else at the newest\n" },

    { { "deposit", NULL },
      cmd_deposit,
      GROUP_MONEY,
      "--amount N --currency CODE --reference TEXT",
      "Pay money in (sponsors)",
      "  --amount N         in minor units: 12500 is 125.00 EUR\n"
      "  --currency CODE    EUR USD GBP CHF JPY SEK DKK NOK PLN CZK\n"
      "  --reference TEXT   1 to 64 bytes, for your own books\n" },
    { { "wallet", NULL }, cmd_wallet, GROUP_MONEY, "", "Show your balances", "" },
    { { "transfers", NULL }, cmd_transfers, GROUP_MONEY, "", "List what came in and went out", "" },
    { { "payout", NULL },
      cmd_payout,
      GROUP_MONEY,
      "--amount N --currency CODE --destination TEXT [--method test] | PAYOUT",
      "Have money paid out, or show a payout",
      "  --amount N           in minor units\n"
      "  --currency CODE      of the balance it is taken from\n"
      "  --destination TEXT   where to, 1 to 64 bytes\n"
      "  --method METHOD      test is the only one for now\n" },

    { { "receipt", "list" },
      cmd_receipt_list,
      GROUP_PROOF,
      "",
      "List the log entries that you are a party to",
      "" },
    { { "receipt", "get" },
      cmd_receipt_get,
      GROUP_PROOF,
      "[--out DIR] [--wait SECONDS] ENTRY | --all",
      "Fetch receipts and keep them as files",
      "Saves ID.tlog-proof, ID.leaf, ID.statement and, for a private entry, ID.salt. Keep the\n"
      "salt to yourself: with it and the statement anybody can check the entry.\n\n"
      "  --all            every entry that you are a party to\n"
      "  --out DIR        instead of HOME/receipts\n"
      "  --wait SECONDS   how long to wait for the checkpoint, 0 to 20\n" },
    { { "policy", NULL },
      cmd_policy,
      GROUP_PROOF,
      "[--out FILE]",
      "Print the federation's policy (C2SP tlog-policy)",
      "Compare it with one that you got another way: everything below rests on it.\n\n"
      "  --out FILE   where it is written; else standard output\n" },
    { { "verify", NULL },
      cmd_verify,
      GROUP_PROOF,
      "--policy FILE (--dir DIR | --proof F --leaf F --statement F [--salt F])",
      "Verify receipts offline",
      "Trusts the policy and nothing else: the quorum signed a tree that holds the entry, the\n"
      "entry commits to the statement under the salt, the statement is canonical and signed.\n"
      "One flipped bit anywhere is refused (exit 1).\n\n"
      "  --policy FILE      what to trust\n"
      "  --dir DIR          every receipt of this folder, by its ID.tlog-proof\n"
      "  --proof FILE       one receipt: the C2SP tlog-proof,\n"
      "  --leaf FILE        the entry's bytes,\n"
      "  --statement FILE   the canonical statement,\n"
      "  --salt FILE        and the salt of a private entry, 64 hex digits\n" },
    { { "audit", NULL },
      cmd_audit,
      GROUP_PROOF,
      "[--policy FILE] [--state FILE] [--receipts DIR]",
      "Check the whole log against the server's answers",
      "Downloads both chains and recomputes them: checkpoints and quorum, every entry, every\n"
      "tile, gapless sequence numbers per member, signatures of public statements. Compares\n"
      "the published bounties with what the server answers for them, and held receipts with\n"
      "their place in the log. Names the chain and the entry where something is wrong, exit 1.\n\n"
      "  --policy FILE    trust this policy; else the server's own is used, and remembered in\n"
      "                   the state\n"
      "  --state FILE     remember every entry seen, and refuse a log that lost or changed one\n"
      "  --receipts DIR   receipts to find in the log\n" },

    { { "demo", NULL },
      cmd_demo,
      GROUP_DEMO,
      "--cohort FILE --operator-key FILE --out DIR [--mapping FILE] [--terms FILE]\n"
      "                  [--data DIR] [--patients N] [--threads N]",
      "Send a whole cohort through the main job",
      "Makes a sponsor, nine reviewers of three institutions and one account per patient, and\n"
      "lets everything happen over the API with real encryption: import, checks, vault,\n"
      "submission, sealed reviews by a scripted rubric, pay, payout, receipts, offline\n"
      "verification. Leaves DIR/summary.json, DIR/policy, DIR/receipts and DIR/public. Exit 1\n"
      "if a receipt fails or the books are not sound.\n\n"
      "  --cohort FILE         CSV\n"
      "  --operator-key FILE   root key of the operator that the server was made with\n"
      "  --out DIR             made if needed\n"
      "  --mapping FILE        else the one of DATA/mappings whose columns are all in the\n"
      "                        header\n"
      "  --terms FILE          else those of DATA/bounties for the mapping's disease\n"
      "  --data DIR            tests/data if not given\n"
      "  --patients N          only the first N\n"
      "  --threads N           at once; 12 if not given\n" },
};
const size_t commands_n = sizeof(commands) / sizeof(commands[0]);
