package distributed

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/queuednet/queuednet/distributed/dc"
)

// A fieldCache has the newest required and ram fields of an object, by number.
type fieldCache struct {
	fields map[uint16][]byte
	size   int // of the fields with their numbers
}

// setFields takes in the fields of a generate, and setField those of an update. They return by
// how much the cache grows; with dry set, that is all that they do.
func (cache *fieldCache) setFields(c *class, fields []byte, dry bool) (grown int) {
	_ = c.walk(fields, func(f *dc.Field, args []byte, _ bool) { grown += cache.setField(f, args, dry) })
	return grown
}

func (cache *fieldCache) setField(f *dc.Field, args []byte, dry bool) (grown int) {
	if f.Kind() == dc.Molecular {
		for i := range f.NumAtomics() {
			atomic := f.Atomic(i)
			n, err := atomic.Validate(args)
			if err != nil {
				break
			}
			grown += cache.setField(atomic, args[:n], dry)
			args = args[n:]
		}
		return grown
	}
	if !f.IsRequired() && !f.IsRAM() {
		return 0
	}
	number := uint16(f.Number())
	old, ok := cache.fields[number]
	grown = len(args) - len(old)
	if !ok {
		grown += 2
	}
	if dry {
		return grown
	}
	if cache.fields == nil {
		cache.fields = make(map[uint16][]byte)
	}
	cache.fields[number] = append(old[:0], args...)
	cache.size += grown
	return grown
}

// appendFields appends the fields of a generate as the owner would send it: the
// required ones, then the others that are broadcast and ram.
func (cache *fieldCache) appendFields(dst []byte, c *class, repair bool) []byte {
	for _, f := range c.required {
		if !repair || f.IsBroadcast() {
			dst = append(dst, cache.fields[uint16(f.Number())]...)
		}
	}
	var others []uint16
	for number := range cache.fields {
		f := c.dc.FieldByNumber(int(number))
		if f.IsBroadcast() && f.IsRAM() && !slices.Contains(c.required, f) {
			others = append(others, number)
		}
	}
	slices.Sort(others)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(others)))
	for _, number := range others {
		dst = appendField(dst, number, cache.fields[number])
	}
	return dst
}

// cacheAllowed says whether what is kept of an object may grow: the generate that is made of it
// must fit a message, and a client has MaxCachedBytes. If not, it drops the
// message.
func (s *state) cacheAllowed(c, owner *Client, cache *fieldCache, doID uint32, grown int) bool {
	const header = 18 // of an OBJECT_GENERATE, with the number of other fields
	size := cache.size + grown
	switch {
	case grown <= 0:
	case header+size > s.maxPayload:
		s.drop(c, DropTooLong, doID, fmt.Errorf("fields of object %d with %d bytes in all", doID, size))
		return false
	case owner.cached+grown > s.config.MaxCachedBytes && owner.local == nil:
		s.drop(c, DropLimit, doID, fmt.Errorf("%d bytes are kept of the objects of client %d", owner.cached, owner.base))
		return false
	}
	return true
}
