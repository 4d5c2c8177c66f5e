"""Many runs: the executors that come with the harness, and their progress.

Runs come in, finished records go out as they end. It may import run and what is below.
"""
