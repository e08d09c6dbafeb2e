"""From stored mail to reviewed documents, and out."""
