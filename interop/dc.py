"""Makes a random DC file, and says what Panda3D's DCFile and DCPacker make of it.

Argument: a seed. Prints a line of JSON for the file, whose hash is -1 if Panda3D refuses it, and one for each value of a
field: "used" is -1 if it cannot be unpacked, "packed" and "parsed" are what its arguments and its text give again, if they
can be packed: strings are unpacked also if they are too long.
The file has nothing in which the Go side is meant to differ: a range with a divisor, which Panda3D scales twice for a
default; a char with a range, which it does not check in arrays; arrays of char[], which it cannot unpack; an array of elements without bytes, which
ends it.
A process makes one file only, as Panda3D's parser keeps what is left of a text with an error for the next one.
"""

import json
import random
import sys

from panda3d.core import StringStream
from panda3d.direct import DCFile, DCPacker

KEYWORDS = "broadcast ram required p2p clsend db ownrecv airecv ownsend clrecv custom".split()
NUMBERS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float64".split()
STRINGS = "string blob blob32".split()
ARRAYS = "int8array int16array int32array uint8array uint16array uint32array uint32uint8array".split()
BRACKETS = ["[]", "[2]", "[1-3]", "[3]", "[0, 2-4]"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0
        self.types, self.structs, self.classes = [], [], []

    def chance(self, share):
        return self.random.random() < share

    def choose(self, *choices):
        return self.random.choice(choices)

    def name(self, prefix):
        self.count += 1
        return prefix + str(self.count)

    def basic(self):
        kind = self.choose(self.choose(*NUMBERS), self.choose(*STRINGS), self.choose(*ARRAYS), "char")
        if kind in NUMBERS:
            scale = "/" + self.choose("1", "10", "100") if self.chance(0.3) else ""
            modulus = "%" + self.choose("7", "2", "1.5") if self.chance(0.2) else ""
            limits = ""
            if not scale and self.chance(0.3):
                low = "-5" if kind.startswith("int") else "0"
                limits = self.choose(" (%s - 90)" % low, " (3, 1, 97 - 120)", " (1-5)", " (7)")
            return kind + self.choose(scale + modulus + limits, limits + modulus + scale)
        if kind in STRINGS and self.chance(0.4):
            return kind + self.choose(" (3)", " (0-4)", " (1, 3-6)", " (2, 0)")
        if kind in ARRAYS and self.chance(0.2):
            return kind + self.choose("/10", "%5")
        return kind

    def switch(self, depth, name=""):
        key = self.choose("uint8", "int16 key", "string", "char", "uint8 (0-5)")
        quote = '"' if key in ("string", "char") else ""
        text = "switch %s (%s) {" % (name, key)
        for value in self.random.sample("012345" if not quote else "abcdef", self.random.randint(1, 4)):
            text += " case %s%s%s:" % (quote, value, quote)
            for _ in range(self.choose(0, 1, 2)):
                text += " %s;" % self.parameter(depth + 1)
            if self.chance(0.6):
                text += " break;"
        if self.chance(0.4):
            text += " default: %s;" % self.parameter(depth + 1)
        return text + " }"

    def type(self, depth):
        kind = self.random.random()
        if depth < 3 and kind < 0.08:
            return "struct { %s }" % " ".join(self.member(depth + 1) for _ in range(self.random.randint(1, 3)))
        if depth < 3 and kind < 0.16:
            return self.switch(depth)
        if kind < 0.4 and self.types:
            return self.random.choice(self.types)
        return self.basic()

    def parameter(self, depth):
        kind = self.type(depth)
        text = "%s %s" % (kind, self.name("v"))
        while self.chance(0.2):
            text += self.choose(*BRACKETS)
            if kind == "char" or kind in self.types:
                break
        return text

    def member(self, depth):
        if self.chance(0.1):
            return "%s(%s, %s);" % (self.name("m"), self.parameter(depth), self.parameter(depth))
        return self.parameter(depth) + ";"

    def declaration(self):
        kind = self.choose("typedef", "struct", "switch", "dclass", "dclass")
        if kind == "typedef":
            name = self.name("T")
            text = "typedef %s %s%s" % (self.type(1), name, self.choose("", *BRACKETS))
        elif kind == "switch":
            name = self.name("W")
            text = self.switch(1, name)
        elif kind == "struct":
            name = self.name("S")
            base = " : " + self.random.choice(self.structs) if self.structs and self.chance(0.3) else ""
            members = " ".join(self.member(1) for _ in range(self.random.randint(1, 3)))
            text = "struct %s%s { %s }" % (name, base, members)
            self.structs.append(name)
        else:
            return self.dclass()
        self.types.append(name)
        return text + ";"

    def dclass(self):
        name = self.name("C")
        bases = self.random.sample(self.classes, min(len(self.classes), self.choose(0, 1, 2)))
        fields, plain = ["again(%s);" % self.parameter(1)] if self.chance(0.3) else [], []
        for _ in range(self.random.randint(1, 5)):
            keywords = " ".join(self.random.sample(KEYWORDS, self.choose(0, 1, 2)))
            field = self.name("f")
            if self.chance(0.2):
                fields.append("%s %s %s;" % (self.type(1), field, keywords))
            else:
                parameters = ", ".join(self.parameter(1) for _ in range(self.choose(0, 1, 2, 3)))
                fields.append("%s(%s) %s;" % (field, parameters, keywords))
                plain.append((field, keywords))
        if plain and self.chance(0.4):
            members = [field for field, keywords in plain if keywords == plain[0][1]]
            fields.append("%s : %s;" % (self.name("f"), ", ".join(members)))
        self.classes.append(name)
        return "dclass %s%s { %s };" % (name, " : " + ", ".join(bases) if bases else "", " ".join(fields))

    def text(self):
        lines = ["keyword p2p custom;", "keyword ram;" if self.chance(0.3) else ""]
        return "\n".join(lines + [self.declaration() for _ in range(self.random.randint(3, 9))])

    def values(self, default):
        """Packed values: the default, and bytes that are values or are not."""
        yield default
        for _ in range(5):
            yield bytes(self.choose(0, 0, 1, 2, 3, 4, 5, 97, 98, 99) for _ in range(self.random.randint(0, 14)))
        for _ in range(3 if default else 0):
            changed = bytearray(default)
            changed[self.random.randrange(len(changed))] = self.random.randint(0, 100)
            yield bytes(changed)


def pack(field, fill):
    """The bytes, or nothing if Panda3D cannot pack the value."""
    packer = DCPacker()
    packer.begin_pack(field)
    try:
        ok = fill(packer)
    except Exception:
        return None
    data = packer.get_bytes()
    return data.hex() if packer.end_pack() and ok is not False else None


def value(field, data):
    """What Panda3D makes of packed bytes."""
    unpacker = DCPacker()
    unpacker.set_unpack_data(data)
    unpacker.begin_unpack(field)
    result = {"data": data.hex(), "used": -1}
    try:
        args = field.unpack_args(unpacker)
    except Exception:
        return result
    used = unpacker.get_num_unpacked_bytes()
    if not unpacker.end_unpack():
        return result
    text = field.format_data(data[:used], False)
    packed = pack(field, lambda packer: field.pack_args(packer, args))
    return dict(result, used=used, text=text, names=field.format_data(data[:used], True),
                packed=packed, parsed=bytes(field.parse_string(text)).hex())


def main():
    maker = Maker(int(sys.argv[1]))
    text = maker.text()
    file = DCFile()
    if not file.read(StringStream(text.encode()), "random.dc") or not file.all_objects_valid():
        print(json.dumps({"dc": text, "hash": -1}))
        return
    print(json.dumps({"dc": text, "hash": file.get_hash()}))
    for number in range(file.get_num_classes()):
        dclass = file.get_class(number)
        for index in range(dclass.get_num_fields()):
            field = dclass.get_field(index)
            default = pack(field, lambda packer: packer.pack_default_value())
            for i, data in enumerate(maker.values(bytes.fromhex(default or ""))):
                line = dict(value(field, data), field=field.get_number(), default=i == 0 and default is not None)
                print(json.dumps(line))


main()
