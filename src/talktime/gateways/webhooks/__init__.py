"""Programs told over HTTP."""
