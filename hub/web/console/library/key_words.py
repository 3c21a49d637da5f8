"""Plain words about keys: what each is for, where it lies, what it is at this moment."""

from collections.abc import Mapping
from typing import Final

from hub.registry.meanings import Words

ROLES: Final[Mapping[str, Words]] = {
    "issuer": ("颁发证照", "issues licences"),
    "seal": ("电子印章", "seals documents"),
    "hub": ("平台应答与存证", "the hub's answers and ledger"),
    "purpose-copy": ("加注件", "purpose copies"),
    "status": ("状态列表", "status lists"),
    "tsa": ("时间戳", "time-stamps"),
    "token": ("访问令牌", "access tokens"),
    "tokens": ("访问令牌", "access tokens"),
    "access-token": ("访问令牌", "access tokens"),
}
USES: Final[Mapping[str, tuple[str, str, str]]] = {
    "signs": ("在用", "signs", "good"),
    "coming": ("即将启用", "coming", "info"),
    "replaced": ("已更换，只用于核验", "replaced; still verifies", "off"),
    "ended": ("证书已到期", "its certificate ended", "bad"),
    "pending": ("待签发证书", "waits for a certificate", "wait"),
    "stopped": ("已停用，待复核", "stopped", "wait"),
    "compromised": ("已泄露", "compromised", "bad"),
}
"""What a key is at this moment → Chinese, English, look of its tag."""
CUSTODY: Final[Mapping[str, Words]] = {
    "hub_held": ("平台代管", "held by the hub"),
    "department_held": ("部门自持", "held by the department"),
}
PLACES: Final[Mapping[str, Words]] = {
    "file": ("加密密钥文件", "encrypted key file"),
    "pkcs11": ("密码机（PKCS #11）", "hardware token (PKCS #11)"),
    "remote": ("部门签名服务", "the department's signer"),
}
