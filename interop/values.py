"""Sends a datagram for each row of values.json through Panda3D's add methods, then reads the rows that the other side
sends, through Panda3D's own iterator, and prints what it read. A last datagram holds all the short rows at once.

A row: the method, its value (text as it is, bytes in hex, repeated "times" times), the "size" of a fixed string, what is
"read" back if that differs, the "hex" of its bytes, and the header size that it needs if it is too long for 2.
A stdfloat_double is 8 bytes wide but goes through a float32 in Panda3D, so its rows have values that survive that.
"""
import json
import pathlib
import struct

from panda3d.core import Datagram, DatagramIterator

import peer


def rows(header_size):
    table = json.loads(pathlib.Path(__file__).with_name("values.json").read_text(encoding="utf-8"))
    return [row for row in table if row.get("header", 2) <= header_size]


def together(rows):
    """Those that fit in one datagram: the short ones, and not the one whose width is a matter of the whole datagram."""
    return [row for row in rows if "times" not in row and row["method"] != "stdfloat_double"]


def camel(prefix, method):
    return prefix + "".join(word.capitalize() for word in method.split("_"))


def add(datagram, row):
    method, value = row["method"], row["value"]
    if isinstance(value, str):
        value *= row.get("times", 1)
    if "float" in method:
        value = float(value)
    if method == "stdfloat_double":
        datagram.setStdfloatDouble(True)
        datagram.addStdfloat(value)
    elif method == "fixed_string":
        datagram.addFixedString(value, row["size"])
    elif method in ("blob", "blob32"):
        getattr(datagram, camel("add", method))(bytes.fromhex(value))
    elif method == "append_data":
        datagram.appendData(bytes.fromhex(value))
    elif method == "pad_bytes":
        datagram.padBytes(value)
    else:
        getattr(datagram, camel("add", method))(value)


def read(iterator, row):
    """One value: an integer or text as it is, a float as the bits of a float64, bytes in hex."""
    method = row["method"]
    if method == "pad_bytes":
        before = iterator.getCurrentIndex()
        iterator.skipBytes(row["value"])
        return iterator.getCurrentIndex() - before
    if method == "append_data":
        return iterator.extractBytes(len(row["value"]) // 2).hex()
    if method == "fixed_string":
        return iterator.getFixedString(row["size"])
    if method == "stdfloat_double":
        value = iterator.getStdfloat()
    else:
        value = getattr(iterator, camel("get", method))()
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    if isinstance(value, bytes):
        return value.hex()
    return value


def main():
    options = peer.options(__doc__)
    peer.guard()
    link = peer.Peer(options.header_size)
    connection = link.link(options.connect)
    table = rows(options.header_size)
    tried = {camel("add", row["method"]) for row in table}
    if untried := [name for name in dir(Datagram) if name.startswith("add") and "_" not in name and name not in tried]:
        raise AssertionError(f"values.json has no row for {untried}")
    batches = [[row] for row in table] + [together(table)]
    for batch in batches:
        datagram = Datagram()
        for row in batch:
            add(datagram, row)
        link.send(datagram, connection)
    for batch, datagram in zip(batches, link.receive(len(batches)), strict=True):
        datagram.setStdfloatDouble(batch[0]["method"] == "stdfloat_double")
        iterator = DatagramIterator(datagram)
        for row in batch:
            peer.emit("value", name=row["name"], read=read(iterator, row))
        peer.emit("end", left=iterator.getRemainingSize())
    peer.emit("done")


if __name__ == "__main__":
    main()
