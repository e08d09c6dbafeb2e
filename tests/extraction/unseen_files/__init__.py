"""Orders, confirmations, invoices and notes of suppliers nobody has seen, as the sheets and mails they send."""
