"""Everything that only the demonstration needs: its mails, its mail server, its cast."""
