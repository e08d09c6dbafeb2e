"""The pages of mailboxes and of the mail ledger; each makes one call into a flow function."""
