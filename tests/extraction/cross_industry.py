"""Cross Industry documents as a supplier's system writes them, for the tests."""

ROOTS = {
    "zugferd1": ("CrossIndustryDocument", "urn:ferd:CrossIndustryDocument:invoice:1p0"),
    "invoice": ("CrossIndustryInvoice", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"),
    "order": (
        "SCRDMCCBDACIOMessageStructure",
        "urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100",
    ),
}
# The names of 2014 for those of today.
OLD = {
    "rsm:ExchangedDocument>": "rsm:HeaderExchangedDocument>",
    "rsm:SupplyChainTradeTransaction": "rsm:SpecifiedSupplyChainTradeTransaction",
    "ApplicableHeaderTrade": "ApplicableSupplyChainTrade",
    "SpecifiedLineTrade": "SpecifiedSupplyChainTrade",
    "SettlementHeaderMonetary": "SettlementMonetary",
    "SettlementLineMonetary": "SettlementMonetary",
    "RateApplicablePercent": "ApplicablePercent",
    "IssuerAssignedID": "ID",
}


def line(
    number: int = 1, *, status: str = "", agreed: str = "", extra: str = "", quantity: str = "12"
) -> str:
    state = f"<ram:LineStatusCode>{status}</ram:LineStatusCode>" if status else ""
    kind = "AgreedQuantity" if agreed else "BilledQuantity"
    return f"""<ram:IncludedSupplyChainTradeLineItem>
    <ram:AssociatedDocumentLineDocument><ram:LineID>{number}</ram:LineID>{state}</ram:AssociatedDocumentLineDocument>
    <ram:SpecifiedTradeProduct><ram:GlobalID schemeID="0160">4012345001235</ram:GlobalID>
      <ram:SellerAssignedID>H77</ram:SellerAssignedID><ram:BuyerAssignedID>M-1</ram:BuyerAssignedID>
      <ram:Name>Leiste Eiche</ram:Name></ram:SpecifiedTradeProduct>
    <ram:SpecifiedLineTradeAgreement>
      <ram:BuyerOrderReferencedDocument><ram:LineID>10</ram:LineID></ram:BuyerOrderReferencedDocument>
      <ram:NetPriceProductTradePrice><ram:ChargeAmount>250.00</ram:ChargeAmount>
      <ram:BasisQuantity unitCode="MTR">100</ram:BasisQuantity></ram:NetPriceProductTradePrice>
    </ram:SpecifiedLineTradeAgreement>
    <ram:SpecifiedLineTradeDelivery><ram:RequestedQuantity unitCode="MTR">20</ram:RequestedQuantity>
      <ram:{kind} unitCode="MTR">{agreed or quantity}</ram:{kind}>
      <ram:RequestedDeliverySupplyChainEvent><ram:OccurrenceDateTime>
      <udt:DateTimeString format="203">202603201400</udt:DateTimeString></ram:OccurrenceDateTime>
      </ram:RequestedDeliverySupplyChainEvent></ram:SpecifiedLineTradeDelivery>
    <ram:SpecifiedLineTradeSettlement><ram:ApplicableTradeTax>
      <ram:RateApplicablePercent>19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>{extra}
      <ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>30.00</ram:LineTotalAmount>
      </ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>
    </ram:IncludedSupplyChainTradeLineItem>"""


def document(
    kind: str = "invoice",
    *,
    code: str = "380",
    status: str = "",
    lines: str | None = None,
    number: str = "RE-2026-17",
    gross: str = "35.70",
) -> bytes:
    """The XML of one document; `kind` is a key of ROOTS."""
    root, namespace = ROOTS[kind]
    state = f"<ram:StatusCode>{status}</ram:StatusCode>" if status else ""
    currency = "OrderCurrencyCode" if kind == "order" else "InvoiceCurrencyCode"
    text = f"""<?xml version="1.0" encoding="UTF-8"?><rsm:{root} xmlns:rsm="{namespace}" xmlns:ram="urn:ram"
    xmlns:udt="urn:udt"><rsm:ExchangedDocument><ram:ID>{number}</ram:ID><ram:TypeCode>{code}</ram:TypeCode>{state}
    <ram:IssueDateTime><udt:DateTimeString format="102">20260302</udt:DateTimeString></ram:IssueDateTime>
    </rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction>{line() if lines is None else lines}
    <ram:ApplicableHeaderTradeAgreement>
      <ram:SellerTradeParty><ram:Name>Holz &amp; Sohn KG</ram:Name>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">201/113/40209</ram:ID></ram:SpecifiedTaxRegistration>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE 136 695 976</ram:ID></ram:SpecifiedTaxRegistration>
      </ram:SellerTradeParty>
      <ram:BuyerTradeParty><ram:ID>C-204</ram:ID><ram:Name>Acme GmbH</ram:Name></ram:BuyerTradeParty>
      <ram:BuyerOrderReferencedDocument><ram:IssuerAssignedID>4500012</ram:IssuerAssignedID>
      </ram:BuyerOrderReferencedDocument></ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeDelivery><ram:ShipToTradeParty><ram:GlobalID>4000001</ram:GlobalID>
      <ram:Name>Acme Lager</ram:Name><ram:PostalTradeAddress><ram:CityName>Ulm</ram:CityName></ram:PostalTradeAddress>
      </ram:ShipToTradeParty></ram:ApplicableHeaderTradeDelivery>
    <ram:ApplicableHeaderTradeSettlement><ram:{currency}>EUR</ram:{currency}>
      <ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:TaxBasisTotalAmount>30.00</ram:TaxBasisTotalAmount>
      <ram:TaxTotalAmount currencyID="SEK">60.00</ram:TaxTotalAmount>
      <ram:TaxTotalAmount currencyID="EUR">5.70</ram:TaxTotalAmount>
      <ram:GrandTotalAmount>{gross}</ram:GrandTotalAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
    </ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction></rsm:{root}>"""
    for today, old in OLD.items() if kind == "zugferd1" else ():
        text = text.replace(today, old)
    return text.encode()
