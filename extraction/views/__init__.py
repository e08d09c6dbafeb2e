"""The pages of extraction: review, uploads, and the comparison of two readings."""
