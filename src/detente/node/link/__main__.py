"""`python -m detente.node.link DIR`: the link process of one node."""

import sys

from detente.node.link.main import main

if __name__ == "__main__":
    sys.exit(main())
