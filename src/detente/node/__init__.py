"""Makes time, disk, network and keys real: store, signer, link, clocks, officers, local API."""
