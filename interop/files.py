"""Datagram files, as Panda3D's own classes write and read them. One role a run:

write  writes files into a directory with DatagramOutputFile: one as it is, one with a header, one compressed, and one that
       is the data of a DatagramBuffer
read   reads the files named, with DatagramInputFile, or with DatagramBuffer where the name ends in .buffer
record reads a recording of package record, with DatagramInputFile and DatagramIterator

A datagram is told by its length and its digest. Panda3D 1.10.16 cannot read a header back.
"""
import argparse
import hashlib
import pathlib

from panda3d.core import (Datagram, DatagramBuffer, DatagramInputFile, DatagramIterator, DatagramOutputFile, Filename)

import peer

LENGTHS = (0, 1, 3, 255, 65535, 65536, 1_000_000, 0, 5)


def payloads():
    """The bytes of each count up from its number, modulo 251."""
    for number, length in enumerate(LENGTHS):
        yield (bytes(range(251)) * (length // 251 + 2))[number:number + length]


def digest(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def done(name, datagrams):
    peer.emit("file", name=name, datagrams=[digest(data) for data in datagrams])


def check(ok, what):
    if not ok:
        raise AssertionError(what)


def write(directory):
    for name, header in (("plain.dat", b""), ("header.dat", b"HDR\n"), ("compressed.dat.pz", b"")):
        file = DatagramOutputFile()
        check(file.open(Filename(str(directory / name))), "open")
        if header:
            check(file.writeHeader(header), "writeHeader")
        for data in payloads():
            check(file.putDatagram(Datagram(data)), "putDatagram")
        file.close()
        done(name, payloads())
    buffer = DatagramBuffer()
    for data in payloads():
        check(buffer.putDatagram(Datagram(data)), "putDatagram")
    (directory / "memory.buffer").write_bytes(buffer.data)
    done("memory.buffer", payloads())


def datagrams_of(path):
    if path.suffix == ".buffer":
        generator = DatagramBuffer(path.read_bytes())
    else:
        generator = DatagramInputFile()
        check(generator.open(Filename(str(path))), "open")
    while True:
        datagram = Datagram()
        if not generator.getDatagram(datagram):
            check(generator.isEof(), "it ends before its end")
            return
        yield datagram


def read(directory):
    for path in sorted(directory.iterdir()):
        done(path.name, [bytes(datagram) for datagram in datagrams_of(path)])


def record(directory):
    datagrams = datagrams_of(directory / "session.rec")
    beginning = DatagramIterator(next(datagrams))
    check(beginning.getFixedString(8) == "QNETREC\n", "magic")
    check(beginning.getUint16() == 2, "version")
    peer.emit("begun", sent=beginning.getInt64())
    for datagram in datagrams:
        event = DatagramIterator(datagram)
        kind, number, time = event.getUint8(), event.getUint32(), event.getUint64()
        text = ""
        if kind in (1, 4):
            text = event.getString()
        elif kind == 2:
            text = event.getRemainingBytes().decode()
        peer.emit("event", id=kind, port=number, sent=time, text=text)
    peer.emit("end")


def main():
    roles = {role.__name__: role for role in (write, read, record)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", required=True, choices=roles)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    peer.guard()
    roles[options.role](options.directory)
    peer.emit("done")


if __name__ == "__main__":
    main()
