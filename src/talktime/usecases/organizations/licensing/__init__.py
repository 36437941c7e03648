"""Buy and assign licenses, and show what they give."""
