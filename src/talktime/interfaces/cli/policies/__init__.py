"""Commands about what is allowed: policies, blocks, caps, stops."""
