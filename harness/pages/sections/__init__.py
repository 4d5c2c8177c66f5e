"""The folded tables of a leaderboard, one function each.

The table of a selection track comes in, tables go out. It may import what pages may.
"""
