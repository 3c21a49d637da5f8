"""What a description of a certificate type must be, in words: each rule that it may break, and each piece of advice."""

from collections.abc import Mapping
from typing import Final

from certificates.claims import Bilingual

TEXTS: Final[Mapping[str, Bilingual]] = {
    "type": Bilingual("应为另一种类型的值", "another kind of value is needed here"),
    "length": Bilingual("号码长度不对", "the number has another length"),
    "character": Bilingual("号码含有不允许的字符", "the number has a character that it cannot have"),
    "check_digit": Bilingual("校验位不对", "the check character does not fit"),
    "required": Bilingual("缺少必填项", "a member is missing"),
    "oneOf": Bilingual("须恰好选用一种写法", "exactly one of the ways to say this is needed"),
    "additionalProperties": Bilingual("含有不认识的项，可能拼写有误", "a member is not known: is it misspelt?"),
    "enum": Bilingual("不在允许的取值之内", "not one of the values that are allowed"),
    "pattern": Bilingual("写法不符合规定", "not written as it must be"),
    "propertyNames": Bilingual(
        "字段名须为小写字母、数字和下划线", "names are lower-case letters, digits and underscores"
    ),
    "minProperties": Bilingual("至少要有一项", "at least one member is needed"),
    "maxProperties": Bilingual("项数过多", "too many members"),
    "minItems": Bilingual("至少要有一项", "at least one item is needed"),
    "maxItems": Bilingual("项数过多", "too many items"),
    "uniqueItems": Bilingual("有重复项", "an item stands twice"),
    "minLength": Bilingual("不能为空", "it cannot be empty"),
    "maxLength": Bilingual("过长", "it is too long"),
    "minimum": Bilingual("数值过小", "the number is too small"),
    "maximum": Bilingual("数值过大", "the number is too large"),
    "const": Bilingual("不在允许的取值之内", "not the value that is allowed"),
    "format": Bilingual("正则表达式有误", "the pattern cannot be read"),
    "schema": Bilingual("取值限制无法编译", "the restriction cannot be compiled"),
    "too_long": Bilingual("定义文件过长（不超过 64K 字符）", "the file is longer than 64 K characters"),
    "unreadable": Bilingual("不是有效的 YAML", "this is no YAML"),
    "alias": Bilingual("不能使用 YAML 引用（& 与 *）", "YAML anchors (& and *) are not allowed"),
    "repeated_key": Bilingual("同一项写了两次", "a key stands twice"),
    "key_not_text": Bilingual("项名须为文字，请加引号", "a key is not text: put it in quotes"),
    "no_such_template": Bilingual(
        "没有此版面模板，请用 certificate、letter 或 card",
        "there is no such template: certificate, letter and card ship",
    ),
    "not_of_defining_authority": Bilingual(
        "类型代码须以定义机构的统一社会信用代码开头", "the code begins with the USCC of the defining authority"
    ),
    "reserved": Bilingual("该字段名为签名格式所用，请另取", "the signed forms use this name themselves: take another"),
    "unsatisfiable": Bilingual("没有任何值能满足此限制", "no value can satisfy this"),
    "unknown_id_type": Bilingual("不是 GB/T 36903 的证件类型代码", "not an identifier type of GB/T 36903"),
    "not_a_holder_kind": Bilingual("不在 holder_kinds 之内", "not among holder_kinds"),
    "not_a_required_claim": Bilingual("须为已定义的必填字段", "name a claim that is required"),
    "not_a_claim": Bilingual("没有定义此字段", "there is no such claim"),
    "required_in_part": Bilingual(
        "同一持证人的各字段须一并必填或一并可缺", "the claims of one holder are all required, or none of them is"
    ),
    "named_twice": Bilingual("两个持证人不能用同一字段", "two holders cannot be named by one claim"),
    "of_one_holder_only": Bilingual(
        "有多个持证人的证照不能用于确认身份", "a type of several holders cannot confirm an identity"
    ),
    "not_a_date_claim": Bilingual("须为已定义的日期字段", "name a claim of the format date"),
    "not_one_column_per_claim": Bilingual(
        "每个必填字段须恰有一列，且只能对应已定义的字段",
        "each required claim has exactly one column, and no column leads elsewhere",
    ),
    "only_of_an_index": Bilingual("仅索引类（custody: index）可有数据源", "only `custody: index` has a source"),
    "needed_by_an_index": Bilingual(
        "索引类须指明取用时查询的接口", "`custody: index` names the interface that is asked"
    ),
    "not_one_field_per_claim": Bilingual(
        "每个必填且可出示的字段须有来源，从不出示的字段不能有",
        "each required claim that is shown has a field, and one that is never shown has none",
    ),
    "without_the_original": Bilingual("原件为 SD-JWT，不能不支持", "the original is an SD-JWT: it cannot be left out"),
    "without_es256": Bilingual(
        "电子证照的令牌一律以 ES256 签名，不能不列；国密 SM2 签 OFD，RSA 签 PDF",
        "every token is signed with ES256, so it cannot be left out; SM2 signs the OFD, RSA the PDF",
    ),
    "without_effect": Bilingual("此项不起作用，请删去", "this has no effect: leave it out"),
    "never_shown": Bilingual("从不出示的字段不能上版面", "a claim that never leaves is not on a face"),
    "personal_number_in_clear": Bilingual(
        "公民身份号码明示于每份副本，建议改为 selective", "every copy shows a citizen's number: `selective` is better"
    ),
    "much_in_clear": Bilingual("明示字段过多，持证人无法选择", "much is in clear, and the holder cannot hold it back"),
    "no_legal_basis": Bilingual("未写明法律依据", "no legal basis is named"),
    "invented_authority": Bilingual(
        "定义机构为示例，正式使用前请更换", "the authority is invented: put in the real one"
    ),
    "complete_but_kept": Bilingual(
        "声明“查无记录即没有”，却保留登记簿中已消失的证照，请确认",
        "no record means none, yet what vanished from the register is kept: is this meant?",
    ),
}
"""What each rule asks for. A rule of JSON Schema that is not here is told as `schema`."""
