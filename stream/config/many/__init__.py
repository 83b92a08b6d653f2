"""Settings of many pairs: a fleet of processes, or several pairs in one."""
