"""Looking twice: comparing runs, and running a row again from its records.

Names of boards, rows and runs come in, findings go out. It may import execution, leaderboard and
what is below.
"""
