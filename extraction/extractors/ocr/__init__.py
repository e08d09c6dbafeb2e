"""Pictures of paper: scans, faxes and photographs, through Tesseract to the layout reader."""
