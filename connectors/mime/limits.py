"""The one table of structural limits: what lies past one is flagged and stays in the raw mail."""

# Sizes are bytes where nothing else is said. Of 15,032 real mails four exceed a limit, all hostile by design.
RAW_MAIL = 150 << 20  # past it only the headers are read: raw_limit
HEADER_BLOCK = 256 << 10  # header_limit
HEADER = 64 << 10  # header_limit
HEADERS = 1_000  # header_limit
PARAMETERS = 100  # per header, and pieces of one RFC 2231 value: parameter_limit
RECIPIENTS = 500  # per header: recipient_limit
AUTHENTICATION_RESULTS = 10  # fields; the topmost are read
AUTHENTICATION_RESULT = 4 << 10  # of one such field
SIGNATURES = 5  # DKIM signatures that are looked at, topmost first
REFERENCES = 100  # the newest are kept
MESSAGE_ID = 998  # characters, the longest line of RFC 5322: message_id_limit
SUBJECT = 4_000  # characters: subject_limit
PARTS = 1_000  # part_limit
DEPTH = 30  # multiparts and messages in each other: nesting_limit
FILE_NAME = 255  # bytes of UTF-8: name_limit
BOUNDARY = 16 << 10  # boundary_invalid
TEXT = 2 << 20  # of a text or HTML body: body_limit
INSPECTED = 25 << 20  # a larger attachment is hashed as a stream and not looked into: not_inspected
DECODED = 64 << 20  # mails within a mail that are in base64: one past it is not looked into, not_inspected
SIGNED = 25 << 20  # a larger mail's DKIM signatures are not checked: the library holds a mail several times
EXPANSION = 256 << 20  # of all archives of a mail: decompression_limit
MEMBER = 128 << 20  # of one file in an archive: decompression_limit
ENTRIES = 1_000  # of all archives of a mail: archive_entries
STREAMS = 10_000  # of one .msg, which has some twenty for each attachment and recipient: archive_entries
ARCHIVE_DEPTH = 3  # archive_depth
# The PDFs of a mail may unpack to EXPANSION together, beside its archives.
PDF_STREAMS = 50_000  # packed streams of all PDFs of a mail: decompression_limit
PDF_FILTERS = 3  # times that a stream is packed again: decompression_limit
PDF_DEPTH = 500  # arrays and dictionaries of a PDF in each other: unreadable
PIXELS = 50_000_000  # width times height of an image: pixel_limit
HTML_DEPTH = 200  # elements in each other that are still shown
LINKS = 300  # different addresses listed below an HTML text that is shown
ADDRESS = 2_000  # characters of each
HOST = 253  # characters of the sign behind a link, the longest name of RFC 1035
