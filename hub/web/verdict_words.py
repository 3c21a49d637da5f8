"""A verdict in plain words, Chinese and English: the sign, every step, and what each reason means and asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in both languages."""

    zh: str
    en: str


STEPS: Final = {
    "structure": Words("读取内容", "Can it be read"),
    "signature": Words("数字签名", "Does the signature hold"),
    "trust": Words("签发机关及其权限", "Who signed, and may they"),
    "time": Words("签发时间", "When it was signed"),
    "validity": Words("有效期", "Is it in its dates"),
    "status": Words("当前状态", "Has it been withdrawn"),
    "holder": Words("持有与用途", "Is it meant for you"),
    "policy": Words("核验方要求", "Your own rules"),
}
RESULTS: Final = {
    "passed": Words("通过", "passed"),
    "failed": Words("未通过", "failed"),
    "indeterminate": Words("无法判定", "not decided"),
}
STATUSES: Final = {
    "valid": Words("有效", "in force"),
    "suspended": Words("暂扣", "suspended"),
    "superseded": Words("已更新", "replaced by a newer one"),
    "revoked": Words("已撤销", "revoked"),
    "withdrawn": Words("已吊销", "withdrawn as a punishment"),
    "cancelled": Words("已注销", "cancelled"),
    "expired": Words("已失效", "expired"),
    "transferring": Words("办理转出中", "being transferred"),
    "transferred": Words("已转出", "transferred to another authority"),
    "other": Words("其他状态", "in another state"),
    "unknown": Words("未知", "not known"),
}
_ALTERED: Final = Words(
    "内容与签名不符，可能被改动过。请索取原件。", "It is not what was signed. Ask for the original."
)
_UNREADABLE: Final = Words(
    "不是本系统能读懂的证照，或内容不完整。请重新取得完整原件。",
    "It is not a licence that can be read here, or not all of it. Get the whole original.",
)
_FOREIGN_FILE: Final = Words(
    "文件由其他软件生成或另存过，无法核对。请索取未经另存的原文件。",
    "Another program made or saved this file; it cannot be checked. Ask for the file as it was issued.",
)
_CHAIN: Final = Words(
    "签名证书不可信，不能证明由该机关签发。",
    "The certificate behind the signature is not trusted.",
)
_ENTITLED: Final = Words("签名者无权签发这类证照。", "Whoever signed may not issue this kind of licence.")
_TIMES: Final = Words("证照中的时间不正确。", "The times in it are not right.")
_ENDED: Final = Words("已过有效期。", "Its last day is over.")
_STATUS_GONE: Final = Words("暂时查不到当前状态，请稍后再核验。", "Its status cannot be had now. Try again later.")
_OWN_RULE: Final = Words("不符合您设定的核验要求。", "It does not meet the rules that you set.")


def _all(codes: str, words: Words) -> dict[str, Words]:
    return dict.fromkeys(codes.split(), words)


