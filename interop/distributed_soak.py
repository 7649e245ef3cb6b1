"""Many clients or AIs of Panda3D's direct.distributed in one process, for the soak: they make objects, speak, move, look elsewhere
and delete at random. Each object's "say" counts, so that those who hear it know of every one that was lost.

stdin: "rest" ends the activity, "report" prints what each sees. The end of stdin ends the program.
"""
import argparse
import json
import os
import queue
import random
import sys
import threading
import time
import types

from panda3d.core import URLSpec, loadPrcFileData

loadPrcFileData("", "window-type none\naudio-library-name null\nnotify-level error")

import direct.distributed
from direct.showbase.ShowBase import ShowBase
from direct.distributed.ClientRepository import ClientRepository
from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectAI import DistributedObjectAI
from direct.distributed.DistributedSmoothNode import DistributedSmoothNode

ZONES = range(1, 21)


def emit(event, **fields):
    print(json.dumps({"Event": event, **fields}), flush=True)


def thing(base):
    class Thing(base):
        name, hp, pair, a, b = "soak", 1, (1, "p"), 1.5, 2.5

        def __init__(self, repository):
            base.__init__(self, repository)
            self.repository, self.heard, self.said = repository, None, 0

        def setName(self, name): self.name = name
        def getName(self): return self.name
        def setHp(self, hp): self.hp = hp
        def getHp(self): return self.hp
        def setPair(self, a, b): self.pair = a, b
        def getPair(self): return self.pair
        def setA(self, a): self.a = a
        def getA(self): return self.a
        def setB(self, b): self.b = b
        def getB(self): return self.b
        def setAB(self, a, b): self.a, self.b = a, b

        def say(self, text):
            if not text.isdigit():
                return  # from one who sends rubbish, and this could be unpacked
            n = int(text)
            if self.heard is not None and n != self.heard + 1:
                emit("problem", Text=f"{self.repository.doIdBase} heard {n} of {self.doId} after {self.heard}")
            self.heard = n
            heard[0] += 1

        def ask(self, what):
            self.repository.sendUpdateToChannel(self, self.repository.getAvatarIdFromSender(), "answer", [what, str(what)])

        def answer(self, what, text):
            if str(what) != text:
                emit("problem", Text=f"{self.doId} answers {text} to {what}")

        def poke(self, n): pass

    return Thing


heard = [0]
module = types.ModuleType("thing")
module.Thing = thing(DistributedObject)
module.ThingAI = thing(DistributedObjectAI)
module.Thing.__name__, module.ThingAI.__name__ = "Thing", "ThingAI"
module.Mover = type("Mover", (DistributedSmoothNode,), {})
sys.modules["thing"] = module


class Repository(ClientRepository):
    def __init__(self, suffix, port, files):
        ClientRepository.__init__(self, dcFileNames=files, dcSuffix=suffix, connectMethod=self.CM_NET)
        self.suffix, self.mine, self.zones, self.ready = suffix, [], [], False
        self.connect([URLSpec(f"http://127.0.0.1:{port}")], successCallback=lambda: None,
                     failureCallback=lambda *args: emit("problem", Text="no connection"))

    def lostConnection(self):
        emit("problem", Text=f"{self.doIdBase} has lost its connection")

    def createReady(self):
        ClientRepository.createReady(self)
        self.ready = True

    def deallocateChannel(self, doId):
        """An AI dies without it at the first deletion."""

    def act(self):
        self.mine = [o for o in self.mine if o.doId in self.doId2do]
        what = random.random()
        if what < 0.05 and len(self.mine) < 3:
            self.mine.append(self.createDistributedObject(className="Thing" + self.suffix, zoneId=random.choice(ZONES)))
        elif what < 0.08 and self.mine:
            self.sendDeleteMsg(self.mine.pop(random.randrange(len(self.mine))).doId)
        elif what < 0.12:
            self.zones = random.sample(ZONES, random.randrange(5))
            self.setInterestZones(self.zones)
        elif what < 0.16 and self.mine:
            self.move(random.choice(self.mine), random.choice(ZONES))
        elif what < 0.22 and self.doId2do:
            random.choice(list(self.doId2do.values())).sendUpdate("ask", [random.randrange(65536)])
        elif what < 0.28 and self.doId2do:
            random.choice(list(self.doId2do.values())).sendUpdate("poke", [1])
        elif self.mine:
            o = random.choice(self.mine)
            o.said += 1
            o.sendUpdate("say", [str(o.said)])
            o.sendUpdate("setAB", [o.said % 100, 0.5])

    def move(self, o, zone):
        if not self.suffix:
            self.setObjectZone(o, zone)
            return
        self.sendSetLocation(o.doId, 0, zone)  # setObjectZone fails for objects of an AI
        o.setLocation(0, zone)
        self.resendGenerate(o)


def commands():
    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line.strip())
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suffix", choices=["client", "AI"])
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("rate", type=float, help="actions a second of each")
    options = parser.parse_args()
    base = ShowBase()
    files = [os.path.join(os.path.dirname(direct.distributed.__file__), "direct.dc"), "distributed.dc"]
    repositories = []
    lines = commands()
    while len(repositories) < options.count or not all(r.ready for r in repositories):
        if len(repositories) < options.count:
            repositories.append(Repository("AI" if options.suffix == "AI" else "", options.port, files))
        base.taskMgr.step()
    emit("ready")
    resting, due = False, time.monotonic()
    while True:
        base.taskMgr.step()
        if not resting and time.monotonic() > due:
            due += 1 / (options.rate * options.count)
            random.choice(repositories).act()
        else:
            time.sleep(0.02)
        try:
            line = lines.get_nowait()
        except queue.Empty:
            continue
        if line == "rest":
            resting = True
            emit("resting")
        elif line == "report":
            for _ in range(3):
                base.taskMgr.step()  # what had arrived before the line is taken
            for r in repositories:
                emit("view", Base=r.doIdBase, Sees=sorted(r.doId2do))
            emit("report", Heard=heard[0])


main()
