"""Pages of lists, as REST's paths ask for them: `/{offset}/{size}`."""

from streams.paging import read_page

__all__ = ["read_page"]
