"""Every marshmallow schema, used by pages, API and ingest."""
