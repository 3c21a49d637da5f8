"""The sample city 示例市: invented persons, enterprises, departments and matters, to try the hub with.

Every number is valid in form and evidently invented: no list has a division 99. The registers are collected through the
same services as any department's.
"""
