"""Commands about calls: replay them, show their receipts."""
