"""Commands about what pays: cards, agreements, cases, gateways."""
