"""The operators' live overview: a page of the admin and its own WebSocket."""
