"""A client of the example's world that is Panda3D itself, unmodified: python client.py PORT"""
import os
import sys

from panda3d.core import URLSpec, loadPrcFileData

loadPrcFileData("", "window-type none\naudio-library-name null\nnotify-level error")

from direct.showbase.ShowBase import ShowBase
from direct.distributed.ClientRepository import ClientRepository
from direct.distributed.DistributedObject import DistributedObject

sys.modules["client"] = sys.modules[__name__]  # world.dc imports the classes from here


def tell(text):
    print("panda3d:", text, flush=True)


class Avatar(DistributedObject):
    name, x, y = "Panda", 0, 0

    def setName(self, name):
        self.name = name

    def getName(self):
        return self.name

    def setXY(self, x, y):
        self.x, self.y = x, y

    def getXY(self):
        return self.x, self.y

    def say(self, text):
        tell(f'{self.name} at {self.x}, {self.y} says "{text}"')

    def announceGenerate(self):
        DistributedObject.announceGenerate(self)
        if not self.cr.isLocalId(self.doId):
            tell(f"{self.name} is here")


class Bell(DistributedObject):
    def announceGenerate(self):
        DistributedObject.announceGenerate(self)
        tell("there is a bell: ring it")
        self.sendUpdate("ring", [])

    def rung(self, by, times):
        tell(f"the bell, rung by {by}")


class Repository(ClientRepository):
    def __init__(self, port):
        world = os.path.join(os.path.dirname(os.path.abspath(__file__)), "world.dc")
        ClientRepository.__init__(self, dcFileNames=[world], connectMethod=self.CM_NET)
        self.connect([URLSpec(f"http://127.0.0.1:{port}")], failureCallback=lambda *args: sys.exit("no server"))

    def createReady(self):
        self.setInterestZones([1])
        self.avatar = self.createDistributedObject(className="Avatar", zoneId=1)
        base.taskMgr.doMethodLater(0.5, self.greet, "greet")

    def greet(self, task):
        self.avatar.sendUpdate("say", ["hello from Python"])

    def lostConnection(self):
        os._exit(0)


if __name__ == "__main__":
    base = ShowBase()
    base.cr = Repository(int(sys.argv[1]))
    base.run()
