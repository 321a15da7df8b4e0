/* The commands of `cairn`: one function each, one file per family. Each reads its options, does one
 * thing through the library files and returns the exit status. The texts that describe them are in
 * help.c, the table that finds them in main.c. */
#ifndef CAIRN_CLIENT_CMD_H
#define CAIRN_CLIENT_CMD_H

#include "api/client/env.h"

command_fn cmd_keygen, cmd_register, cmd_whoami, cmd_attest;         /* cmd_account.c */
command_fn cmd_deposit, cmd_wallet, cmd_transfers, cmd_payout;       /* cmd_money.c */
command_fn cmd_bounty_template, cmd_bounty_publish, cmd_bounty_fund; /* cmd_bounty.c */
command_fn cmd_bounty_list, cmd_bounty_show, cmd_bounty_close;
command_fn cmd_import, cmd_check;                                /* cmd_timeline.c */
command_fn cmd_vault_put, cmd_vault_list, cmd_vault_get;         /* cmd_vault.c */
command_fn cmd_submit, cmd_submission_list, cmd_submission_show; /* cmd_submission.c */
command_fn cmd_submission_withdraw;
command_fn cmd_review_list, cmd_review_open, cmd_review_score; /* cmd_review.c */
command_fn cmd_receipt_list, cmd_receipt_get, cmd_policy;      /* cmd_receipt.c */
command_fn cmd_federation_init;                                /* cmd_federation.c */
command_fn cmd_federation_show, cmd_federation_changes;        /* cmd_changes.c */
command_fn cmd_federation_propose, cmd_federation_approve;
command_fn cmd_verify;    /* cmd_verify.c */
command_fn cmd_audit;     /* cmd_audit.c */
command_fn cmd_forensics; /* cmd_forensics.c */
command_fn cmd_demo;      /* cmd_demo.c */

/* What `cairn bounty template` prints: terms that are valid as they stand. */
extern const char bounty_template[];

#endif
