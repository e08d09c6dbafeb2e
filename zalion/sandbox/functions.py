"""The only functions a child will run, each as "module:function"."""

FUNCTIONS = frozenset(
    {
        "connectors.mime:parse",
        "connectors.mime:content",
        "connectors.mime:contents",
        "connectors.mime:sanitise",
        "connectors.mime.signatures:verify_signatures",
        "extraction.reader:read_plain",
        "extraction.reader:page_sizes",
        "extraction.reader:page_image",
        "extraction.reader:body_text",
        "extraction.reader:source_text",
        "extraction.teaching:teach_plain",
        "extraction.explaining:explain_plain",
        "extraction.quoted:shown_plain",
        "extraction.quoted:accepted_plain",
    }
)

# Those that may have to recognise the text of scanned pages: Tesseract takes seconds for each, in processes of its own.
SLOW = frozenset(
    {
        "extraction.reader:read_plain",
        "extraction.explaining:explain_plain",
        "extraction.teaching:teach_plain",
        "extraction.quoted:shown_plain",
    }
)
