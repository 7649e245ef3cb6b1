"""Prints the addresses of this machine's network interfaces, as Panda3D sees them."""
from panda3d.core import QueuedConnectionManager

import peer


def main():
    peer.guard()
    manager = QueuedConnectionManager()
    manager.scanInterfaces()
    for n in range(manager.getNumInterfaces()):
        peer.emit("interface", text=str(manager.getInterface(n)))
    peer.emit("done")


if __name__ == "__main__":
    main()
