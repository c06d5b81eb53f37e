"""The use cases, one function per command."""
