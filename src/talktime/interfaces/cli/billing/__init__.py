"""Commands about papers: invoices, statements, taxes."""
