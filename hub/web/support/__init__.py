"""Support requests as pages: the list and what waits, the form, one request with its matches, the editor of answers.

A new concern is a module beside these; importing it here adds its addresses.
"""

from hub.web.support import answering, asking, attachments, behalf, desk, listing, papers, showing, translating, writing
from hub.web.support.parts import blueprint

__all__ = [
    "answering",
    "asking",
    "attachments",
    "behalf",
    "blueprint",
    "desk",
    "listing",
    "papers",
    "showing",
    "translating",
    "writing",
]
