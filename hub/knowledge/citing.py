"""How to cite a record: one line for people, BibTeX for reference managers."""

from dataclasses import dataclass

from hub.knowledge.models import PRACTICE, Document

HUB = "Migration Network Hub"
_BIBTEX = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {character: f"\\{character}" for character in "&%$#_{}"}
)


@dataclass(frozen=True, slots=True)
class Citation:
    line: str
    bibtex: str


def cite(row: Document, address: str) -> Citation:
    """`address`: the permanent link. The author is who stands behind the source, the version that of our record."""
    author = "; ".join(row.publishers) or row.source_publisher or HUB
    year = str(row.year) if row.year and row.kind != PRACTICE else ""  # a practice's year is no year of publication
    parts = [author, row.title, year, f"{HUB}, record {row.slug}, version {row.version}", address]
    line = ". ".join(part.rstrip(".") for part in parts if part)
    fields = {
        # Doubled braces keep a name of an organisation whole and the case of a title as it is.
        "author": "{"
        + (" and ".join(f"{{{_escape(name)}}}" for name in row.publishers) or f"{{{_escape(author)}}}")
        + "}",
        "title": f"{{{{{_escape(row.title)}}}}}",
        "year": f"{{{year}}}" if year else "",
        "howpublished": f"{{{HUB}}}",
        "note": f"{{Record {_escape(row.slug)}, version {row.version}}}",
        "url": f"{{{address}}}",
        "langid": f"{{{row.language}}}",
    }
    body = ",\n".join(f"  {name} = {value}" for name, value in fields.items() if value)
    return Citation(line, f"@misc{{{row.slug},\n{body}\n}}")


def _escape(text: str) -> str:
    return text.translate(_BIBTEX)
