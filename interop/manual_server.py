"""The server of Panda3D's manual page "Client-Server Connection", call for call, with the calls that old copies of the
page lost, and the messages of its next page, "Transmitting Data". It sends each message on to all clients.

Added to the page: flags, an end (its stdin closes), a line of JSON for what happens, and the loop that ShowBase runs.
"""
import argparse

import peer
from direct.distributed.PyDatagram import PyDatagram
from direct.distributed.PyDatagramIterator import PyDatagramIterator
from direct.task import Task
from direct.task.TaskManagerGlobal import taskMgr
from panda3d.core import (ConnectionWriter, NetAddress, NetDatagram, PointerToConnection, QueuedConnectionListener,
                          QueuedConnectionManager, QueuedConnectionReader)

PRINT_MESSAGE = 1

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--address", default="", help="address to listen on; all of them without it")
parser.add_argument("--port", type=int, default=9099)
parser.add_argument("--header-size", type=int, default=2, choices=(2, 4))
options = parser.parse_args()
peer.guard()

cManager = QueuedConnectionManager()
cListener = QueuedConnectionListener(cManager, 0)
cReader = QueuedConnectionReader(cManager, 0)
cWriter = ConnectionWriter(cManager, 0)
cReader.setTcpHeaderSize(options.header_size)
cWriter.setTcpHeaderSize(options.header_size)

activeConnections = []

port_address = options.port
backlog = 1000
if options.address:
    tcpSocket = cManager.openTCPServerRendezvous(options.address, port_address, backlog)
else:
    tcpSocket = cManager.openTCPServerRendezvous(port_address, backlog)

cListener.addConnection(tcpSocket)
peer.emit("listening", port=peer.port_of(tcpSocket))


def tskListenerPolling(taskdata):
    if cListener.newConnectionAvailable():
        rendezvous = PointerToConnection()
        netAddress = NetAddress()
        newConnection = PointerToConnection()
        if cListener.getNewConnection(rendezvous, netAddress, newConnection):
            newConnection = newConnection.p()
            activeConnections.append(newConnection)
            cReader.addConnection(newConnection)
            peer.emit("connected", clients=len(activeConnections))
    return Task.cont


def tskReaderPolling(taskdata):
    if cReader.dataAvailable():
        datagram = NetDatagram()
        if cReader.getData(datagram):
            myProcessDataFunction(datagram)
    return Task.cont


def myProcessDataFunction(netDatagram):
    myIterator = PyDatagramIterator(netDatagram)
    msgID = myIterator.getUint8()
    if msgID == PRINT_MESSAGE:
        messageToPrint = myIterator.getString()
        peer.emit("message", id=msgID, text=messageToPrint, left=myIterator.getRemainingSize(),
                  client=activeConnections.index(netDatagram.getConnection()))
        broadcast(messageToPrint)


def broadcast(text):
    myPyDatagram = PyDatagram()
    myPyDatagram.addUint8(PRINT_MESSAGE)
    myPyDatagram.addString(text)
    for aClient in activeConnections:
        cWriter.send(myPyDatagram, aClient)


taskMgr.add(tskListenerPolling, "Poll the connection listener", -39)
taskMgr.add(tskReaderPolling, "Poll the connection reader", -40)

while peer.running():
    taskMgr.step()
    cManager.waitForReaders(0.01)

for aClient in activeConnections:
    cReader.removeConnection(aClient)
    cManager.closeConnection(aClient)  # not on the page, which stops listening to its clients but never closes them
activeConnections = []
cManager.closeConnection(tcpSocket)
peer.emit("done")
