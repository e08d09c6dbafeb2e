"""Numbers, references and parties are taken by what their labels say, and by what stands beside them."""

import pytest

from extraction.layout.document import Known, read_document
from extraction.schemas import CanonicalDocument
from tests.extraction.layout.test_tables import page


def document(*lines: str) -> CanonicalDocument:
    rows = [(20.0 * number, ((20.0, line),)) for number, line in enumerate(lines, start=1)]
    found = read_document([page(rows)], Known())
    assert found is not None
    return found.document


def test_a_bare_order_number_is_the_confirmations_own_where_another_is_the_customers() -> None:
    found = document("Confirmation de commande", "Commande n° : C-17", "Commande client : 4500077")
    assert (found.number, found.order_references) == ("C-17", ("4500077",))
    found = document("Confirmation de commande", "ARC n° : A-9", "N° de commande client : 4500077")
    assert (found.number, found.order_references) == ("A-9", ("4500077",))


def test_the_sign_of_a_letter_is_the_order_only_where_no_order_is_named() -> None:
    found = document("Rechnung R-1", "Ihr Zeichen: AB-312", "Rechnung gemäß Bestellung Nr. 2013-471331")
    assert found.order_reference == "2013-471331"
    assert document("Rechnung R-1", "Ihr Zeichen: AB-312").order_reference == "AB-312"


def test_a_number_stands_after_a_title_in_two_languages() -> None:
    assert document("Rechnung / Invoice 163206 vom 5. April 2025").number == "163206"
    assert document("Fattura n. F-12 del 3 maggio 2025").number == "F-12"


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("Stornierung der Bestellung", "Bestell-Nr.: 4500012"),
        ("Purchase Order Cancellation", "PO number: 4500012"),
        ("Annulation de commande", "N° de commande : 4500012"),
        ("Annullamento ordine", "N. ordine di acquisto: 4500012"),
        ("Anulación de pedido", "Orden de compra n.º: 4500012"),
        ("Annulering bestelling", "Bestelnummer: 4500012"),
    ],
)
def test_a_cancellation_is_known_by_its_title_in_each_language(title: str, number: str) -> None:
    found = document(title, number)
    assert (found.doc_type, found.number) == ("order_cancellation", "4500012")


def test_a_postal_code_is_no_company() -> None:
    found = document("Lumen Ltd. - 5 High Street - Sampletown AB3 4CD", "Invoice R-1", "Sampletown AB3 4CD")
    assert found.seller_name == "Lumen Ltd."
    found = document("Tecnomec B.V. - Stationsweg 66 - 9177 AB Utrecht", "Factuur R-1", "9177 AB Utrecht")
    assert found.seller_name == "Tecnomec B.V."


def test_a_salesperson_is_not_the_seller() -> None:
    sender = "Tecnomec B.V. - Stationsweg 66 - 9177 AB Utrecht"
    assert document(sender, "Factuur R-1", "Verkoper: A. Jansen").seller_name == "Tecnomec B.V."
    assert document("Factuur R-1", "Verkoper: A. Jansen").seller_name == "A. Jansen"


def test_a_delivery_note_has_its_own_date() -> None:
    rows = ("Belegdatum: 5.3.2026", "Lieferschein-Datum: 3.3.2026")
    assert str(document("Lieferschein L-1", *rows).issue_date) == "2026-03-03"
    assert str(document("Rechnung R-1", *rows).issue_date) == "2026-03-05"


