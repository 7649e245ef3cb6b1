"""The client of Panda3D's manual page "Client-Server Connection", call for call, with the calls that old copies of the
page lost, and the message of its next page, "Transmitting Data".

Added to the page: flags, an end (so many messages have come, or its stdin closes), and a line of JSON for what happens.
"""
import argparse

import peer
from direct.distributed.PyDatagram import PyDatagram
from direct.distributed.PyDatagramIterator import PyDatagramIterator
from direct.task import Task
from direct.task.TaskManagerGlobal import taskMgr
from panda3d.core import ConnectionWriter, NetDatagram, QueuedConnectionManager, QueuedConnectionReader

PRINT_MESSAGE = 1

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--address", default="127.0.0.1")
parser.add_argument("--port", type=int, default=9099)
parser.add_argument("--header-size", type=int, default=2, choices=(2, 4))
parser.add_argument("--text", default="Hello, world!")
parser.add_argument("--messages", type=int, default=1, help="how many to take before closing")
options = parser.parse_args()
peer.guard()

cManager = QueuedConnectionManager()
cReader = QueuedConnectionReader(cManager, 0)
cWriter = ConnectionWriter(cManager, 0)
cReader.setTcpHeaderSize(options.header_size)
cWriter.setTcpHeaderSize(options.header_size)

port_address = options.port
ip_address = options.address
timeout = 3000

taken = 0


def tskReaderPolling(taskdata):
    if cReader.dataAvailable():
        datagram = NetDatagram()
        if cReader.getData(datagram):
            myProcessDataFunction(datagram)
    return Task.cont


def myProcessDataFunction(netDatagram):
    global taken
    myIterator = PyDatagramIterator(netDatagram)
    msgID = myIterator.getUint8()
    if msgID == PRINT_MESSAGE:
        messageToPrint = myIterator.getString()
        peer.emit("message", id=msgID, text=messageToPrint, left=myIterator.getRemainingSize())
        taken += 1


def myNewPyDatagram():
    myPyDatagram = PyDatagram()
    myPyDatagram.addUint8(PRINT_MESSAGE)
    myPyDatagram.addString(options.text)
    return myPyDatagram


myConnection = cManager.openTCPClientConnection(ip_address, port_address, timeout)
if not myConnection:
    raise SystemExit("cannot connect")
cReader.addConnection(myConnection)
peer.emit("connected")

taskMgr.add(tskReaderPolling, "Poll the connection reader", -40)

cWriter.send(myNewPyDatagram(), myConnection)

while taken < options.messages and peer.running():
    taskMgr.step()
    cManager.waitForReaders(0.01)

cManager.closeConnection(myConnection)
peer.emit("done")
