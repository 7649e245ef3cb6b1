"""A program of Panda3D's direct.distributed for the tests: the server, a client or an AI.

It executes the statements that come on stdin, one a line, in its main loop, and prints {"event": "done"} after each. What happens
to distributed objects is printed as {"event": "call", "text": …}. It ends when stdin is closed.
"""
import argparse
import faulthandler
import json
import os
import queue
import sys
import threading
import time
import types

from panda3d.core import URLSpec, loadPrcFileData

loadPrcFileData("", "window-type none\naudio-library-name null\nnotify-level-distributed warning\ntime-manager-max-uncertainty 10")

import direct.distributed
from direct.showbase.ShowBase import ShowBase
from direct.distributed.ClientRepository import ClientRepository
from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectAI import DistributedObjectAI
from direct.distributed.DistributedSmoothNode import DistributedSmoothNode
from direct.distributed.ServerRepository import ServerRepository

LIFETIME = 600.0  # seconds; far more than any test needs

output = threading.Lock()


def emit(event, **fields):
    with output:
        print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)


def say(text, **fields):
    emit("call", text=text, **fields)


def told(base, fields):
    """A class whose objects print what is called on them."""

    def field(name):
        def call(self, *args):
            values[self.doId, name] = args
            sender = self.cr.getAvatarIdFromSender() if hasattr(self, "cr") else self.air.getAvatarIdFromSender()
            say(f"{self.doId} {name}{args!r}", ID=sender or 0)
        return call

    def getter(name, default):
        return lambda self: self.kept.get(name, default)

    class Told(base):
        def __init__(self, repository):
            base.__init__(self, repository)
            self.kept = {}

        def generate(self):
            base.generate(self)
            say(f"{self.doId} generate")

        def announceGenerate(self):
            base.announceGenerate(self)
            say(f"{self.doId} announceGenerate")

        def disable(self):
            say(f"{self.doId} disable")
            base.disable(self)

        def delete(self):
            say(f"{self.doId} delete")
            base.delete(self)

    for name, default in fields.items():
        setattr(Told, name, field(name))
        if default is not None:
            setattr(Told, "get" + name[3:], getter(name, default))
    return Told


values = {}
FIELDS = {"setName": "noname", "setHp": 100, "setPair": (1, "p"), "setA": 5.5, "setB": 5.5, "setAB": None, "say": None, "shout": None,
          "ask": None, "answer": None, "poke": None, "nudge": None, "level": None}


def thing_module():
    module = types.ModuleType("thing")
    module.Thing = told(DistributedObject, FIELDS)
    module.Thing.__name__ = "Thing"
    module.ThingAI = told(DistributedObjectAI, FIELDS)
    module.ThingAI.__name__ = "ThingAI"
    module.Mover = type("Mover", (DistributedSmoothNode,), {})
    sys.modules["thing"] = module
    return module


class Repository(ClientRepository):
    def __init__(self, suffix, port, files):
        ClientRepository.__init__(self, dcFileNames=files, dcSuffix=suffix, connectMethod=self.CM_NET)
        self.connect([URLSpec(f"http://127.0.0.1:{port}")], successCallback=lambda: None,
                     failureCallback=lambda *args: emit("failed"))

    def lostConnection(self):
        emit("lost")

    def createReady(self):
        ClientRepository.createReady(self)
        emit("ready", ID=self.doIdBase)

    def deallocateChannel(self, doId):
        """An AI dies without it at the first deletion."""


def gets_statements():
    """The queue of statements from stdin. None is its end."""
    statements = queue.Queue()

    def read():
        for line in sys.stdin:
            statements.put(line)
        statements.put(None)
        time.sleep(60)
        os._exit(3)  # the program is stuck somewhere

    threading.Thread(target=read, daemon=True).start()
    return statements


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["server", "client", "ai"])
    parser.add_argument("port", type=int)
    parser.add_argument("dc")
    options = parser.parse_args()
    faulthandler.dump_traceback_later(LIFETIME, exit=True)
    base = ShowBase()
    module = thing_module()
    files = [os.path.join(os.path.dirname(direct.distributed.__file__), "direct.dc"), options.dc]
    scope = {"base": base, "say": say, "values": values, **vars(module)}
    if options.role == "server":
        scope["server"] = ServerRepository(options.port, dcFileNames=files)
        emit("ready")
    else:
        scope["cr"] = Repository("AI" if options.role == "ai" else "", options.port, files)
        base.accept("gotTimeSync", lambda: say("gotTimeSync"))
    statements = gets_statements()
    while True:
        base.taskMgr.step()
        time.sleep(0.002)
        try:
            statement = statements.get_nowait()
        except queue.Empty:
            continue
        if statement is None:
            break
        exec(statement, scope)
        emit("done")
    os._exit(0)  # without the destructors: they are not what is tested


main()
