"""A leaderboard as one HTML file that needs no network.

A board and its folder of runs come in, a page goes out. It may import what pages may, and the extra
`report`.
"""
