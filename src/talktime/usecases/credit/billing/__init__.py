"""Write invoices and statements, set taxes, export the ledger."""
