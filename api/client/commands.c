/* The table of commands and their texts. */
#include "api/client/help.h"

#define GROUP_PERSON "keys and accounts"
#define GROUP_PATIENT "patients"
#define GROUP_REVIEWER "reviewers"
#define GROUP_SPONSOR "sponsors"
#define GROUP_MONEY "money"
#define GROUP_PROOF "receipts and audit"
#define GROUP_FEDERATION "the federation"
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
      "  --resume ID    go on with an interrupted submission\n\n"
      "The bounty may live at another member. Your own member asks there for you, and tells\n"
      "nothing but the key of that bounty and the institution that attested you.\n" },
    { { "submission", "list" },
      cmd_submission_list,
      GROUP_PATIENT,
      "[--bounty ID]",
      "List your submissions, or those to a bounty of yours",
      "  --bounty ID   the submissions to this bounty: all for its sponsor, or yours if it\n"
      "                lives at another member\n" },
    { { "submission", "show" },
      cmd_submission_show,
      GROUP_PATIENT,
      "[--bounty ID] SUBMISSION",
      "Show a submission: state, decision, history, who opened it",
      "  --bounty ID   needed if the bounty lives at another member\n" },
    { { "submission", "withdraw" },
      cmd_submission_withdraw,
      GROUP_PATIENT,
      "[--bounty ID] SUBMISSION",
      "Withdraw a submission",
      "  --bounty ID   needed if the bounty lives at another member\n" },

    { { "review", "list" },
      cmd_review_list,
      GROUP_REVIEWER,
      "[--phase commit|reveal|closed] [--member N | --all]",
      "List the seats that were drawn for you",
      "  --phase PHASE   only rounds that are there: commit, reveal or closed\n"
      "  --member N      at this member instead of your own\n"
      "  --all           at every member of the federation\n" },
    { { "review", "open" },
      cmd_review_open,
      GROUP_REVIEWER,
      "--out FILE [--member N] SUBMISSION",
      "Fetch, open and recount a sealed slice",
      "Opens the slice with your key under the patient's grant and refuses (exit 1) if\n"
      "anything differs from what was signed: the grant, the ciphertext, the key or the\n"
      "content. Prints what your own machine counts beside what was claimed.\n\n"
      "  --out FILE   where the timeline is written, mode 0600\n"
      "  --member N   where the submission is, if not at your own; `cairn review list --all`\n"
      "               shows it\n" },
    { { "review", "score" },
      cmd_review_score,
      GROUP_REVIEWER,
      "[--verdict FILE] [--member N] SUBMISSION",
      "Commit to a verdict; reveal it when the round asks for it",
      "The first time with --verdict: the verdict is read against the terms, kept with a\n"
      "fresh nonce in HOME/reviews and committed. It cannot be changed then. Run the command\n"
      "again without --verdict to reveal it; if the round is ready for that at once, it is\n"
      "revealed at once.\n\n"
      "  --verdict FILE   {\"rubric\": {each code of the terms: 0..10000},\n"
      "                   \"visits\": N, \"months\": N, \"reasons\": [codes],\n"
      "                   \"recommend\": accept, return or reject}\n"
      "  --member N       where the submission is, if not at your own\n\n"
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
      "[--member N | --bounty ID]",
      "List the log entries that you are a party to",
      "What a member wrote for you, that member has the receipts of.\n\n"
      "  --member N    at this member instead of your own (reviewers)\n"
      "  --bounty ID   where this bounty lives, under your key for it (patients)\n" },
    { { "receipt", "get" },
      cmd_receipt_get,
      GROUP_PROOF,
      "[--out DIR] [--wait SECONDS] [--member N | --bounty ID] ENTRY | --all",
      "Fetch receipts and keep them as files",
      "Saves ID.tlog-proof, ID.leaf, ID.statement and, for a private entry, ID.salt. Keep the\n"
      "salt to yourself: with it and the statement anybody can check the entry.\n\n"
      "  --all            every entry that you are a party to\n"
      "  --out DIR        instead of HOME/receipts\n"
      "  --wait SECONDS   how long to wait for the checkpoint, 0 to 20\n"
      "  --member N       from this member instead of your own (reviewers)\n"
      "  --bounty ID      from where this bounty lives, under your key for it (patients)\n" },
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
    { { "forensics", NULL },
      cmd_forensics,
      GROUP_PROOF,
      "A B",
      "Name who made two views final that contradict each other",
      "A and B are files of the form cairn-view/1 (docs/wire.md): blocks of a chain with their\n"
      "justifications, and the certificate that made the last one final. If they contradict\n"
      "each other, more members than may be faulty have signed what no correct member signs;\n"
      "they are named, with their signatures. With --json also the evidence record of each, in\n"
      "base64, that the account chain takes. Nobody is asked, and no key is needed.\n\n"
      "Both files bring the list of validators: compare the vote keys with those you know.\n"
      "Exit 1 when the two do not contradict each other, or one does not verify.\n" },

    { { "federation", "init" },
      cmd_federation_init,
      GROUP_FEDERATION,
      "--name NAME --out DIR [--first-timeout MS] CARD...",
      "Make the genesis of a federation from the members' cards",
      "Each founder runs `cairnd init --member ..` and sends the card.json that it made. This\n"
      "checks the cards and writes DIR/genesis.json, and DIR/log-account.seed and\n"
      "DIR/log-tx.seed, mode 0600: the keys of the two logs, which all members hold. Hand all\n"
      "three to each founder over a private channel, for `cairnd join`, and compare the hash\n"
      "that is printed. One member, or four and more; docs/federation.md says why.\n\n"
      "  --name NAME          origin prefix of the logs, such as cairn.example\n"
      "  --out DIR            made if needed; nothing in it is replaced\n"
      "  --first-timeout MS   how long a leader may take before it is skipped, 50 to 60000;\n"
      "                       500 if not given\n" },
    { { "federation", "show" },
      cmd_federation_show,
      GROUP_FEDERATION,
      "",
      "Show the members, how far each is behind, and the two chains",
      "As the server sees it: reachable means that its last answer to this member was good; lag\n"
      "is how many published entries of a chain it has not cosigned yet. \"faults tolerated\n"
      "now\" counts validators that are not reachable as faulty.\n" },
    { { "federation", "changes" },
      cmd_federation_changes,
      GROUP_FEDERATION,
      "[CHANGE]",
      "List the changes that wait for approvals, or show one with its keys",
      "A change lapses when its epoch ends without a quorum for it.\n" },
    { { "federation", "propose" },
      cmd_federation_propose,
      GROUP_FEDERATION,
      "join CARD | promote N | demote N | leave N | rekey N KEYS",
      "Propose a change of the members (operators)",
      "Signed with this home's key, which must be the one that the account chain names as the\n"
      "operator of the server's member. A validator's proposal is its approval. Each member has\n"
      "one open proposal: a new one takes the place of the former. docs/federation.md has the\n"
      "rules.\n\n"
      "  join CARD            a new observer, by the card.json that `cairnd init --member` made\n"
      "  promote N            member N one step up: observer, candidate, validator\n"
      "  demote N             one step down\n"
      "  leave N              out, for good\n"
      "  rekey N              new keys, or another endpoint, of the server's own member:\n"
      "  --vote-key KEY       as `cairnd rekey` printed it\n"
      "  --member-key KEY     all keys in base64\n"
      "  --cosigner-key KEY\n"
      "  --operator-key KEY   as `cairn whoami` prints it\n"
      "  --endpoint URL       http://HOST:PORT or https://HOST:PORT\n" },
    { { "federation", "approve" },
      cmd_federation_approve,
      GROUP_FEDERATION,
      "CHANGE",
      "Approve a change (operators of validators)",
      "Look at it first: `cairn federation changes CHANGE`. Compare the keys of a card with the\n"
      "institution by a way on which they cannot be exchanged. With a quorum of approvals the\n"
      "change takes effect at once.\n" },

    { { "demo", NULL },
      cmd_demo,
      GROUP_DEMO,
      "--cohort FILE --out DIR --operator-key FILE | --federation FILE\n"
      "                  [--mapping FILE] [--terms FILE] [--data DIR] [--patients N]\n"
      "                  [--threads N]",
      "Send a whole cohort through the main job",
      "Makes a sponsor, nine reviewers of three institutions and one account per patient, and\n"
      "lets everything happen over the API with real encryption: import, checks, vault,\n"
      "submission, sealed reviews by a scripted rubric, pay, payout, receipts, offline\n"
      "verification. Leaves DIR/summary.json, DIR/policy, DIR/receipts and DIR/public. Exit 1\n"
      "if a receipt fails or the books are not sound. With several members, the sponsor is at\n"
      "the first, each institution of reviewers at one of the others, and patients at all.\n\n"
      "  --cohort FILE         CSV\n"
      "  --operator-key FILE   root key of the operator that the server was made with\n"
      "  --federation FILE     several servers: {\"members\": [{\"server\": URL,\n"
      "                        \"operator_key\": FILE}, ...]}\n"
      "  --out DIR             made if needed\n"
      "  --mapping FILE        else the one of DATA/mappings whose columns are all in the\n"
      "                        header\n"
      "  --terms FILE          else those of DATA/bounties for the mapping's disease\n"
      "  --data DIR            tests/data if not given\n"
      "  --patients N          only the first N\n"
      "  --threads N           at once; 12 if not given\n" },
};
const size_t commands_n = sizeof(commands) / sizeof(commands[0]);
