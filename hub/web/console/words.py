"""Words that several pages share."""

from typing import Final

from hub.access.actors import Role

ROLES: Final = (
    (Role.OWNER_ENGINEER, "数据提供方技术人员", "Owner's engineer", "登记数据源，编写和测试接口", "Registers sources, writes and tests interfaces"),
    (Role.OWNER_APPROVER, "数据提供方审批人员", "Owner's approver", "上线接口，审批共享申请，收回授权", "Takes interfaces live, decides requests, withdraws grants"),
    (Role.CONSUMER_ENGINEER, "数据使用方技术人员", "Consumer's engineer", "登记应用系统，申请共享，使用沙箱", "Registers systems, asks for access, uses the sandbox"),
    (Role.OPERATOR, "平台运行人员", "Operator", "管理部门、人员、节假日和争议", "Departments, staff, holidays, disputes"),
    (Role.AUDITOR, "审计人员", "Auditor", "只读，不含个人信息", "Reads everything but persons, changes nothing"),
    (Role.CLERK, "受理员", "Counter clerk", "在受理台受理办件，只看结果，不看内容", "Takes cases at the counter; sees outcomes, never values"),
    (Role.DECIDER, "审批员", "Approver of cases", "查看办件证据，审批办件", "Sees the evidence of cases and decides them"),
)  # fmt: skip
"""Role, name in Chinese and English, what it may do in Chinese and English."""
