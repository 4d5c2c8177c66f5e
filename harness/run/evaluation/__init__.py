"""The test of a run: predictions, confusion counts, boundaries, probabilities and their outcome.

A network or a floor and the test part come in, counts and what the record says of them go out. It
may import what run may, and nothing that trains.
"""
