"""`python -m detente.desk DIR`: the desk of the node whose folder is DIR, until it is told to stop."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import uvicorn

from detente.desk.asgi import make_application
from detente.desk.config import load_config
from detente.desk.here import Here
from detente.node.client import LocalApi

GRACE_S: Final = 1  # an open event stream must not hold up a restart


def main() -> int:
    """Exit code: 2 for wrong use; otherwise serves until a signal."""
    if len(sys.argv) != 2:
        print("detente: python -m detente.desk DIR", file=sys.stderr)
        return 2
    os.umask(0o077)
    folder = Path(sys.argv[1])
    config = load_config(folder)
    application = make_application(Here(config, lambda: LocalApi(folder)))
    uvicorn.run(
        application,
        host=config.host,
        port=config.port,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
