"""Runs a command and writes the memory of its peak to a file, as the system counts it.

    python between.py FILE COMMAND…

Until it is another program a child is a copy of its parent, and what that holds counts as its own:
so the parent is this, and not a run of tests that may hold more than any command.
"""

import os
import signal
import sys

if __name__ == "__main__":
    place, *command = sys.argv[1:]
    child = os.fork()
    if not child:
        os.execv(command[0], command)
    # Whoever loses patience with the command has only this one to kill.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    _, status, usage = os.wait4(child, 0)
    with open(place, "w", encoding="ascii") as file:
        file.write(str(usage.ru_maxrss))
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))
