"""The tests: one module per module of the house, and the house rules themselves."""
