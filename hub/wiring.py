"""Settings -> engine, embedder, database: the only place that chooses an implementation."""

from functools import cached_property

from hub.database import Database
from hub.search.embedding import Embedder
from hub.search.engine import SearchEngine
from hub.settings import Settings


class Hub:
    """The parts of one running hub. Each is made on first use and shared by all threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database)

    @cached_property
    def engine(self) -> SearchEngine:
        if self.settings.search_engine == "elasticsearch":
            from hub.search.elastic import ElasticEngine  # noqa: PLC0415

            return ElasticEngine(self.settings.elasticsearch_url, prefix=self.settings.elasticsearch_prefix)
        from hub.search.embedded import EmbeddedEngine  # noqa: PLC0415

        return EmbeddedEngine(self.settings.index)

    @cached_property
    def embedder(self) -> Embedder | None:
        """None when there is no model: keyword search only, which pages and answers say."""
        if self.settings.model is None:
            return None
        from hub.search.embedding import SentenceTransformerEmbedder  # noqa: PLC0415

        return SentenceTransformerEmbedder(self.settings.model)

    def close(self) -> None:
        for name in ("engine", "database"):
            if name in self.__dict__:
                getattr(self, name).close()
