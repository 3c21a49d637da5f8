"""Reading codes by a device's camera, beside the keyboard: which pages may, and with what they read.

The browser reads by itself where it can (BarcodeDetector); elsewhere by jsQR, which we serve ourselves and which is
loaded only when somebody presses the button. Its bytes are those of the package in deploy/web, pinned here.
"""

from typing import Any, Final

from hub.web.static_files import static

CAMERA_PAGES: Final = frozenset({"/receive", "/console/counter/receive", "/me/asked", r"/me/acting/[0-9a-f]{32}/asked"})
"""Whole paths, as regular expressions: no other page may open a camera (Permissions-Policy)."""
JSQR: Final = "jsqr.js"
JSQR_INTEGRITY: Final = "sha384-b5Ya4Bq3qCyz39m2ISh+4DxjAIljdeFwK/BsXLuj9gugaNwAcj/ia15fxNZL9Nlx"
SHOWN: Final = r"^(?:9902[0-9]{28}|YZ1:[0-9A-Z $%*+./:-]+)$"
"""What a receiver's page takes: a code that opens a showing, an offline code."""
REQUESTED: Final = r"(?:^|#c=)(9903[0-9]{28})$"
"""What a holder's page takes: a request, whose QR is an address."""


def scanning(pattern: str) -> dict[str, Any]:
    """For `_scan.html`."""
    return {"scan_pattern": pattern, "scan_library": static(JSQR), "scan_integrity": JSQR_INTEGRITY}
