"""Reads spreadsheets (xlsx, xls, xlsb, ods) and delimited text."""
