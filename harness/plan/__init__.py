"""From a Scenario to its Runs, each with the key of all that can change its numbers.

A `Scenario` and the digest of its data come in, `Run` values go out. It may import scenario and
what is below.
"""
