"""The exit codes of the command line, which scripts rely on."""

SUCCESS = 0
"""All is well."""

FINDINGS = 1
"""A run failed, or a check found something."""

MISTAKE = 2
"""The user asked for something that cannot be done, and can mend it."""

INTERRUPTED = 130
"""The user interrupted the command; shells use this number too."""
