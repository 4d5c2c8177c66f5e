"""Finding numbers in published tables that cannot be true.

Markdown and CSV files come in, findings go out. It knows nothing of the rest but errors and files.
"""
