"""Certificate types in force: believed with their MAC, changed by two, stopped by one."""
