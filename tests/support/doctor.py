"""What the parts of `venom-otel doctor` find, as lines of words."""


def holds(lines, *wanted):
    """Whether each of the words stands in a line."""
    missing = [words for words in wanted if not any(words in line for line in lines)]
    assert not missing, (missing, lines)


def findings(source):
    """Each as `status: what → mend`."""
    return [f"{found.status}: {found.what} → {found.mend}" for found in source]
