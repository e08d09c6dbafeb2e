"""Reads cXML orders, confirmations, ship notices and invoices."""
