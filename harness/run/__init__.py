"""From one Run to one Record: patches, split, annotation, training and the test.

A `Run` comes in, events and a record go out. It is the only package that may import torch, and it
may import records and what is below.
"""
