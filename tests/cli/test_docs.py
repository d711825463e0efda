"""What the documentation says of the command line is true."""

from pathlib import Path

import typer.main

from venom_otel.cli import compare, model_lines
from venom_otel.cli.app import app
from venom_otel.cli.listing import COLUMNS
from venom_otel.cli.servers import FIELDS

PAGES = ("cockpit.md", "compare.md", "demo.md", "doctor.md", "grafana.md", "models.md", "runtimes.md", "scripts.md", "store.md")
TEXT = "\n".join((Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8") for page in PAGES)


def commands(group, name=""):
    for own, command in group.commands.items():
        yield f"{name} {own}", command
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{name} {own}")


def test_every_option_is_named():
    for name, command in commands(typer.main.get_command(app)):
        for parameter in command.params:
            long = next((option for option in parameter.opts if option.startswith("--")), None)
            assert long is None or f"`{long}`" in TEXT or f" {long}" in TEXT, f"{name} {long}"


def test_the_fields():
    assert f"The fields: {', '.join(COLUMNS)}." in TEXT
    assert f"the fields {', '.join(FIELDS)}." in TEXT
    assert f"the fields {', '.join(compare.FIELDS)}." in " ".join(TEXT.split())
    assert f"the fields {', '.join(model_lines.FIELDS)}." in TEXT
