"""What a call does over the network: look, push, delete, compare, copy.

Nothing is imported before it is needed: a run that has nothing to ask or send imports none of it.
"""
