"""From YAML to a Scenario: reading, overriding, checking and explaining.

A document comes in, a frozen `Scenario` goes out, or all mistakes at once with their lines. It may
import the catalog and what is below.
"""
