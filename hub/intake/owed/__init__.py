"""What the hub or a department owes a case 部门欠件: opened, asked for again, paid; never turned into a paper."""
