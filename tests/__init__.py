"""The tests of Talktime; docs/architecture.md says which kinds there are."""
