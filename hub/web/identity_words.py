"""Why a network ID was not bound, in words for whoever stands before it: the person's own page, and the counter's."""

from typing import Final

from hub.web.console.forms import FieldError

FIELD: Final = "voucher"
NO_VOUCHER: Final = FieldError(
    FIELD,
    "请从“国家网络身份认证”应用复制凭证：以 NID. 开头",
    "Copy the voucher from the network-ID application: it begins with NID.",
)
WHY: Final = {
    "voucher": FieldError(
        FIELD,
        "凭证已用过、已过期，或不是给本平台的，请重新生成一个",
        "The voucher was used, is over, or is not for this service: make a new one",
    ),
    "mismatch": FieldError(
        FIELD,
        "认证服务没有确认这是本人的网号，不能绑定",
        "The service does not confirm that this network ID is this person's: it cannot be bound",
    ),
    "elsewhere": FieldError(
        FIELD,
        "这个网号已绑定到别的人。如果它是您的，请告诉平台运行单位",
        "This network ID is bound to somebody else. If it is yours, tell whoever runs this service",
    ),
    "weak": FieldError(
        FIELD,
        "这次网证的认证强度不够，请换更高强度的方式生成",
        "The voucher is not sure enough: make a surer one",
    ),
    "many": FieldError(FIELD, "最多绑定五个，请先解除不用的", "Five at most: release one that you do not use"),
    "unconfirmed": FieldError(
        "card",
        "本平台没有与这张证件相符的有效记录，请先更正",
        "No valid record here matches this card: have it corrected first",
    ),
}
"""By the reason of a BindingError."""
