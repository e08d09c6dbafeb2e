"""Whether what was read is an order document at all, or a list of something else."""

from extraction.schemas import CanonicalDocument


def is_document(document: CanonicalDocument) -> bool:
    """Whether the document has a kind or a number, adds up to a total, says of an order what comes or when, or at
    least how many of what for how much: price lists, stocks and lists of things to do say only one of these, and a
    covering letter only names the order."""
    if document.doc_type != "other" or document.number or document.gross_total is not None:
        return True
    if document.order_reference and (document.lines or document.delivery_date):
        return True
    return any(
        line.quantity is not None and (line.unit_price is not None or line.line_total is not None)
        for line in document.lines
    )
