"""From records to a leaderboard: rows, statistics, ranks, budgets and costs.

Records come in, values that pages show go out. It may import records and what is below, and never
torch.
"""
