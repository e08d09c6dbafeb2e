"""Reading pages made of words with boxes: the same geometry for PDF text, HTML tables and plain text."""
