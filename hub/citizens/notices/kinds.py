"""Of what a holder is told: one closed table of kinds, their words, and the page that says more.

The words are the same for everybody. They name no person, number, department, licence or value: they are read over a
shoulder, and by whoever carries them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.registry.meanings import Words


class NoticeKind(StrEnum):
    """What a notice says. The comment names what `about` is; where there are two ids they are joined by a colon."""

    LOOKED_FIRST = "looked_first"  # department
    LOOKED_UNUSUALLY = "looked_unusually"  # case
    DECISION_NEEDED = "decision_needed"  # question for his word
    DECISION_OVER = "decision_over"  # question for his word
    DECISION_NEEDED_FOR = "decision_needed_for"  # question for the word of whom he stands for
    DECISION_OVER_FOR = "decision_over_for"  # question for the word of whom he stands for
    DECIDED_AT_COUNTER = "decided_at_counter"  # ledger entry
    DECIDED_FOR_HIM = "decided_for_him"  # ledger entry
    FORM_SIGNED = "form_signed"  # ledger entry
    OBJECTION_ANSWERED = "objection_answered"  # objection : ledger entry
    OBJECTION_OVERDUE = "objection_overdue"  # objection
    RATING_ANSWERED = "rating_answered"  # follow-up, an objection : ledger entry
    OBJECTION_ANSWERED_FOR = "objection_answered_for"  # objection of whom he stands for : ledger entry
    OBJECTION_OVERDUE_FOR = "objection_overdue_for"  # objection of whom he stands for
    RATING_ANSWERED_FOR = "rating_answered_for"  # follow-up, an objection, of whom he stands for : ledger entry
    CODE_TAKEN = "code_taken"  # presentation
    SHOWING_TAKEN = "showing_taken"  # showing
    SIGNED_IN = "signed_in"  # session
    LICENCE_ISSUED = "licence_issued"  # version of the certificate
    LICENCE_SUSPENDED = "licence_suspended"  # certificate : ledger entry
    LICENCE_RESUMED = "licence_resumed"  # certificate : ledger entry
    LICENCE_REVOKED = "licence_revoked"  # certificate : ledger entry
    LICENCE_EXPIRING = "licence_expiring"  # version of the certificate : days
    RECORD_CORRECTED = "record_corrected"  # objection
    RECORD_CORRECTED_FOR = "record_corrected_for"  # objection of whom he stands for
    DELEGATION_GIVEN = "delegation_given"  # delegation
    DELEGATION_WITHDRAWN = "delegation_withdrawn"  # delegation
    SHOWN_LATE = "shown_late"  # ledger entry


@dataclass(frozen=True, slots=True)
class Told:
    """How a kind is told. `page` says more, `{about}` in it is the first id. `legal`: he has a right to be told, or
    has to decide something in time: it cannot be switched off.
    """

    words: Words
    page: str
    legal: bool = False


KINDS: Final[dict[NoticeKind, Told]] = {
    NoticeKind.LOOKED_FIRST: Told(
        ("有部门第一次使用了您的信息", "A department used your records for the first time"), "/me/accesses"
    ),
    NoticeKind.LOOKED_UNUSUALLY: Told(
        ("您的信息有一次不寻常的查询，请看一看", "Your records were looked at in an unusual way: please have a look"),
        "/me/accesses",
        legal=True,
    ),
    NoticeKind.DECISION_NEEDED: Told(
        ("有一件事等您同意或者不同意", "Something waits for your yes or no"), "/me/authorisations", legal=True
    ),
    NoticeKind.DECISION_OVER: Told(
        ("一件等您决定的事已经结束，请看怎样继续", "Something that waited for your word is over: see how it goes on"),
        "/me/authorisations",
        legal=True,
    ),
    NoticeKind.DECISION_NEEDED_FOR: Told(
        (
            "您代表的单位或者孩子有一件事等您同意或者不同意",
            "Something waits for your yes or no for a company or a child that you stand for",
        ),
        "/me/acting",
        legal=True,
    ),
    NoticeKind.DECISION_OVER_FOR: Told(
        (
            "您代表的单位或者孩子有一件等您决定的事已经结束，请看怎样继续",
            "Something that waited for your word for a company or a child is over: see how it goes on",
        ),
        "/me/acting",
        legal=True,
    ),
    NoticeKind.DECIDED_AT_COUNTER: Told(
        (
            "窗口或自助终端凭您的证件登记了一项决定；不是您的意思，请马上更改并提出异议",
            "A counter or terminal wrote down a decision by your card: if you did not say so, change it and object",
        ),
        "/me/authorisations",
        legal=True,
    ),
    NoticeKind.DECIDED_FOR_HIM: Told(
        (
            "有人代您作了一项决定；不是您的意思，请马上更改",
            "Who acts for you decided something: if you do not want it, change it",
        ),
        "/me/authorisations",
        legal=True,
    ),
    NoticeKind.FORM_SIGNED: Told(
        (
            "凭您的证件在自助终端签署了一份申请表；不是您本人，请马上提出异议",
            "By your card a form was signed at a terminal: if it was not you, object",
        ),
        "/me/accesses/{about}",
        legal=True,
    ),
    NoticeKind.OBJECTION_ANSWERED: Told(
        ("您的异议有了答复", "Your objection was answered"), "/me/objections/{about}", legal=True
    ),
    NoticeKind.OBJECTION_OVERDUE: Told(
        ("您的异议过了答复期限，已经催办", "The answer to your objection is overdue and was called in"),
        "/me/objections/{about}",
    ),
    NoticeKind.RATING_ANSWERED: Told(("您的评价有了回应", "Your rating was followed up"), "/me/objections/{about}"),
    NoticeKind.OBJECTION_ANSWERED_FOR: Told(
        (
            "您代表的单位或者孩子的异议有了答复",
            "An objection of a company or a child that you stand for was answered",
        ),
        "/me/acting",
        legal=True,
    ),
    NoticeKind.OBJECTION_OVERDUE_FOR: Told(
        (
            "您代表的单位或者孩子的异议过了答复期限，已经催办",
            "The answer to an objection of a company or a child that you stand for is overdue and was called in",
        ),
        "/me/acting",
    ),
    NoticeKind.RATING_ANSWERED_FOR: Told(
        (
            "您代表的单位或者孩子的评价有了回应",
            "A rating of a company or a child that you stand for was followed up",
        ),
        "/me/acting",
    ),
    NoticeKind.CODE_TAKEN: Told(("您的出示码被使用了", "Your code was taken"), "/me/show"),
    NoticeKind.SHOWING_TAKEN: Told(("您的亮证被打开了", "What you showed was opened"), "/me/showings/{about}"),
    NoticeKind.SIGNED_IN: Told(
        (
            "您的账号在新的地方登录；不是您本人的，请马上退出所有设备",
            "You were signed in at a new place; if it was not you, sign out everywhere",
        ),
        "/me",
        legal=True,
    ),
    NoticeKind.LICENCE_ISSUED: Told(("您有一份新的证照", "A licence was issued to you"), "/me/licences"),
    NoticeKind.LICENCE_SUSPENDED: Told(("您的一份证照被暂扣", "A licence was suspended"), "/me/licences", legal=True),
    NoticeKind.LICENCE_RESUMED: Told(("您的一份证照恢复有效", "A licence is in force again"), "/me/licences"),
    NoticeKind.LICENCE_REVOKED: Told(("您的一份证照失效了", "A licence was revoked"), "/me/licences", legal=True),
    NoticeKind.LICENCE_EXPIRING: Told(("您的一份证照快要到期", "A licence is about to end"), "/me/licences"),
    NoticeKind.RECORD_CORRECTED: Told(
        ("您办事时用过的一项记录被更正了", "A record that a case of yours used was corrected"),
        "/me/objections/{about}",
        legal=True,
    ),
    NoticeKind.RECORD_CORRECTED_FOR: Told(
        (
            "您代表的单位或者孩子办事时用过的一项记录被更正了",
            "A record that a case of a company or a child that you stand for used was corrected",
        ),
        "/me/acting",
        legal=True,
    ),
    NoticeKind.DELEGATION_GIVEN: Told(("有一项代办委托", "A delegation was given"), "/me/delegations"),
    NoticeKind.DELEGATION_WITHDRAWN: Told(("一项代办委托结束了", "A delegation has ended"), "/me/delegations"),
    NoticeKind.SHOWN_LATE: Told(
        ("有一次查询按规定推迟告知，现在可以看到了", "A look that was held back by rule can be seen now"),
        "/me/accesses/{about}",
        legal=True,
    ),
}

FOR: Final[dict[NoticeKind, NoticeKind]] = {
    NoticeKind.DECISION_NEEDED: NoticeKind.DECISION_NEEDED_FOR,
    NoticeKind.DECISION_OVER: NoticeKind.DECISION_OVER_FOR,
    NoticeKind.OBJECTION_ANSWERED: NoticeKind.OBJECTION_ANSWERED_FOR,
    NoticeKind.OBJECTION_OVERDUE: NoticeKind.OBJECTION_OVERDUE_FOR,
    NoticeKind.RATING_ANSWERED: NoticeKind.RATING_ANSWERED_FOR,
    NoticeKind.RECORD_CORRECTED: NoticeKind.RECORD_CORRECTED_FOR,
}
"""What whoever stands for a company or a child is told where it is told this (`hub.citizens.acting.stewards`)."""


def page_of(kind: NoticeKind, about: str) -> str:
    """The page of ours that says more."""
    return KINDS[kind].page.format(about=about.partition(":")[0])
