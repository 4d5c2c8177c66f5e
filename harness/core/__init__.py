"""The words of the system: values, components, jobs, random streams, errors, paths and files.

Everything else is built from them. It imports nothing of the rest, no torch and no YAML.
"""