def test_the_day_of_a_date_is_no_number() -> None:
    rows = [
        (20, ((20, "Beitragsrechnung"), (300, "24. Januar 2014"))),
        (40, ((20, "Rechnungsbetrag 59,50"),)),
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert (found.document.number, str(found.document.issue_date)) == (None, "2014-01-24")


def test_a_page_without_a_title_is_an_invoice_where_its_total_is_called_so() -> None:
    assert document("Vertrag Nr. 5", "Zahlen Sie bitte den Rechnungsbetrag 59,50 EUR").doc_type == "invoice"
    assert document("Vertrag Nr. 5", "Gesamtbetrag 59,50 EUR").doc_type == "other"


def test_a_self_billed_invoice_is_an_invoice() -> None:
    assert document("Gutschrift (Selbst ausgestellte Rechnung) Nr. 471102").doc_type == "invoice"
    assert document("Gutschrift Nr. 471102").doc_type == "credit_note"


def test_an_amount_whose_cell_has_more_lines_than_its_label_is_found() -> None:
    rows = [
        (20, ((20, "Invoice R-1"),)),
        (40, ((20, "Net total"), (300, "-7.67"))),
        (54, ((330, "-"),)),
        (60, ((20, "VAT amount"),)),
        (66, ((300, "1.12"),)),
        (90, ((20, "Grand total"), (300, "-8.79"))),
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert [str(found.document.net_total), str(found.document.tax_total)] == ["-7.67", "-1.12"]
    assert found.evidence["tax_total"].text == "- 1.12"


def test_values_that_touch_are_told_apart_by_the_labels_above_them() -> None:
    rows = [
        (20, ((20, "Confirmación de pedido"),)),
        (40, ((20, "N.º de confirmación"), (200, "Fecha"), (330, "Su pedido"))),
        (52, ((20, "C-1"), (200, "20 de noviembre de 2025"), (330, "B94584"))),
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert found.document.order_reference == "B94584"


def test_payment_terms_are_read_to_their_end() -> None:
    found = document("Rechnung R-1", "Zahlungsbedingungen: 30 Tage netto")
    assert found.payment_terms == "30 Tage netto"


def test_the_label_of_an_order_is_no_title() -> None:
    rows = [
        (20, ((20, "Verkoopfactuur nr. 2025-48292 van 01-07-2025"),)),
        (40, ((20, "Inkoopordernr.:"), (200, "4500022065"))),
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert (found.document.doc_type, found.document.number) == ("invoice", "2025-48292")


@pytest.mark.parametrize(
    "sentence",
    [
        "Wir bestätigen Ihre Bestellung B-4711 vom 3. Mai 2026 wie folgt:",
        "We confirm your order no. B-4711 of 3 May 2026:",
        "Suite à votre commande n° B-4711 du 3 mai 2026 :",
        "In riferimento al Vs. ordine n. B-4711 del 3 maggio 2026",
        "En referencia a su pedido nº B-4711 de fecha 3 de mayo de 2026",
        "Naar aanleiding van uw bestelling B-4711 d.d. 3 mei 2026",
    ],
)
def test_an_order_is_named_in_a_sentence(sentence: str) -> None:
    assert document("Auftragsbestätigung Nr. A-1", sentence).order_reference == "B-4711"


def test_a_sentence_about_orders_names_none() -> None:
    for text in (
        "zu Ihre Bestellung vom 3. Mai 2026",
        "und Ihre Bestellung gemäß Angebot Nr. 815",
        "Ihre Bestellung 2026",
    ):
        assert document("Auftragsbestätigung Nr. A-1", f"Danke für {text}").order_reference is None


def test_the_number_and_the_date_stand_beside_the_title_where_no_label_says_them() -> None:
    found = document("Opdrachtbevestiging 815-22 van 3 mei 2026")
    assert (found.number, str(found.issue_date)) == ("815-22", "2026-05-03")
    assert document("Opdrachtbevestiging 815-22", "Ordernummer: V-9").number == "V-9"


def test_a_number_is_the_documents_own_where_its_label_says_no_more() -> None:
    assert document("Auftragsbestätigung", "Nummer: A-815").number == "A-815"
    assert document("Opdrachtbevestiging", "Nummer:", "815-22").number == "815-22"


def test_what_stands_before_a_vat_number_is_no_part_of_it() -> None:
    found = document("Fattura n. F-1", "P. IVA e C.F. IT00159560366")
    assert found.seller_vat_id == "IT00159560366"
    found = document("Facture n° F-1", "Capital 50 000 EUR - identifiant fiscal FR40303265045")
    assert found.seller_vat_id == "FR40303265045"


def test_an_order_is_written_by_who_buys() -> None:
    head = ("Acme Pumps Ltd - 5 High Street - Leeds LS1 1AA", "Sample Springs Ltd")
    order = document(*head, "Purchase Order 4711", "Date: 3 May 2026")
    assert (order.seller_name, order.buyer_name) == ("Sample Springs Ltd", "Acme Pumps Ltd")
    answer = document(*head, "Order Confirmation 4711", "Date: 3 May 2026")
    assert (answer.seller_name, answer.buyer_name) == ("Acme Pumps Ltd", "Sample Springs Ltd")


def test_our_number_at_a_supplier_names_no_supplier() -> None:
    rows = (
        "Muelles SL - Calle Mayor 1 - 28001 Madrid",
        "Confirmación de pedido nº C-1",
        "Nº proveedor:",
        "Pedido E-8 de fecha 27.02.26",
    )
    assert document(*rows).seller_name == "Muelles SL"


def test_a_date_that_a_label_calls_the_deliverys_is_not_the_documents() -> None:
    assert document("Auftragsbestätigung A-1", "Liefertermin", "3.5.2026").issue_date is None


def test_the_capital_in_an_imprint_is_in_no_documents_currency() -> None:
    rows = [
        (20, ((20, "Confirmation de commande n° C-1"),)),
        (40, ((20, "Total HT"), (200, "120,00"), (300, "CHF"))),
        *((780 + 15 * row, ((20, "Capital 50 000 EUR"),)) for row in range(3)),
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert found.document.currency == "CHF"


def test_a_date_of_the_customers_order_is_not_the_documents() -> None:
    for label in ("Your Order Date", "Customer PO Date", "Your Enquiry Date"):
        rows = ("Order Confirmation 815-22 dated 9 May 2026", f"{label}: 3 May 2026")
        assert str(document(*rows).issue_date) == "2026-05-09", label


@pytest.mark.parametrize(
    "beside", ["6279 Saint-Étienne", "43 Z.I. des Iles", "12 bis rue du Moulin", "9177 AB Utrecht"]
)
def test_an_address_beside_a_label_is_not_its_value(beside: str) -> None:
    rows = [
        (20, ((20, "Confirmation de commande n° C-1"),)),
        (40, ((20, "Votre commande n°"), (330, beside))),
        (52, ((20, "PO3164"),)),
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert found.document.order_reference == "PO3164"


def test_a_number_beside_a_label_may_have_its_date_behind_it() -> None:
    rows = [(20, ((20, "Facture n° C-1"),)), (40, ((20, "Votre commande n°"), (330, "62794 du 3 mai 2026")))]
    found = read_document([page(rows)], Known())
    assert found
    assert found.document.order_reference == "62794"


@pytest.mark.parametrize(
    "title",
    [
        "Bevestiging van uw order nr. 815-22 van 3 februari 2026",
        "Confirmation of your order 815-22",
        "Conferma del Vs. ordine n. 815-22",
        "Confirmación de su pedido nº 815-22",
    ],
)
def test_what_confirms_your_order_is_no_order(title: str) -> None:
    assert document(title, "Inkoopordernr.: 4711", "Total 4.00").doc_type == "order_confirmation"


HEADING = ((20, "Pos"), (60, "Description"), (300, "Qty"), (360, "Price"), (440, "Total"))
ROW = ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))


def totals(*rows: tuple[tuple[float, str], ...]) -> CanonicalDocument:
    """What a confirmation with one position says below it, from row to row."""
    below = [(160 + 12 * number, row) for number, row in enumerate(rows)]
    found = read_document(
        [page([(20, ((20, "Order Confirmation A-1"),)), (90, HEADING), (106, ROW), *below])], Known()
    )
    assert found
    return found.document


def test_charges_may_stand_among_totals_that_are_side_by_side() -> None:
    found = totals(
        ((20, "Goods total"), (200, "Freight"), (330, "Net total")),
        ((20, "10.00"), (200, "3.00"), (330, "13.00")),
    )
    assert (str(found.net_total), str(found.charges_total), len(found.lines)) == ("13.00", "3.00", 1)


def test_a_rate_inside_its_label_does_not_make_totals_a_position() -> None:
    found = totals(
        ((20, "Total net"), (200, "plus 20 % VAT"), (330, "Grand total")),
        ((20, "10.00"), (200, "2.00"), (330, "12.00")),
    )
    assert [str(found.net_total), str(found.tax_total), str(found.gross_total)] == ["10.00", "2.00", "12.00"]
    assert len(found.lines) == 1


def test_a_number_in_a_sentence_below_a_total_is_none() -> None:
    text = "Claims for shortage must be made within 3 days of receipt."
    rows = [
        (20 + 12 * number, ((20, line),))
        for number, line in enumerate(("Order Confirmation A-1", "Net total", "10.00", text))
    ]
    found = read_document([page(rows)], Known())
    assert found
    assert str(found.document.net_total) == "10.00"


def test_the_net_total_is_after_a_charge_whatever_that_is_called() -> None:
    found = totals(
        ((300, "Net goods"), (400, "EUR"), (440, "10.00")),
        ((300, "Cutting"), (400, "EUR"), (440, "3.00")),
        ((300, "Net total"), (400, "EUR"), (440, "13.00")),
    )
    assert str(found.net_total) == "13.00"
    assert "charge_guessed" in {finding.code for finding in found.findings}


@pytest.mark.parametrize("label", ["Brought forward", "Total brought forward"])
def test_a_sum_brought_forward_is_no_charge(label: str) -> None:
    found = totals(((300, label), (440, "3.00")), ((300, "Net total"), (440, "13.00")))
    assert found.charges_total is None
    assert "charge_guessed" not in {finding.code for finding in found.findings}


def test_the_short_name_in_a_logo_is_not_the_buyer() -> None:
    sender = "Alpen-Federn GmbH & Co. KG, Ring 1, 66350 Hagen"
    found = document("ALPEN-FEDERN GMBH", sender, "Pfister AG", "Auftragsbestätigung A-1")
    assert (found.seller_name, found.buyer_name) == ("Alpen-Federn GmbH & Co. KG", "Pfister AG")


def test_a_tax_that_no_state_takes_is_none() -> None:
    found = totals(
        ((300, "incl. VAT"), (440, "10.00")),
        ((300, "Outstanding"), (440, "10.00")),
        ((300, "Total due"), (440, "20.00")),
    )
    assert (found.tax_total, str(found.gross_total)) == (None, "20.00")


def test_who_is_addressed_by_an_order_sells() -> None:
    head = (
        "Acme Pompe S.r.l. - Via Roma 1 - 20100 Milano",
        "Spett.le",
        "Molle Srl",
        "Ordine di acquisto n. 4711",
    )
    assert document(*head, "Agente: Paolo Greco").seller_name == "Molle Srl"
    salesman = (
        "Acme Pompen B.V. - Kade 1 - 1234 AB Breda",
        "Veren B.V.",
        "Inkooporder 4711",
        "Verkoper: A. Jansen",
    )
    assert document(*salesman).seller_name == "Veren B.V."


def test_a_date_in_a_table_is_not_the_documents() -> None:
    row = ((20, "1"), (60, "Spring"), (250, "3 May 2026"), (320, "4"), (360, "2.50"), (440, "10.00"))
    heading = (
        (20, "Pos"),
        (60, "Description"),
        (250, "Delivery"),
        (320, "Qty"),
        (360, "Price"),
        (440, "Total"),
    )
    found = read_document(
        [page([(20, ((20, "Order Confirmation A-1"),)), (90, heading), (106, row)])], Known()
    )
    assert found
    assert found.document.issue_date is None


def test_a_label_that_only_leads_to_a_date_gives_the_documents_where_no_other_does() -> None:
    assert str(document("Conferma ordine n. C-1", "Del: 03/05/2026").issue_date) == "2026-05-03"
    assert (
        str(document("Conferma ordine n. C-1", "Data: 04/05/2026", "Del: 03/05/2026").issue_date)
        == "2026-05-04"
    )


def test_of_two_dates_of_orders_the_suppliers_is_the_documents() -> None:
    rows = (
        "Order Acknowledgement",
        "Sales Order: V-9",
        "Your Order Date: 3 May 2026",
        "Order Date: 5 May 2026",
    )
    assert str(document(*rows).issue_date) == "2026-05-05"
