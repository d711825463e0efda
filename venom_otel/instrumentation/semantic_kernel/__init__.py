"""Everything that knows Semantic Kernel; another host would be a package beside this one."""
