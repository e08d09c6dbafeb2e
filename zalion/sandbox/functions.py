"""The only functions a child will run, each as "module:function"."""

FUNCTIONS = frozenset(
    {
        "connectors.mime:parse",
        "connectors.mime:content",
        "connectors.mime:sanitise",
        "connectors.mime.signatures:verify_signatures",
        "extraction.reader:read_plain",
        "extraction.reader:page_sizes",
        "extraction.reader:page_image",
        "extraction.reader:body_text",
        "extraction.reader:source_text",
    }
)
