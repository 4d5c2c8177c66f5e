"""The folded tables of a leaderboard, one function each.

A board and its rows come in, tables go out. It may import what pages may.
"""
