"""Streams and rooms by REST."""
