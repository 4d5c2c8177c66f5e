"""From a leaderboard to what people read: Markdown, CSV, SVG, figures and HTML.

A leaderboard comes in, texts and files go out. It may import leaderboard and what is below, and
computes no statistics of its own.
"""
