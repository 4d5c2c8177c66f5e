"""What a record is, what makes it believable, and the folder that keeps it.

JSON comes in, checked records go out, and the other way round. It may import plan and what is
below.
"""
