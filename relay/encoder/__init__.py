"""The process that makes a stream's lower renditions, and what the relay says to it.

One process for each live stream with a ladder: it decodes the stream once and encodes
every rendition. It parses what strangers send with FFmpeg, so it holds nothing but its
end of a socket to the relay (relay.encoder.confine), and its death costs the stream
nothing (relay.encoders).
"""
