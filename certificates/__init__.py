"""What an electronic licence is: types, numbers, life cycle, signed form, purpose copies, verification.

Decides, and does nothing: bytes, values and an explicit `now` in, values out. The hub stores, signs and records.
Stability: the signed forms (`profile`, `purpose_copy`) and the verdict are wire formats; the rest is internal.
"""
