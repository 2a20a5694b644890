"""One parser, or a family that is reached by the same bytes, a file.

Each file says PARSERS (dotted names of what it drives), `seeds()` (bytes to begin with) and `one(data)`,
which returns for any bytes: what is refused is refused by an error of ours, and what is accepted prints back.
"""
