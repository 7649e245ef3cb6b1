package distributed

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// owned is a scene with an object in zone 5, its owner, one who watches the zone and
// one who does not, none of whom has anything left to receive.
func owned(t *testing.T, config *ServerConfig, class, fields string) (owner, watcher, stranger *peer) {
	s := newScene(t, config)
	owner, watcher, stranger = s.connect(), s.watch(5), s.watch(6)
	owner.send(generate(5, classNumber(class), owner.base, fields))
	watcher.received()
	require.Equal(t, 1, s.stats().Objects)
	return owner, watcher, stranger
}

const thingFields = "0600 6e6f6e616d65 0000"

var _ = addRows(map[string]func(t *testing.T){
	"S15": func(t *testing.T) {
		a, b, c := owned(t, nil, "Thing", thingFields)
		a.send(say(a.base, "hi"))
		a.gets()
		b.gets(sayFrom(a, "hi"))
		c.gets()
	},
	"S16": func(t *testing.T) {
		a, b, c := owned(t, nil, "Thing", thingFields)
		a.send(set(a.base, "Thing", "shout", "hi"))
		a.gets(setFrom(a, a.base, "Thing", "shout", "hi"))
		b.gets(setFrom(a, a.base, "Thing", "shout", "hi"))
		c.gets()
	},
	"S17": func(t *testing.T) {
		a, b, c := owned(t, nil, "Thing", thingFields)
		c.send(set(a.base, "Thing", "ask", 7))
		a.gets(setFrom(c, a.base, "Thing", "ask", 7))
		b.gets()
		c.gets()
	},
	"S18": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		a.send(set(a.base, "Thing", "ask", 7))
		a.gets(setFrom(a, a.base, "Thing", "ask", 7))
		b.gets()
		a, b, _ = owned(t, nil, "Keys", "00 0000")
		b.send(set(a.base, "Keys", "both", 7))
		a.gets(setFrom(b, a.base, "Keys", "both", 7))
		b.gets()
	},
	"S19": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		a.send(set(a.base, "Thing", "answer", 1, "x"))
		b.send(set(a.base, "Thing", "answer", 1, "x"))
		a.gets()
		b.gets()
		a.dropped(map[DropReason]uint64{DropNoKeyword: 1, DropNotOwner: 1})
	},
	"S20": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		b.send(say(a.base, "not mine"), set(a.base, "Thing", "shout", "not mine"))
		a.gets()
		b.gets()
		a.dropped(map[DropReason]uint64{DropNotOwner: 2})
	},
	"S21": func(t *testing.T) {
		a, b, c := owned(t, nil, "Thing", thingFields)
		b.send(set(a.base, "Thing", "poke", 1))
		c.send(set(a.base, "Thing", "poke", 2))
		a.gets(setFrom(b, a.base, "Thing", "poke", 1), setFrom(c, a.base, "Thing", "poke", 2))
		b.gets(setFrom(c, a.base, "Thing", "poke", 2))
		c.gets()
	},
	"S22": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		b.send(set(a.base, "Thing", "nudge", 1))
		a.gets()
		a.dropped(map[DropReason]uint64{DropNoKeyword: 1})
	},
	"S23": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		a.send(set(a.base, "Thing", "setAB", 1.5, 2.5), set(a.base, "DistributedObject", "setLocation", 0, 5))
		b.gets(setFrom(a, a.base, "Thing", "setAB", 1.5, 2.5), setFrom(a, a.base, "DistributedObject", "setLocation", 0, 5))

		a, b, _ = owned(t, nil, "Derived", "0000")
		a.send(set(a.base, "Base", "again", 1), set(a.base, "Derived", "again", 1000), set(a.base, "Derived", "after", 3))
		b.gets(setFrom(a, a.base, "Base", "again", 1), setFrom(a, a.base, "Derived", "again", 1000), setFrom(a, a.base, "Derived", "after", 3))
	},
	"S24": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		a.send(set(a.base, "Ghost", "boo", 1),
			appendClientObjectUpdateField(nil, a.base, 0, unhex("0000")),
			appendClientObjectUpdateField(nil, a.base, 60_000, unhex("0000")))
		b.gets()
		a.dropped(map[DropReason]uint64{DropUnknownField: 3})
	},
	"S25": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		a.send(say(77, "x"), setZone(77, 1), remove(77), target(b.base, 77, "Thing", "say", "x"))
		a.gets()
		b.gets()
		a.dropped(map[DropReason]uint64{DropUnknownObject: 4})
	},
	"S26": func(t *testing.T) {
		a, b, c := owned(t, nil, "Thing", thingFields)
		a.send(target(c.base, a.base, "Thing", "answer", 1, "c"), target(a.base, a.base, "Thing", "say", "me"))
		c.gets(setFrom(a, a.base, "Thing", "answer", 1, "c"))
		a.gets(setFrom(a, a.base, "Thing", "say", "me"))
		b.gets()
	},
	"S27": func(t *testing.T) {
		a, b, c := owned(t, nil, "Thing", thingFields)
		b.send(target(c.base, a.base, "Thing", "answer", 1, "x"), target(c.base, a.base, "Thing", "say", "x"))
		c.gets()
		b.send(target(c.base, a.base, "Thing", "ask", 1), target(c.base, a.base, "Thing", "nudge", 2))
		c.gets(setFrom(b, a.base, "Thing", "ask", 1), setFrom(b, a.base, "Thing", "nudge", 2))
		a.gets()
		a.dropped(map[DropReason]uint64{DropNotOwner: 2})
	},
	"S29": func(t *testing.T) {
		a, _, _ := owned(t, nil, "Thing", thingFields)
		a.send(target(42, a.base, "Thing", "say", "x"))
		a.gets()
		a.dropped(map[DropReason]uint64{DropUnknownTarget: 1})
		a.alive()
	},
	"S30": func(t *testing.T) {
		a, _, _ := owned(t, nil, "Thing", thingFields)
		a.send(unhex("3323"))
		a.gets()
		a.dropped(map[DropReason]uint64{})
		a.alive()
	},
	"S41": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		text := string(bytes.Repeat([]byte("x"), 65531-8-2))
		require.Len(t, say(a.base, text), 65531)
		a.send(say(a.base, text))
		b.gets(sayFrom(a, text))
	},
	"S42": func(t *testing.T) {
		a, b, _ := owned(t, nil, "Thing", thingFields)
		long := append(say(a.base, "x"), bytes.Repeat([]byte{1}, 65535-11)...)
		require.Len(t, long, 65535)
		a.send(long, say(a.base, "next"))
		b.gets(sayFrom(a, "next"))
		a.dropped(map[DropReason]uint64{DropTooLong: 1})
	},
	"S49": func(t *testing.T) {
		raw := func(base uint32, field string, args string) []byte {
			return appendClientObjectUpdateField(nil, base, fieldNumber("Thing", field), unhex(args))
		}
		bad := func(base uint32) [][]byte {
			return [][]byte{
				raw(base, "say", ""), raw(base, "say", "0500 61"), raw(base, "say", "0200 61ff"),
				raw(base, "level", "09"), raw(base, "setAB", "0100"),
				generate(5, classNumber("Thing"), base, ""), generate(5, classNumber("Thing"), base, "0100 ff 0000"),
				generate(5, classNumber("Thing"), base, "0100 61 0100"), generate(5, classNumber("Thing"), base, "0100 61 0100 ee00 00"),
				generate(5, classNumber("Thing"), base, "0100 61 0100 2f00 0100 ff"),
			}
		}
		a, b, _ := owned(t, nil, "Thing", thingFields)
		a.send(bad(a.base)...)
		a.send(raw(a.base, "say", "0100 61 eeee")) // bytes after the arguments harm nobody
		b.gets(appendObjectUpdateField(nil, a.base, a.base, fieldNumber("Thing", "say"), unhex("0100 61 eeee")))
		a.dropped(map[DropReason]uint64{DropBadFields: 10})

		a, b, _ = owned(t, &ServerConfig{RelayUnchecked: true}, "Thing", thingFields)
		a.send(bad(a.base)...)
		require.Len(t, b.received(), 10)
		a.dropped(map[DropReason]uint64{})
	},
})
