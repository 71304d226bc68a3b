"""What kvsync costs, measured from outside and held against goals.

Run as a program it prints a table: python -m tests.bench [--quick] [--json FILE] [NAME...]

A measurement is a function that takes a `Scale` and yields a `Row` for each figure. To add one,
write it in a module of its own and name it in `MEASUREMENTS`.
"""
