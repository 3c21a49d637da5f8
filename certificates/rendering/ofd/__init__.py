"""OFD (GB/T 33190): a face set, packed, sealed, checked."""
