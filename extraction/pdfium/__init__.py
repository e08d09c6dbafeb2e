"""What PDFium gives: documents opened within limits, words with their boxes, texts and pictures of pages."""
