"""What kvsync promises, held under attack: faults of the service, kills, signals, an outage.

Each line is one attack, what came of it in figures, and whether the promises were kept.
"""
