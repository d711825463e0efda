"""Tasks: what `venom-otel up` asks model servers itself, by a kernel of Semantic Kernel that is instrumented like any other."""
