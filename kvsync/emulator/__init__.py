"""EdgeKV on loopback, on SQLite: for trying things out, and as the judge in tests.

Nothing is imported here: ``kvsync.emulator.store`` alone must stay cheap, and the server is not.
"""
