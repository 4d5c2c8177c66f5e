"""The words of the system, which every other package uses and which use none of them."""
