"""Proofs: keys, signatures, selective disclosure, status lists, Merkle trees. Bytes in, bytes out.

Offline by rule: no clock, network, environment or database; every check takes an explicit `now` in aware UTC.
Whatever the input, the only exceptions that leave these modules are `signing.errors.SigningError` and, for a mistake
of the calling program (a naive datetime, an unknown claim name), `ValueError`.

Import by module path: `errors`, `canonical`, `keys`, `sm2`, `rsa_keys`, `suites`, `jose`, `sd_jwt`, `status_list`,
`pki`, `csr`, `merkle`, `checkpoint`, `ses`, `ses_check`.

Stability: function signatures are internal to Yizheng. The bytes are not: compact JWS, SD-JWT (RFC 9901), status list
tokens and checkpoints are wire formats, and a stored `sd_jwt.Prepared` must stay readable by later releases.
"""
