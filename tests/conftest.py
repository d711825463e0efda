"""What every test may use: the package's own test tools."""

pytest_plugins = ["venom_otel.testing"]
