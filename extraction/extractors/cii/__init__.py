"""Reads UN/CEFACT Cross Industry documents: Order-X, Factur-X, ZUGFeRD 1 and 2, XRechnung."""