REASONS: Final[Mapping[str, Words]] = {
    **_all(
        "base64url json depth duplicate_name number character encoding not_an_sd_jwt segments header metadata"
        " base45 offline_code file_structure pdf_header zip_name zip_bomb payload header_name typ file_signature",
        _UNREADABLE,
    ),
    "too_large": Words("内容过大。", "It is too large."),
    "pdf_not_signed": Words("此 PDF 没有数字签名。", "Nobody signed this PDF."),
    "not_sealed": Words("此 OFD 没有电子签章。", "This OFD has no electronic seal."),
    "control_code": Words(
        "没有这个核验码的证照，或核验码与标识不符。", "No page has this code, or the identifier is of another."
    ),
    **_all(
        "pdf_changed pdf_encrypted pdf_form pdf_not_certified pdf_object pdf_pages pdf_trailer pdf_xref"
        " pdf_xref_stream zip ofd_structure ofd_xml",
        _FOREIGN_FILE,
    ),
    **_all(
        "signature alg disclosure salt reserved_name sd sd_alg never_disclosable unreferenced_disclosure"
        " duplicate_disclosure duplicate_digest claim_collision metadata_mismatch digest signing_certificate"
        " stamp_imprint stamp_time data_hash file_hash uncovered_file location signing_time seal_file"
        " seal_certificate seal_signature seal_role seal_not_yet_valid seal_expired pdf_byte_range binding_mismatch",
        _ALTERED,
    ),
    "licence_unreadable": Words(
        "持有人信息已依法抹除，平台无法再打开该证照。请核验文件原件或离线码。",
        "The holder was erased, and the hub cannot open this licence any more. Check the file, or the offline code.",
    ),
    "key_unknown": Words(
        "离线码由本机不认识的密钥签名，未能核验。请取得新的信任包，或联网核验。",
        "The key of this offline code is not known here; nothing was checked. Get a newer trust pack, or go online.",
    ),
    "suite_unavailable": Words("本机不支持国密算法，未能核验。", "This machine has no SM2; nothing was checked."),
    **_all(
        "chain_x5c chain_certificate chain_leaf_key chain_not_yet_valid chain_leaf_is_ca chain_key_usage chain_path"
        " chain_root_in_chain chain_unused_certificate chain_subject chain_anchor chain_too_long",
        _CHAIN,
    ),
    "chain_not_compared": Words(
        "由互认平台的另一根证书签发，本平台尚未核对该根证书的指纹。请运行人员核对后重新导入对方信任包。",
        "It leads to another root of an accepted hub, one that nobody has compared here. An operator compares its"
        " fingerprint, and takes in their pack again.",
    ),
    "chain_expired": Words(
        "签名证书已到期，且没有证据表明签名在到期之前。",
        "The signer's certificate has ended, and nothing proves that this was signed before.",
    ),
    "chain_key_compromised": Words(
        "签名密钥已失窃，且没有证据表明签名在失窃之前。",
        "The signing key was stolen, and nothing proves that this was signed before.",
    ),
    "chain_revoked": Words(
        "签名证书已被其颁发机构吊销，且没有证据表明签名在吊销之前。",
        "The authority revoked the signer's certificate, and nothing proves that this was signed before.",
    ),
    "revocation_unknown": Words(
        "本机没有签名证书颁发机构的最新吊销列表，未能核验。",
        "No present revocation list of the signer's authority is here; nothing can be said.",
    ),
    **_all("vct identifier", _UNREADABLE),
    **_all("issuer_uri not_the_hubs_copy_key issuer_not_entitled type_not_entitled", _ENTITLED),
    **_all(
        "missing_iat missing_exp bad_iss bad_sub bad_aud bad_jti bad_iat bad_exp bad_nbf issued_in_future dates", _TIMES
    ),
    "not_yet_valid": Words("尚未生效。", "Its first day is still to come."),
    "expired": _ENDED,
    "validity_unavailable": Words(
        "本机不掌握该文件的有效期，请联网核验或附上证明文件。",
        "Its dates are not known here. Verify online, or with its proof.",
    ),
    **{f"certificate_{name}": Words(f"该证照{words.zh}。", f"It is {words.en}.") for name, words in STATUSES.items()},
    **_all("status_missing status_reference", _UNREADABLE),
    "status_unavailable": _STATUS_GONE,
    "status_too_old": Words("掌握的状态过旧，请取得较新的状态再核验。", "The status at hand is too old."),
    "status_went_back": Words(
        "收到的状态清单比以前见过的还旧，可能有人以旧充新。",
        "The status list is older than one seen before: somebody may be showing an old one.",
    ),
    "copy_removed": Words(
        "持证人已停用钱包里的这份副本；证照本身不受影响，请换一种方式出示。",
        "Its holder ended this copy in a wallet. The licence itself stays as it is: have it shown another way.",
    ),
    "type_halted": Words("该类证照已停用，暂不作证明。", "This kind of licence is stopped for now."),
    "audience_mismatch": Words("这是给其他单位的加注件。", "This copy was made for somebody else."),
    "audience_not_given": Words(
        "这是加注件，请填写您的接收方标识再核验。",
        "A copy for one receiver: say who you are, and verify again.",
    ),
    "binding_missing": Words(
        "出示人没有用其密钥对随机数签名，不能证明有权出示。", "The presenter signed no nonce with the key in it."
    ),
    "binding_wrong": Words(
        "出示人的密钥签名不符：密钥、随机数、接收方、时间或内容不对。",
        "What the presenter signed does not fit: key, nonce, receiver, time or contents.",
    ),
    "binding_unavailable": Words(
        "证照或文件中没有出示人的密钥，无法以签名证明有权出示。",
        "It names no key of a presenter: nobody can show that it is his.",
    ),
    "purpose_mismatch": Words(
        "加注件的用途与您填写的不同，不得用于此事项。", "This copy was made for another purpose than yours."
    ),
    "purpose_unknown": Words(
        "版面上的用途无法由签名核对，请核验加注件本身或其离线码。",
        "The purpose of this page is not in its data. Check the copy itself, or the page's offline code.",
    ),
    "audience_unknown": Words("无法确定这份加注件给谁使用，请联网核验。", "It is not known here whose copy this is."),
    **_all("trial_not_accepted suite_not_accepted custody_not_accepted", _OWN_RULE),
    "ok": Words("各步骤均通过。", "Every step holds."),
}
KINDS: Final = {
    "data_copy": Words("共享数据，不是证照", "Shared data, no licence"),
    "stand_in_copy": Words("替代证明，不是证照", "What stands in for a record, no licence"),
    "case_notice": Words("办件通知，不是证照", "A notice about a case, no licence"),
    "showing": Words("持有人离线出示的内容", "What its holder shows without a network"),
}
"""Of what is verified and is not the licence itself."""
_AS_SAID: Final = {
    "data_copy": Words("与数据源所述一致；不是证照", "As the source said it; no licence"),
    "stand_in_copy": Words("真实；只是替代证明，不是证照", "Genuine, and only standing in for a record; no licence"),
    "case_notice": Words("真实的办件通知；不是证照", "A genuine notice about a case; no licence"),
}
_GENUINE: Final = Words("真实且有效", "Genuine and valid")
_HEADINGS: Final = {
    "expired": Words("真实但已过期", "Genuine, but expired"),
    "not_yet_valid": Words("真实但尚未生效", "Genuine, but not yet valid"),
    "audience_mismatch": Words("真实但不是给您的", "Genuine, but not for you"),
    "purpose_mismatch": Words("真实但不是用于此事", "Genuine, but not for this purpose"),
}
_NOT_DECIDED: Final = Words("无法判定", "Cannot be decided")
_NOT_GENUINE: Final = Words("无法证明真实", "Not proven genuine")
SIGNS: Final = {"passed": "✓", "failed": "✗", "indeterminate": "?"}


def heading(verdict: Mapping[str, Any]) -> Words:
    """What the verdict comes to, never a bare tick: genuine or not, and in force or not."""
    reason = str(verdict["reason"])
    if verdict["result"] == "passed":
        return _AS_SAID.get(str(verdict["kind"]), _GENUINE)
    if verdict["result"] == "indeterminate":
        return _NOT_DECIDED
    if reason.startswith("certificate_"):
        status = STATUSES.get(reason.removeprefix("certificate_"), STATUSES["other"])
        return Words(f"真实但{status.zh}", f"Genuine, but {status.en}")
    return _HEADINGS.get(reason, _NOT_GENUINE)


def explained(reason: str | None) -> Words:
    """What a reason means."""
    return REASONS.get(reason or "ok", _NOT_DECIDED)
