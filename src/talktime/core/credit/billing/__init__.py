"""What is written for whoever pays: invoices, credit notes, tax."""
