"""Reports and audits."""
