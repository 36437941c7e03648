"""The Graph-compatible door: an organization's call records, and its credit, for programs that only read."""
