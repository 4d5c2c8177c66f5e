"""The command line: one file for each group of commands, parser and action together.

Arguments come in, an exit code goes out. It may import everything, each command what it needs, so
that `--help` answers at once.
"""
