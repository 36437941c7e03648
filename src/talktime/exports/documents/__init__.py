"""Invoices, credit notes and statements as PDF for people, in their language, and as CSV for machines."""
