"""What programs read of one organization, page by page."""
