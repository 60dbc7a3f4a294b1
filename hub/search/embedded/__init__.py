"""The search engine that needs no server: a tantivy index and a memory map of exact vectors in one folder."""

from hub.search.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
