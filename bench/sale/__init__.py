"""A flash sale."""
