"""Panda3D's ServerRepository for the benchmark: python server.py polled|threaded PORT FILE.dc

It prints a line when it listens, and ends when stdin does. Between two frames it sleeps a millisecond, as pandaserver does: Panda3D's
own loop without a window does not sleep at all.
"""
import os
import sys
import threading
import time

from panda3d.core import loadPrcFileData

loadPrcFileData("", "window-type none\naudio-library-name null\nnotify-level error")

from direct.showbase.ShowBase import ShowBase
from direct.distributed.ServerRepository import ServerRepository


def watch():
    sys.stdin.read()
    os._exit(0)


mode, port, path = sys.argv[1:]
base = ShowBase()
server = ServerRepository(int(port), serverAddress="127.0.0.1", dcFileNames=[path], threadedNet=mode == "threaded")
threading.Thread(target=watch, daemon=True).start()
print("listening", flush=True)
while True:
    base.taskMgr.step()
    time.sleep(0.001)
