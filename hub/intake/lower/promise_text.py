"""The text of a promise 告知承诺书: the matter's own, or the standard one; with nobody's name, and the same for all."""

from typing import Final

from catalog.matters.standing_in import CommitmentRule
from catalog.matters.values import Matter, Requirement

_STANDARD: Final = (
    (
        "告知承诺书（模板 {template}）\n\n"
        "一、办理事项：{matter}\n二、证明事项：{title}\n三、设定依据：{basis}\n四、告知承诺依据：{promise_basis}\n\n"
        "行政机关告知：对上述证明事项，申请人可以提交证明材料，也可以自愿选择以书面承诺代替；不选择的，按一般程序办理，不影响办理结果。"
        "承诺自确认之日起 {days} 个工作日内履行：补齐材料，或由政务数据平台核查属实。\n"
        "不实承诺或者逾期未履行的后果：{consequence}\n\n"
        "申请人承诺：已知晓以上告知的全部内容；已满足告知的条件和要求；所作承诺是本人真实意愿的表示；愿意承担不实承诺的法律责任。"
    ),
    (
        "Commitment (template {template})\n\n"
        "1. Matter: {matter}\n2. What is to be shown: {title}\n3. Required by: {basis}\n"
        "4. May be promised under: {promise_basis}\n\n"
        "Notice: you may hand in the paper, or choose freely to promise it in writing instead. If you do not choose "
        "to, your case is handled in the ordinary way, and no worse. A promise is due within {days} working days after "
        "it is confirmed: the paper is supplied, or the hub itself verifies the fact.\n"
        "If the promise is untrue or not kept: {consequence}\n\n"
        "I have read the whole of this notice. I meet the conditions it names. I promise of my own free will, and "
        "answer in law for an untrue promise."
    ),
)  # fmt: skip


def text_of(matter: Matter, requirement: Requirement, rule: CommitmentRule) -> dict[str, str]:
    """In Chinese and English; what is confirmed is both."""
    found = {}
    for place, language in enumerate(("zh", "en")):
        english = language == "en"
        own = rule.text_en if english else rule.text_zh
        found[language] = own or _STANDARD[place].format(
            template=rule.template,
            matter=matter.name(language),
            title=requirement.title(language),
            basis=requirement.legal_basis,
            promise_basis=rule.legal_basis,
            days=rule.due_days,
            consequence=rule.consequence_en if english else rule.consequence_zh,
        )
    return found
