"""The line to the peers: one listener a peer, mutual TLS 1.3, and the loop that keeps three records alike.

Protocol D. Nothing here decides what an entry means, and nothing here does crypto or database work in the
event loop: bytes are handed to the record's functions by the writer thread.
"""
