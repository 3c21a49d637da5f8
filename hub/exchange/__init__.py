"""One question to one source, under a grant and a case, answered over a signature.

Life of a query: `claiming` (checked before anything is touched) → `pool` (the source, guarded) or `cache` → `judging`
(mapped, checked against the published contract, filtered) → `deciding` (checked again under locks; ledger row and
encrypted unsigned answer commit together) → `compose` (signed) → stored by `hub.intake.answers`; then its bytes leave.

Stability: internal; the signed answer (`compose.ANSWER_TYPE`) is a wire format.
"""
